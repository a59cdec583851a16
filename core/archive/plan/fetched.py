"""The files that were fetched for a plan from a listing, in a private directory beside the plan.

Each fetch has a directory of its own, reached by descriptors: an earlier fetch cannot obstruct a
later one. It owns these directories and knows nothing of where the files come from.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from typing import Final, Self

from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace, plan_location
from core.archive.plan.rows import PlanRow
from core.archive.tree.open_directories import OPEN_FILE, OpenDirectories
from core.archive.tree.remove import remove_tree
from core.archive.tree.xattrs import read_attributes
from core.directories import Directory
from core.durable import translate
from core.errors import StorageError

PIECE: Final = 1 << 20

Fetch = Callable[[list[bytes], Callable[[], int]], None]
"""Brings the files of these member paths, each at its relative path, into open directories.

The second argument makes such a directory and returns its descriptor; each call of a program gets
one of its own, so that none meets what another has made.
"""


class FetchedFiles:
    """The fetched files of the plan at `place`, whose member paths begin with `prefix`."""

    def __init__(self, place: PlanPlace, prefix: bytes) -> None:
        file = plan_location(place).file
        self._above = file.directory
        self._name = f"{file.name}.fetched"
        self._prefix = len(prefix)
        self._stack = contextlib.ExitStack()
        self._opened_ones: list[OpenDirectories] = []
        with contextlib.suppress(FileNotFoundError), self._opened() as directory:
            for name in sorted(directory.names(), key=lambda text: (len(text), text)):
                self._open_one(os.fsencode(name), directory.fd)

    def _opened(self) -> Directory:
        return self._above.open_directory(self._name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()
        self._opened_ones.clear()

    def _open_one(self, name: bytes, fd: int) -> OpenDirectories:
        directories = self._stack.enter_context(OpenDirectories(name, dir_fd=fd))
        self._opened_ones.append(directories)
        return directories

    def fetch(self, fetch: Fetch, paths: list[bytes]) -> None:
        """Fetch the files of these member paths. Raises StorageError, and errors of `fetch`."""
        if not paths:
            return
        with self._above.make_directory(self._name) as directory:
            fetch(paths, lambda: self._new_one(directory))

    def _new_one(self, directory: Directory) -> int:
        try:
            name = str(len(self._opened_ones)).encode("ascii")
            os.mkdir(name, 0o700, dir_fd=directory.fd)
            return self._open_one(name, directory.fd).top
        except OSError as error:
            raise translate(error, f"making {self._above.path_of(self._name)}") from error

    def open(self, path: bytes, size: int) -> int | None:
        """Return a descriptor of the file of a member path, None where none of that size is."""
        relative = path[self._prefix :]
        for directories in reversed(self._opened_ones):
            try:
                above, name = directories.parent_of(relative)
                fd = os.open(name, OPEN_FILE, dir_fd=above)
            except OSError:
                continue
            status = os.fstat(fd)
            if stat.S_ISREG(status.st_mode) and status.st_size == size:
                return fd
            os.close(fd)
        return None


def remove_fetched(place: PlanPlace) -> None:
    """Remove all that was fetched for a plan. Raises StorageError."""
    file = plan_location(place).file
    remove_tree(os.fsencode(f"{file.name}.fetched"), dir_fd=file.directory.fd)


class FetchedContents:
    """Contents of the rows of a plan, from its fetched files."""

    def __init__(self, files: FetchedFiles) -> None:
        self._files = files

    def content(self, row: PlanRow) -> bytes:
        """Return the content of a small file."""
        return b"".join(self.pieces(row))

    def pieces(self, row: PlanRow) -> Iterator[bytes]:
        """Yield the content of a file in pieces of up to 1 MiB."""
        fd = self._files.open(row.path, row.size_then)
        if fd is None:
            raise StorageError(f"What was fetched lacks {os.fsdecode(row.path)}.")
        left = row.size_then
        try:
            while left and (piece := os.read(fd, min(PIECE, left))):
                left -= len(piece)
                yield piece
        finally:
            os.close(fd)
        if left:
            raise StorageError(f"What was fetched of {os.fsdecode(row.path)} was cut.")


def fetch_for_stage(place: PlanPlace, fetch: Fetch) -> None:
    """Fetch the files that the stage of a plan needs. Raises as `fetch_contents`."""
    with PlanFile(place) as plan:
        fetch_contents(plan, fetch)
        plan.save()


def fetch_contents(plan: PlanFile, fetch: Fetch, *, after: int = 0) -> None:
    """Fetch the files that a stage needs and lacks, and note their attributes.

    Raises StorageError for a file that was not delivered, and errors of `fetch`.
    """
    with FetchedFiles(plan.home, os.fsencode(plan.facts.listed or "")) as files:
        missing: list[bytes] = []
        for row in _own_files(plan, after):
            fd = files.open(row.path, row.size_then)
            if fd is None:
                missing.append(row.path)
            else:
                os.close(fd)
        files.fetch(fetch, missing)
        found = [(row.content_at, _attributes(files, row)) for row in _own_files(plan, after)]
    for content_at, attributes in found:
        if attributes and content_at is not None:
            plan.keep_attributes(content_at, attributes)


def _own_files(plan: PlanFile, after: int) -> Iterator[PlanRow]:
    return (row for row in plan.written_of(stat.S_IFREG, after) if row.link_then is None)


def _attributes(files: FetchedFiles, row: PlanRow) -> dict[bytes, bytes]:
    """Return the extended attributes of a file that are kept."""
    fd = files.open(row.path, row.size_then)
    if fd is None:
        raise StorageError(f"The repository did not give {os.fsdecode(row.path)}.")
    try:
        return read_attributes(fd)
    finally:
        os.close(fd)
