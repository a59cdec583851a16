"""The rows of the list of backups: sets in an order, their files where opened, other files.

Built once for each change, so that drawing a row is a look into a tuple. Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from msgspec import Struct

from core.backups.catalog import PartialBackup
from tui.engine.views import BackupsView, BackupView, SetView
from tui.render import text
from tui.render.text import Glyphs

SORTS: Final = ("newest", "oldest", "largest", "worst")
_WORST_FIRST: Final = ("damaged", "refused", "unverified", "sound", "verified")


class SetRow(Struct, frozen=True, kw_only=True):
    """One row. A file row has its set too; a file that is no backup has a name alone."""

    key: str
    one: SetView | None = None
    backup: BackupView | None = None
    unfinished: PartialBackup | None = None
    other: str = ""

    @property
    def backups(self) -> tuple[BackupView, ...]:
        """The backups that verify and delete work on."""
        if self.backup is not None:
            return (self.backup,)
        return self.one.backups if self.one is not None else ()

    @property
    def size_bytes(self) -> int:
        """All of it together."""
        if self.unfinished is not None:
            return self.unfinished.size_bytes
        return sum(backup.size_bytes for backup in self.backups)


class SetRows(Struct, frozen=True, kw_only=True):
    """The rows, and the totals of the sets among them."""

    items: tuple[SetRow, ...] = ()
    sets: int = 0
    size_bytes: int = 0

    def marked(self, marks: Collection[str]) -> tuple[SetRow, ...]:
        """Return the rows that are marked, by their keys."""
        return tuple(item for item in self.items if item.key in marks)

    def place_of(self, key: str) -> int | None:
        """Return the index of a row, where it is there still."""
        return next((at for at, item in enumerate(self.items) if item.key == key), None)


def texts_of(listing: BackupsView, when: Callable[[float], str]) -> Mapping[str, str]:
    """Return the text a filter searches, for each set by its key."""
    return {one.key: _text_of(one, when) for one in listing.sets}


def _text_of(one: SetView, when: Callable[[float], str]) -> str:
    names = " ".join(backup.name for backup in one.backups)
    kinds = " ".join(kind.value for kind in one.kinds)
    health = f"{one.health} {'not read' if one.health == 'unverified' else ''}"
    health += " kept" if one.keep else ""
    return f"{when(one.timestamp)} {kinds} {health} {one.maker} {one.note} {names}".casefold()


def rows_of(
    listing: BackupsView,
    texts: Mapping[str, str],
    *,
    term: str,
    sort: str,
    opened: Collection[str],
) -> SetRows:
    """Return the rows that match every word of `term`, in the order `sort`, leftovers last."""
    words = term.casefold().split()
    found = [one for one in listing.sets if all(word in texts[one.key] for word in words)]
    match sort:
        case "oldest":
            found.sort(key=lambda one: one.timestamp)
        case "largest":
            found.sort(key=lambda one: -one.size_bytes)
        case "worst":
            found.sort(key=lambda one: (_WORST_FIRST.index(one.health), -one.timestamp))
        case _:
            found.sort(key=lambda one: -one.timestamp)
    items: list[SetRow] = []
    for one in found:
        items.append(SetRow(key=f"set {one.key}", one=one))
        if one.key in opened:
            items += [
                SetRow(key=f"file {backup.name}", one=one, backup=backup) for backup in one.backups
            ]
    items += _left_over(listing, words)
    return SetRows(
        items=tuple(items), sets=len(found), size_bytes=sum(one.size_bytes for one in found)
    )


def _left_over(listing: BackupsView, words: list[str]) -> list[SetRow]:
    def matches(name: str) -> bool:
        return all(word in name.casefold() for word in words)

    return [
        *(
            SetRow(key=f"unfinished {one.file_name}", unfinished=one)
            for one in listing.partial
            if matches(f"unfinished {one.file_name}")
        ),
        *(
            SetRow(key=f"other {name}", other=name)
            for name in listing.unknown
            if matches(f"not a backup {name}")
        ),
    ]


def status_words(listing: SetRows, at: int, sort: str, marked: Sequence[SetRow], term: str) -> str:
    """Return the position in the list, its order, the marks and the filter."""
    parts = [f"row {at + 1} of {len(listing.items)}"] if listing.items else []
    parts.append(f"{sort} first")
    if marked:
        size = text.size(sum(item.size_bytes for item in marked))
        parts.append(f"{len(marked)} marked, {size}")
    if term:
        parts.append(f"filter: {text.clean(term)}")
    return "   ".join(parts)


def title_fact(
    listing: BackupsView | Exception | None, found: SetRows, term: str, glyphs: Glyphs
) -> str:
    """Return the fact beside the title of the list; `found` are its rows with the filter `term`."""
    if listing is None:
        return f"reading {glyphs.ellipsis}"
    if isinstance(listing, Exception):
        return "? " + getattr(listing, "message", "cannot be read")
    if not listing.sets:
        return "none yet: [b] on the first screen makes one"
    total = text.plural(len(listing.sets), "set")
    part = f"{text.count(found.sets)} of {total}" if term else total
    return f"{part}, {text.size(found.size_bytes)}"
