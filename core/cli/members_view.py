"""The members of an archive as lines, as `tar -tv` has them, and as JSON.

Whole blocks are turned into text at once, column by column: a hundred thousand members take a
fraction of a second.
"""

from __future__ import annotations

import itertools
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from json.encoder import encode_basestring_ascii
from typing import Final

from core.archive.index.blocks import UNKNOWN, Block
from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.backups.catalog import Backup
from core.contents.members import FORMATS, ArchiveContents
from core.events import Report, encode_text
from core.magento.store import Store
from core.text.printable import printable

_KINDS: Final = {
    REGULAR: "file", DIRECTORY: "directory", SYMLINK: "link", HARD_LINK: "hard-link",
}  # fmt: skip
_LINE: Final = "%s %s %11d %s %s"
_ROW: Final = (
    '{"type": "Member", "path": %s, "kind": "%s", "mode": %s, "uid": %s, "gid": %s, "user": %s, '
    '"group": %s, "size": %d, "mtime_s": %s, "link": %s}'
)
_QUARTER: Final = 900  # seconds: no zone has changed within less
_OWNER: Final = 17  # columns, which is what GNU tar begins with


class MembersView:
    """An archive, opened to be looked into (`core.cli.contents_view.View`)."""

    def __init__(self, contents: ArchiveContents) -> None:
        self.contents = contents
        self._times = _Times()
        self._modes: dict[tuple[int, int], str] = {}

    def lines(self, part: str) -> Iterator[str]:
        """Yield the list, many lines at a time."""
        for block in self.contents.blocks(part):
            columns = (
                map(self._mode, block.types, block.modes),
                map(_owners(block).__getitem__, block.owners),
                block.sizes,
                self._times.of(block.seconds),
                _names(block),
            )
            yield "\n".join(map(_LINE.__mod__, zip(*columns, strict=True)))

    def _mode(self, kind: int, mode: int) -> str:
        known = self._modes.get((kind, mode))
        if known is None:
            known = stat.filemode(FORMATS[kind] | max(mode, 0))
            if mode == UNKNOWN:
                known = known[:1] + "?" * 9
            self._modes[(kind, mode)] = known
        return known

    def json(self, part: str) -> Iterator[str]:
        """Yield the list as JSON, many rows at a time."""
        for block in self.contents.blocks(part):
            owners = [_owner_json(block.owner_table[number]) for number in block.owners]
            links = _texts(block.links) if any(block.links) else itertools.repeat("null")
            columns = (
                _texts(block.paths),
                map(_KINDS.__getitem__, block.types),
                ["null" if mode == UNKNOWN else f'"{mode:04o}"' for mode in block.modes],
                *zip(*owners, strict=True),
                block.sizes,
                map(_seconds, block.seconds, block.nanoseconds),
                links,
            )
            yield "\n".join(map(_ROW.__mod__, zip(*columns, strict=False)))


class _Times:
    """Local times as text, `2026-11-27 17:14`."""

    def __init__(self) -> None:
        self._hours: dict[int, tuple[str, int]] = {}  # by quarters of an hour
        self._known: dict[int, str] = {}

    def of(self, seconds: Sequence[int]) -> Iterator[str]:
        """Yield each of the times."""
        known = self._known
        if len(known) > 1 << 16:
            known.clear()
        for one in set(seconds).difference(known):
            known[one] = self._text(one)
        return map(known.__getitem__, seconds)

    def _text(self, second: int) -> str:
        if second < 0:
            return " " * 16
        quarter, more = divmod(second, _QUARTER)
        found = self._hours.get(quarter)
        if found is None:
            if len(self._hours) > 1 << 16:
                self._hours.clear()
            found = self._hours[quarter] = _local(quarter * _QUARTER)
        hour, minute = found
        return f"{hour}{minute + more // 60:02d}"


def _local(second: int) -> tuple[str, int]:
    try:
        moment = time.localtime(second)
    except (OverflowError, OSError, ValueError):  # a year that the calendar has not
        return "????-??-?? ??:", 0
    return time.strftime("%Y-%m-%d %H:", moment), moment.tm_min


def _owners(block: Block) -> list[str]:
    return [
        printable(f"{_name(user, uid)}/{_name(group, gid)}").ljust(_OWNER)
        for uid, gid, user, group in block.owner_table
    ]


def _name(name: bytes, number: int) -> str:
    if name:
        return os.fsdecode(name)
    return "?" if number < 0 else str(number)


def _decoded(texts: Sequence[bytes]) -> list[str]:
    return os.fsdecode(b"\0".join(texts)).split("\0")


def _printable(texts: Sequence[bytes]) -> list[str]:
    """Return texts that are safe to show; nearly always all of them are as they are."""
    decoded = _decoded(texts)
    return decoded if "".join(decoded).isprintable() else list(map(printable, decoded))


def _names(block: Block) -> list[str]:
    names = _printable(block.paths)
    if any(block.links):
        links = _printable(block.links)
        for number, kind in enumerate(block.types):
            if kind == SYMLINK:
                names[number] += f" -> {links[number]}"
            elif kind == HARD_LINK:
                names[number] += f" link to {links[number]}"
    return names


def _texts(texts: Sequence[bytes]) -> Iterator[str]:
    """Yield texts as JSON; an empty one is `null`."""
    decoded = _decoded(texts)
    try:
        "".join(decoded).encode()
    except UnicodeEncodeError:
        return map(_odd, decoded)
    return (encode_basestring_ascii(text) if text else "null" for text in decoded)


def _odd(text: str) -> str:
    import json  # noqa: PLC0415 - for what is not UTF-8

    return json.dumps(encode_text(text), ensure_ascii=True) if text else "null"


def _owner_json(owner: tuple[int, int, bytes, bytes]) -> tuple[str, str, str, str]:
    uid, gid, user, group = owner
    numbers = ("null" if number < 0 else str(number) for number in (uid, gid))
    first, second = numbers
    texts = _texts((user, group))
    return (first, second, *texts)  # type: ignore[return-value]


def _seconds(seconds: int, nanoseconds: int) -> str:
    if seconds < 0:
        return "null" if seconds == -1 else str(seconds)
    return f"{seconds}.{nanoseconds:09d}" if nanoseconds else str(seconds)


@contextmanager
def open_members(backup: Backup, store: Store, report: Report, keep: bool) -> Iterator[MembersView]:
    """Give the view of a backup of files."""
    with ArchiveContents(backup, store, keep=keep, report=report) as contents:
        yield MembersView(contents)
