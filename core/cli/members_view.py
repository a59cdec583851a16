"""The members of an archive as lines, as `tar -tv` has them, and as JSON.

Whole blocks are turned into text at once, column by column: a hundred thousand members take a
fraction of a second.
"""

from __future__ import annotations

import itertools
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Final

from core.archive.index.blocks import UNKNOWN, Block, Owner
from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.backups.catalog import Backup
from core.cli import differences_view
from core.contents.members import FORMATS, ArchiveContents
from core.contents.origin import Origin
from core.events import Report, encode_text
from core.magento.store import Store
from core.text.printable import printable

if TYPE_CHECKING:
    from core.contents.differences import ArchiveDifferences

_KINDS: Final = {
    REGULAR: "file", DIRECTORY: "directory", SYMLINK: "link", HARD_LINK: "hard-link",
}  # fmt: skip
_LINE: Final = "%s%11d %s %s"
_ROW: Final = '{"type": "Member", "path": %s, %s, "size": %d, "mtime_s": %s, "link": %s}'
_FACTS: Final = '"kind": "%s", "mode": %s, "uid": %s, "gid": %s, "user": %s, "group": %s'
_QUARTER: Final = 900  # seconds: no zone has changed within less
_OWNER: Final = 17  # columns, as GNU tar begins with


class MembersView:
    """An archive, opened to be looked into (`core.cli.contents_view.ContentsView`)."""

    def __init__(self, contents: ArchiveContents, store: Store, report: Report) -> None:
        self.contents = contents
        self._store = store
        self._report = report
        self._times = _Times()

    def difference_lines(
        self,
        part: str,
        *,
        show_secrets: bool,
        limit: int,  # noqa: ARG002 - of rows
    ) -> Iterator[str]:
        """Yield the differences of a part from the live store, as lines."""
        found = self._differences(show_secrets=show_secrets)
        return differences_view.lines(found, found.of(part))

    def difference_json(
        self,
        part: str,
        *,
        show_secrets: bool,
        limit: int,  # noqa: ARG002 - of rows
    ) -> Iterator[str]:
        """Yield the same as JSON."""
        found = self._differences(show_secrets=show_secrets)
        return differences_view.json_lines(found, found.of(part))

    def _differences(self, *, show_secrets: bool) -> ArchiveDifferences:
        from core.contents.differences import ArchiveDifferences  # noqa: PLC0415 - seldom needed

        return ArchiveDifferences(
            self.contents, self._store, show_secrets=show_secrets, report=self._report
        )

    def lines(self, part: str) -> Iterator[str]:
        """Yield the list, many lines at a time."""
        for block in self.contents.blocks(part):
            columns = (_each(block, _line_of), block.sizes, self._times.of(block.seconds),
                       _names(block))  # fmt: skip
            yield "\n".join(map(_LINE.__mod__, zip(*columns, strict=True)))

    def json(self, part: str) -> Iterator[str]:
        """Yield the list as JSON, many rows at a time."""
        for block in self.contents.blocks(part):
            links = _texts(block.links) if any(block.links) else itertools.repeat("null")
            columns = (_texts(block.paths), _each(block, _facts_of), block.sizes, _moments(block),
                       links)  # fmt: skip
            yield "\n".join(map(_ROW.__mod__, zip(*columns, strict=False)))


def _each(block: Block, text_of: Callable[[int, int, Owner], str]) -> Iterator[str]:
    """Yield the texts of type, mode and owner; most members share them with others."""
    keys = list(zip(block.types, block.modes, block.owners, strict=True))
    table = block.owner_table
    known = {key: text_of(key[0], key[1], table[key[2]]) for key in set(keys)}
    return map(known.__getitem__, keys)


def _line_of(kind: int, mode: int, owner: Owner) -> str:
    text = stat.filemode(FORMATS[kind] | max(mode, 0))
    if mode == UNKNOWN:
        text = text[:1] + "?" * 9
    uid, gid, user, group = owner
    return f"{text} {printable(f'{_name(user, uid)}/{_name(group, gid)}'):{_OWNER}} "


def _facts_of(kind: int, mode: int, owner: Owner) -> str:
    uid, gid, user, group = owner
    numbers = ["null" if number < 0 else number for number in (uid, gid)]
    text = "null" if mode == UNKNOWN else f'"{mode:04o}"'
    return _FACTS % (_KINDS[kind], text, *numbers, *_texts((user, group)))


def _moments(block: Block) -> Iterator[object]:
    """Yield times as JSON numbers, `null` for unknown ones."""
    if min(block.seconds) < 0:
        return map(_moment, block.seconds, block.nanoseconds)
    if not any(block.nanoseconds):
        return iter(block.seconds)
    return map("%d.%09d".__mod__, zip(block.seconds, block.nanoseconds, strict=True))


def _moment(seconds: int, nanoseconds: int) -> str:
    return "null" if seconds == UNKNOWN else str(seconds + nanoseconds / 1_000_000_000)


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
    if "" not in decoded:
        return map(encode_basestring_ascii, decoded)
    return (encode_basestring_ascii(text) if text else "null" for text in decoded)


def _odd(text: str) -> str:
    import json  # noqa: PLC0415 - for texts that are not UTF-8

    return json.dumps(encode_text(text), ensure_ascii=True) if text else "null"


@contextmanager
def open_members(
    backup: Backup, store: Store, report: Report, keep: bool, origin: Origin | None = None
) -> Iterator[MembersView]:
    """Give the view of a backup of files."""
    with ArchiveContents(backup, store, keep=keep, report=report, origin=origin) as contents:
        yield MembersView(contents, store, report)
