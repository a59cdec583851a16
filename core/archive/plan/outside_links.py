"""Chosen hard links to files of an archive that are not chosen: such a link becomes a file.

To make it one more name of the live file would give it that file's content, and would touch a file
that was not chosen. So the first such name of a file gets the content that the archive has of the
file, and further names become names of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from core.archive.tar.header import HARD_LINK, REGULAR
from core.archive.tar.member import Member
from core.archive.tar.name_index import Index
from core.archive.tar.reader import ArchiveReader


class OutsideLinks:
    """The chosen hard links to files that are not chosen; `is_chosen` is None where all is."""

    def __init__(self, index: Index, is_chosen: Callable[[bytes], bool] | None) -> None:
        self._index = index
        self._names: dict[bytes, list[bytes]] = {}  # by the file, in the order of the walk
        self._same: set[bytes] = set()
        self._files: dict[bytes, Member] = {}
        if is_chosen is None:
            return
        for name, target in index.links():
            if is_chosen(name) and not is_chosen(target):
                self._names.setdefault(target, []).append(name)

    def __bool__(self) -> bool:
        return bool(self._names)

    def compare(self, path: str, same: Callable[[ArchiveReader, Member], bool]) -> None:
        """Read the archive again for the files themselves, and compare them with the live names.

        `same` compares the current member's content with the live file of the given name.
        """
        with ArchiveReader(path, trusted=True) as reader:
            for member in reader:
                names = self._names.get(member.name)
                if names is None or member.type != REGULAR:
                    continue
                self._files[member.name] = member
                first = names[0]
                self._same.discard(first)  # the last member of a name counts
                if same(reader, member._replace(name=first)):
                    self._same.add(first)

    def same(self, name: bytes) -> bool:
        """Tell whether the content of a file is that of the live one."""
        return name in self._same or self._index.same(name)

    def as_files(self, members: Iterable[Member]) -> Iterator[Member]:
        """Yield the members with such links as files, and as links to those."""
        for member in members:
            names = self._names.get(member.link) if member.type == HARD_LINK else None
            if names is None or member.name not in names:
                yield member
            elif member.name != names[0]:
                yield member._replace(link=names[0])
            else:
                file = self._files[member.link]
                yield member._replace(
                    type=REGULAR, link=b"", content_at=file.content_at, size=file.size,
                    xattrs=file.xattrs,
                )  # fmt: skip
