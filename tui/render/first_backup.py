"""A store without a backup: the contents and the needs of the first one, and the first steps.

Pure functions, for the room that lists and comparisons take later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from textual.content import Content

from core.events import Kind
from core.operations.requests import BackupRequest
from tui.engine.port import TimeLimit
from tui.engine.views import BackupCheckView, EstimateView, StoreView
from tui.render import text
from tui.render.facts import fact
from tui.render.job import Canvas
from tui.render.left_out import left_out_lines
from tui.render.outlook import check_findings, space_words
from tui.render.text import assemble

Check = BackupCheckView | Exception | None
_MUTED: Final = "$foreground-muted"
_KEYS: Final = (
    ("[b]", "Take a backup. Its size, its time and what it leaves out are shown before it starts."),
    ("[Enter]", "Open a backup: look inside, compare it with the store, take single files out."),
    (
        "[r]",
        "Plan a rollback. Every change and loss is shown before the question; it can be undone.",
    ),
    ("[h]", "See all jobs. A job goes on when the terminal is lost."),
    ("[?]", "See all keys of a screen. [^p] finds a command by its name."),
)
_COMMANDS: Final = (
    ("Every night", "magerewind schedule:install --on-calendar=02:30"),
    ("Settings", "magerewind config:generate"),
)


def first_lines(
    check: Check,
    asked: BackupRequest,
    store: StoreView | Exception | None,
    directory: str,
    place: Canvas,
    zone: tzinfo | None,
    *,
    brief: bool,
) -> list[Content]:
    """Return the contents of a first backup, its needs and its whereabouts.

    `asked` is the backup that the configuration asks for, `directory` the place of backups.
    """
    rows = [Content(""), *estimate_lines(check, place), Content("")]
    rows += _space(check, place)
    rows += fact("Goes to", directory, place)
    if brief:
        return rows
    elsewhere = ", ".join(one.name for one in asked.repositories)
    alone = "no repository: it stays on this machine, and is lost with it"
    rows += fact("Copies", elsewhere or alone, place, "" if elsewhere else "$text-warning")
    kept = ", ".join(asked.policy.words) if asked.prune else ""
    rows += fact("Kept", kept or "all: no rule of retention deletes old ones", place)
    next_s = store.next_run_s if isinstance(store, StoreView) else None
    when = "by hand: there is no schedule"
    if next_s is not None:
        when = f"next {text.when(next_s, place.now_s, zone).strip()} {text.zone_name(zone)}"
    rows += fact("Taken", when, place)
    rows += [Content(""), assemble(("LEFT OUT", "bold $title")), *left_out_lines(asked, place)]
    found = check_findings(check, place) if isinstance(check, BackupCheckView) else []
    return [*rows, Content(""), *found] if found else rows


def estimate_lines(check: Check, place: Canvas) -> list[Content]:
    """Return the table of the parts: entries, size, size of the backup."""
    head = "".join(text.right(word, width) for word, width in _COLUMNS)
    rows = [assemble((f"{'PART':<8}{head}", _MUTED))]
    estimates: Mapping[Kind, EstimateView] = {}
    if isinstance(check, BackupCheckView):
        estimates = check.estimates
    elif isinstance(check, TimeLimit):
        return fact("", "? The look at the store took too long.", place, "$text-warning")
    elif isinstance(check, Exception):
        said = [getattr(check, "message", str(check)), getattr(check, "hint", None) or ""]
        return fact("", f"? {' '.join(filter(None, said))}", place, "$text-warning")
    for kind in Kind:
        # A part that the whole check could not look at stays unknown.
        unknown = place.glyphs.ellipsis if check is None else "?"
        numbers = _numbers(kind, estimates.get(kind), unknown)
        cells = (
            text.right(word, width) for word, (_, width) in zip(numbers, _COLUMNS, strict=True)
        )
        rows.append(assemble(f"{kind.value:<8}{''.join(cells)}"))
    return rows


_COLUMNS: Final = (("ENTRIES", 14), ("SIZE", 11), ("BACKUP", 12))


def _numbers(kind: Kind, one: EstimateView | None, unknown: str) -> tuple[str, str, str]:
    if one is None:
        return unknown, "", ""
    items = text.count(one.items)
    if kind is Kind.DB and one.items is not None:
        items = f"~{items} rows"  # which the server guesses
    made = "?" if one.backup_bytes is None else f"~{text.size(one.backup_bytes)}"
    return items, text.size(one.size_bytes), made


def _space(check: Check, place: Canvas) -> list[Content]:
    if not isinstance(check, BackupCheckView):
        return []
    words, enough = space_words(tuple(Kind), check, place.glyphs)
    return fact("Space", words, place, "" if enough else "bold $text-error") if words else []


def first_steps(place: Canvas) -> list[Content]:
    """Return the keys and commands that come first, each with its use."""
    rows: list[Content] = []
    for label, words in (*_KEYS, *_COMMANDS):
        if label == _COMMANDS[0][0]:
            rows.append(Content(""))
        style = "bold $text-accent" if label.startswith("[") else _MUTED
        folded = text.fold(words, max(20, place.width - 12))
        rows += [
            assemble((f"{'' if number else label:<12}", style), row)
            for number, row in enumerate(folded)
        ]
    return rows
