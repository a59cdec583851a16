"""Backup sets as rows of a table, and one set as a block of text. Pure functions.

Columns: WHEN 12, AGE 9, CODE, MEDIA and DB 7 each, CHECK 9, and the note where there is room.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from textual.content import Content

from core.events import Kind
from tui.engine.views import UNKNOWN, BackupView, ChangedPart, NewerView, SetView
from tui.render import text
from tui.render.job import Canvas
from tui.render.text import Glyphs, assemble

AGE: Final = 9
SIZE: Final = 7
CHECK: Final = 9
WHERE: Final = 9
BOTH: Final = 2
NOTE: Final = 8  # cells of a note that are worth showing
HEALTH_WORDS: Final = {"damaged": "DAMAGED", "refused": "REFUSED", "unverified": "not read"}
HEALTH_STYLES: Final = {
    "damaged": "bold $text-error",
    "refused": "bold $text-error",
    "verified": "$text-success",
    "sound": "$text-success",
    "unverified": "$text-warning",
}
_FIXED: Final = 12 + AGE + 3 * SIZE + 2 + CHECK


def health_words(health: str) -> str:
    """Return the health of a backup for a column: bad states in capitals."""
    return HEALTH_WORDS.get(health, health)


def check_words(one: BackupView | SetView) -> tuple[str, str]:
    """Return the column of the check, and its style: a sound dump may lack rows of tables."""
    if one.without_rows and one.health in ("verified", "sound"):
        return "stripped", "$text-warning"
    return health_words(one.health), HEALTH_STYLES.get(one.health, "")


def head_line(width: int, zone: tzinfo | None, *, places: bool = False) -> Content:
    """Return the heads of the columns of `set_line`; with `places` WHERE too."""
    zone_words = f"WHEN {text.zone_name(zone)}"[:12]
    sizes = "".join(text.right(kind.value.upper(), SIZE) for kind in Kind)
    line = f"  {zone_words:<12}{text.right('AGE', AGE)}{sizes}  {'CHECK':<{CHECK}}"
    line += f" {'WHERE':<{WHERE}}" if places else ""
    note = " NOTE" if width - len(line) > NOTE else ""
    return assemble((f"{line}{note}"[:width], "$foreground-muted"))


def set_line(
    one: SetView,
    width: int,
    now_s: float,
    zone: tzinfo | None,
    glyphs: Glyphs,
    *,
    check: str = "",
    places: bool = False,
) -> Content:
    """Return one set in the columns of `head_line` less its first two cells."""
    sizes = "".join(text.right(_size_of(one, kind), SIZE) for kind in Kind)
    words, style = (check, "") if check else check_words(one)
    head = f"{text.when(one.timestamp, now_s, zone)}"
    # At the moment, as no column is as wide: seen where there is no room for a note, too.
    sign = glyphs.kept if one.keep else " "
    age = text.right(text.short_age(one.timestamp, now_s), AGE - 1)
    where = f" {text.fit(text.clean(where_words(one)), WHERE, glyphs)}" if places else ""
    room = width - _FIXED - len(where) - 1
    note = text.fit(text.clean(one.note or _odd(one)), room, glyphs) if room >= NOTE else ""
    return assemble(
        head,
        (sign, "bold $text-accent"),
        age,
        sizes,
        "  ",
        (f"{words:<{CHECK}}", style),
        where,
        (f" {note.rstrip()}" if note.strip() else "", "$foreground-muted"),
    )


def where_words(one: SetView) -> str:
    """Return where a set is: `here`, a repository, or `both` for here and one of them.

    `parts`: some of it is here and some elsewhere.
    """
    if one.is_scattered:
        return "parts"
    names = one.where or ("here",)
    return "both" if len(names) == BOTH and "here" in names else ", ".join(names)


def file_line(backup: BackupView, width: int, glyphs: Glyphs, *, check: str = "") -> Content:
    """Return one file of a set that is opened: name, size, check."""
    words, style = check_words(backup)
    words = check or words
    size = text.right(text.column_size(backup.size_bytes), SIZE + 1)
    name = text.fit(f"  {text.clean(backup.name)}", max(20, width - 20), glyphs)
    return assemble(name, size, "  ", (words, style))


def _size_of(one: SetView, kind: Kind) -> str:
    sizes = [backup.size_bytes for backup in one.backups if backup.kind is kind]
    return text.column_size(sum(sizes) if sizes else None)


def _odd(one: SetView) -> str:
    """Return the words in place of a note: several files of one kind, their label, the maker."""
    if any(backup.kind is None for backup in one.backups):
        return f"one archive of several kinds, {text.size(one.size_bytes)}"
    if len(one.backups) > len(one.kinds):
        return f"{text.plural(len(one.backups), 'file')} of one second"
    labels = (words for one in one.backups for label, words in one.details if label == "Label")
    label = next(labels, "").replace("_", " ")
    if label or one.maker.startswith("magerewind") or not one.maker:
        return label
    return "maker unknown" if one.maker == UNKNOWN else f"by {one.maker}"


def part_lines(one: SetView, place: Canvas) -> list[Content]:
    """Return the table of a set's parts: files or rows, size, whether it was read again."""
    rows = [assemble((_part_line("PART", "FILES/ROWS", "SIZE", "CHECK"), "$foreground-muted"))]
    for backup in one.backups:
        name = backup.kind.value if backup.kind is not None else "several"
        items = "" if backup.items is None else text.count(backup.items)
        line = _part_line(name, items, text.size(backup.size_bytes), "")
        rows.append(assemble(line, check_words(backup)))
        if backup.without_rows:
            words = f"no rows of {text.plural(backup.without_rows, 'table')}"
            rows.append(assemble((f"  {place.glyphs.warning} {words}", "$text-warning")))
        for warning in backup.warnings[:2]:
            folded = text.fold(text.clean(warning), place.width - 4)
            rows += [
                assemble((f"  {place.glyphs.warning} {row}", "$text-warning")) for row in folded
            ]
    return rows


def _part_line(name: str, items: str, size: str, check: str) -> str:
    return f"{name:<8}{text.right(items, 12)}{text.right(size, 11)}  {check}"


def about_lines(one: SetView, place: Canvas) -> list[Content]:
    """Return the facts of a set as a whole: note, version and maker, time of the closed store."""
    first = one.backups[0] if one.backups else None
    kept = f"{place.glyphs.kept} pruning leaves it" if one.keep else ""
    known = [("Note", one.note), ("Kept", kept)]
    if one.is_scattered:
        parts = (f"{part.kind or part.name} {', '.join(part.where)}" for part in one.backups)
        known.append(("Where", "; ".join(parts)))
    elif one.where:
        known.append(("Where", ", ".join(one.where)))
    versions = {backup.magento for backup in one.backups if backup.magento}
    maker = one.maker or "unknown"
    place_of = f" on {first.host}" if first is not None and first.host else ""
    version = f"{', '.join(sorted(versions))}, " if versions else ""
    known.append(("Magento", f"{version}by {maker}{place_of}"))
    taken = [backup.elapsed_s for backup in one.backups if backup.elapsed_s is not None]
    if taken:
        kept_open = any(backup.kept_open for backup in one.backups)
        closed = "the store stayed open" if kept_open else "the store was closed"
        known.append(("Taken", f"in {text.duration(sum(taken))}, {closed}"))
    rows: list[Content] = []
    for label, words in known:
        for number, row in enumerate(text.fold(text.clean(words), place.width - 10)):
            shown = "" if number else label
            if words:
                rows.append(assemble((f"{shown:<10}", "$foreground-muted"), row))
    return rows


def would_lines(
    changed: Mapping[Kind, ChangedPart | Exception | None],
    newer: NewerView | Exception | None,
    place: Canvas,
) -> list[Content]:
    """Return the estimated changes and losses of a rollback."""
    rows = [changed_line(kind, part, place) for kind, part in changed.items()]
    if isinstance(newer, NewerView):
        rows += lost_lines(newer, place)
    elif newer is not None:
        rows.append(
            assemble((f"{'db':<8}", ""), ("  ? the database does not answer", "$text-warning"))
        )
    return rows


def changed_head() -> Content:
    """Return the heads of the columns of `changed_line`."""
    line = f"{'PART':<8}{'CHANGED':>9}{'NEW':>9}{'GONE':>9}  WHERE MOST"
    return assemble((line, "$foreground-muted"))


def changed_line(kind: Kind, part: ChangedPart | Exception | None, place: Canvas) -> Content:
    """Return the changes of one kind's files, in columns; the signs are those of a plan."""
    label = f"{kind.value:<8}"
    if part is None:
        return assemble(label, ("  looking " + place.glyphs.ellipsis, "$foreground-muted"))
    if isinstance(part, Exception):
        words = text.clean(f"? {getattr(part, 'message', 'not looked at in time')}")
        return assemble(label, (text.fit(words, place.width - 8, place.glyphs), "$text-warning"))
    if not (part.changed or part.new or part.gone):
        words = "  nothing" if part.whole else "  nothing so far; not all was looked at"
        return assemble(label, (words, "$foreground-muted"))
    more = "" if part.whole else "+"
    numbers = (
        ("~", part.changed, "$text-warning"),
        ("+", part.new, "$text-success"),
        ("-", part.gone, "$text-error"),
    )
    parts: list[text.Part] = [label]
    for sign, number, style in numbers:
        parts.append((text.right(f"{sign} {text.count(number)}{more}" if number else "", 9), style))
    room, where = place.width - 37, ""
    for name in map(text.clean, part.where):
        if len(where) + len(name) + 2 > room:
            break
        where += f", {name}" if where else name
    return assemble(*parts, (f"  {where}", "$foreground-muted"))


def lost_lines(newer: NewerView, place: Canvas) -> list[Content]:
    """Return the losses of a rollback of the database."""
    rows = []
    if newer.words:
        rows.append(assemble(f"{'db':<8}", (f"  {newer.words} would be lost", "bold $text-error")))
    elif not newer.uncounted:
        words = "no order and no customer is newer"
        rows.append(assemble(f"{'db':<8}", (f"  {words}", "$foreground-muted")))
    for one in newer.uncounted:
        folded = text.fold(text.clean(f"{one}."), place.width - 8)
        rows += [assemble(f"{'':<8}", (row, "$text-warning")) for row in folded]
    return rows


def file_lines(backup: BackupView, place: Canvas) -> list[Content]:
    """Return everything that is known of one backup."""
    rows = [assemble((text.clean(backup.name), "bold"))]
    for label, words in backup.details:
        folded = text.fold(text.clean(words), place.width - 12)
        rows += [
            assemble((f"{'' if number else text.clean(label):<12}", "$foreground-muted"), row)
            for number, row in enumerate(folded)
        ]
    return rows


def item_lines(
    one: SetView, backup: BackupView | None, would: list[Content], place: Canvas, *, brief: bool
) -> list[Content]:
    """Return a set with its parts and what a rollback to it `would` do, or one of its files."""
    if backup is not None:
        return file_lines(backup, place)
    about = about_lines(one, place)
    if brief:
        return [*about[:2], *would]
    called = f"{one.timestamp}_*" if one.key == str(one.timestamp) else one.backups[0].name
    called = text.fit(text.clean(called), place.width - 22, place.glyphs).rstrip()
    names = (f"{'Names':<10}", "$foreground-muted"), f"{called}   [y] copy"
    parts = part_lines(one, place)
    return [*about, assemble(*names), Content(""), *parts, Content(""), *would]
