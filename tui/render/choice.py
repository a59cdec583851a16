"""The choice of a rollback as rows: the set, its parts with their keys, the options."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Final

from textual.content import Content

from core.events import Kind
from tui.engine.choice import Choice, Option
from tui.engine.views import BAD
from tui.render import text
from tui.render.job import Canvas
from tui.render.row import Row
from tui.render.text import Glyphs, Part, assemble

KEYS: Final = {"1": Kind.CODE, "2": Kind.MEDIA, "3": Kind.DB}
_WIDE: Final = 100
_KEY: Final = "bold $text-accent"
_MUTED: Final = "$foreground-muted"
WORDS: Final = {
    Option.KEEP_ENV: "Keep the present app/etc/env.php",
    Option.PARTIAL: "Replace only, remove nothing",
    Option.WHOLE: "Load all tables, also the same ones",
    Option.LOAD_OPEN: "Load while the store is open",
    Option.KEEP_STRIPPED: "Keep present rows where it has none",
    Option.MAP_COLLATIONS: "Map collations this server lacks",
    Option.WITH_RELATED: "Also the tables tied by foreign keys",
    Option.FLUSH: "Flush the caches before opening",
}
_SHORT: Final = {
    Option.KEEP_ENV: "keep env.php",
    Option.PARTIAL: "remove nothing",
    Option.WHOLE: "all tables",
    Option.LOAD_OPEN: "load open",
    Option.KEEP_STRIPPED: "keep rows",
    Option.MAP_COLLATIONS: "map collations",
    Option.WITH_RELATED: "tied tables",
    Option.FLUSH: "no flush",
}


def choice_lines(choice: Choice, place: Canvas, zone: tzinfo | None) -> list[Content]:
    """Return the head of the plan: the set, its parts, the options that are not as usual."""
    rows = [_set_line(choice, place, zone), _parts_line(choice, place, zone)]
    only = (*choice.how.only, *choice.how.only_table)
    if only:
        words = f"Only {', '.join(map(text.clean, only))}"
        rows.insert(0, assemble((text.fit(words, place.width, place.glyphs).rstrip(), "bold")))
    left = [f"{text.count(len(choice.left))} left out"] if choice.left else []
    changed = ", ".join([*changed_words(choice), *left])
    if changed:
        words = text.fit(f"Options: {changed}", place.width, place.glyphs).rstrip()
        rows.append(assemble((words, "$text-warning")))
    if choice.is_mixed:
        words = f"{place.glyphs.warning} These backups are of different moments: they may not match"
        rows.append(assemble((text.fit(words, place.width, place.glyphs), "$text-warning")))
    return rows


def moment_words(choice: Choice, place: Canvas, zone: tzinfo | None) -> tuple[str, str]:
    """Return the moment of the newest backup that is taken, and its age."""
    moments = choice.moments or tuple(one.timestamp for one in choice.files.values())
    if not moments:
        return "", ""
    at = max(moments)
    zoned = f"{text.when(at, place.now_s, zone).strip()} {text.zone_name(zone)}"
    return zoned, text.age(at, place.now_s)


def _set_line(choice: Choice, place: Canvas, zone: tzinfo | None) -> Content:
    wide = place.width >= _WIDE
    if choice.how.repository is not None:
        name = choice.how.code_file or choice.how.media_file or choice.how.db_file or ""
        words = f"To {name.partition('_')[0]} in {choice.how.repository.name}"
        return assemble((text.fit(text.clean(words), place.width, place.glyphs).rstrip(), "bold"))
    when, age = moment_words(choice, place, zone)
    at = choice.place
    which = "" if at is None else f"{at + 1} of {len(choice.sets)}"
    lead = "To the set of " if wide else "To "
    parts: list[Part] = [lead if at is not None else "To backups of ", (when, "bold"), f", {age}"]
    gap = "     " if wide else "  "
    parts += [gap, ("[<]", _KEY), " Older  ", ("[>]", _KEY), " Newer"]
    if which:
        parts.append((f"{gap}{'set ' if wide else ''}{which}", _MUTED))
    return assemble(*parts)


def _parts_line(choice: Choice, place: Canvas, zone: tzinfo | None) -> Content:
    """Return the parts with their keys; without sizes where they would not fit."""
    line = _parts(choice, place, zone, sized=True)
    return line if line.cell_length <= place.width else _parts(choice, place, zone, sized=False)


def _parts(choice: Choice, place: Canvas, zone: tzinfo | None, *, sized: bool) -> Content:
    parts: list[Part] = []
    for key, kind in KEYS.items():
        parts += [(f"[{key}]", _KEY), *_part(choice, kind, place, zone, sized=sized)]
        parts.append("   " if place.width >= _WIDE else "  ")
    return assemble(*parts, ("[o]", _KEY), " Options")


def _part(
    choice: Choice, kind: Kind, place: Canvas, zone: tzinfo | None, *, sized: bool
) -> list[Part]:
    backup, taken = choice.files.get(kind), kind in choice.taken
    box = place.glyphs.on if taken else place.glyphs.off
    named: Part = (f" {box} {kind.value}", "bold" if taken else _MUTED)
    if backup is None:
        return [named, ("" if choice.how.repository is not None else " none", _MUTED)]
    wide, bad = place.width >= _WIDE, backup.health in BAD
    words = f" {text.column_size(backup.size_bytes)}" if sized else ""
    if sized and wide and not bad:
        words += f" {backup.health}"
    if sized and wide and backup.timestamp != max(choice.moments, default=backup.timestamp):
        words += f" of {text.when(backup.timestamp, place.now_s, zone).strip()}"
    return [
        named,
        (words, "" if taken else _MUTED),
        (f" {backup.health.upper()}" if bad else "", "bold $text-error"),
    ]


def changed_words(choice: Choice) -> list[str]:
    """Return the options that are not as usual, in short."""
    usual = {Option.FLUSH}
    return [
        _SHORT[option] for option in choice.options if choice.is_on(option) is not (option in usual)
    ]


def option_rows(choice: Choice, place: Canvas, zone: tzinfo | None) -> list[Row]:
    """Return everything that can be chosen as rows of a form: backups by kind, then options."""
    glyphs = place.glyphs
    rows = [_heading("backups", "BACKUPS   left and right: another one")]
    rows += [_kind_row(choice, kind, place, zone) for kind in Kind]
    rows.append(_heading("how", "HOW"))
    for option in choice.options:
        box = glyphs.on if choice.is_on(option) else glyphs.off
        rows.append(Row(option.value, _fitted(f"   {box} {WORDS[option]}", glyphs)))
    rows.append(_heading("first", "FIRST"))
    rows.append(Row("backup", _fitted("   [b] Take a fresh backup, then come back", glyphs)))
    return rows


def _heading(key: str, words: str) -> Row:
    title, _, more = words.partition("   ")
    return Row(
        key,
        lambda _width: assemble(
            (f" {title}", "bold $title"), (f"   {more}" if more else "", _MUTED)
        ),
        heading=True,
    )


def _fitted(words: str, glyphs: Glyphs, style: str = "") -> Callable[[int], Content]:
    return lambda width: assemble((text.fit(words, width, glyphs), style))


def _kind_row(choice: Choice, kind: Kind, place: Canvas, zone: tzinfo | None) -> Row:
    backup, glyphs = choice.files.get(kind), place.glyphs
    box = glyphs.on if kind in choice.taken else glyphs.off
    if backup is None:
        elsewhere = choice.how.repository
        words = f"   {box} {kind.value:<6} {'none' if elsewhere is None else 'elsewhere'}"
        refusal = f"There is no backup of {kind.value} in var/backups."
        return Row(kind.value, _fitted(words, glyphs, _MUTED), refusal=refusal)
    when = text.when(backup.timestamp, place.now_s, zone)
    size = text.right(text.column_size(backup.size_bytes), 7)
    bad = backup.health in BAD
    health = backup.health.upper() if bad else backup.health
    style = "bold $text-error" if bad else "bold" if kind in choice.taken else ""
    words = f"   {box} {kind.value:<6} {when} {size}  {health}"
    return Row(kind.value, _fitted(words, glyphs, style))
