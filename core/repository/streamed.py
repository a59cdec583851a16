"""Files of a snapshot as streams: one file in pieces, and a text that is read as far as needed.

restic gives a file from its beginning only. A text is therefore put into a temporary file while it
comes, which is read at any place that has come; the call ends when nobody asks for more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import IO, Protocol, Self

from core.durable import translate, write_all
from core.errors import RepositoryError
from core.events import Report
from core.repository.calls import WORK
from core.repository.restic import Restic

_PIECE = 1 << 20


class _Place(Protocol):
    """A place in a text, in bytes."""

    @property
    def offset(self) -> int:
        """Where it begins."""

    @property
    def length(self) -> int:
        """How long it is."""


def streamed_file(restic: Restic, snapshot: str, path: bytes, *, size: int) -> Iterator[bytes]:
    """Yield the content of one file of a snapshot. Raises RepositoryError for another size."""
    words: tuple[bytes | str, ...] = ("dump", "--no-lock", "--", snapshot, path)
    call = restic.call(words, limits=restic.first(WORK))
    taken = 0
    for piece in call.pieces():
        call.progressed()
        taken += len(piece)
        if taken > size:
            break
        yield piece
    call.check()
    if taken != size:
        name = os.fsdecode(path)
        raise RepositoryError(f"{name} came with {taken} bytes, and its listing says {size}.")


def fetch_pieces(
    restic: Restic,
    snapshot: str,
    path: str,
    pieces: Sequence[bytes | _Place],
    fd: int,
    report: Report,
) -> None:
    """Write texts, and places of one file of a snapshot, to a descriptor; places in their order.

    The call ends behind the last place; without any, there is none. `report` gets how far the file
    was read. Raises RepositoryError for a file that ends before, StorageError.
    """
    begin, piece = 0, b""  # the piece that came last, and where in the file it begins
    with closing(_dumped(restic, snapshot, path)) as coming:  # a call begins with its first piece
        for one in pieces:
            if isinstance(one, bytes):
                _write(fd, one)
                continue
            at, end = one.offset, one.offset + one.length
            while at < end:
                if at >= begin + len(piece):
                    begin += len(piece)
                    piece = next(coming, b"")
                    if not piece:
                        raise RepositoryError(f"{path} is shorter than its index says.")
                    report(begin, 0, "")
                    continue
                part = memoryview(piece)[at - begin : end - begin]
                _write(fd, part)
                at += len(part)


def _dumped(restic: Restic, snapshot: str, path: str) -> Generator[bytes, None, None]:
    words = ("dump", "--no-lock", "--", snapshot, path)
    call = restic.call(words, limits=restic.first(WORK))
    for piece in call.pieces():
        call.progressed()
        yield piece
    call.check()


def _write(fd: int, text: bytes | memoryview) -> None:
    try:
        write_all(fd, text)
    except OSError as error:
        raise translate(error, "writing what was fetched of the dump") from error


class StreamedText:
    """The text of one file of a snapshot, by places, to be used with `with`.

    `size` is how long it is, `scratch` a directory that has room for it; `before` is asked when the
    first place is wanted. Raises RepositoryError, StorageError.
    """

    def __init__(
        self,
        restic: Restic,
        snapshot: str,
        path: str,
        *,
        size: int,
        scratch: str,
        before: Callable[[], None],
        report: Report,
    ) -> None:
        self._restic, self._snapshot, self._path = restic, snapshot, path
        self._size, self._scratch = size, scratch
        self._before, self._report = before, report
        self._stack = ExitStack()
        self._file: IO[bytes] | None = None
        self._coming: Iterator[bytes] = iter(())
        self._has = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def pieces(self, place: _Place) -> Iterator[bytes]:
        """Yield the text of a place in pieces of up to a mebibyte."""
        offset, left = place.offset, place.length
        while left:
            wanted = min(left, _PIECE)
            fd = self._until(offset + wanted)
            try:
                piece = os.pread(fd, wanted, offset)
            except OSError as error:
                raise translate(error, f"reading {self._path}") from error
            if len(piece) != wanted:
                raise RepositoryError(f"{self._path} is shorter than its index says.")
            yield piece
            offset += wanted
            left -= wanted

    def text(self, place: _Place) -> bytes:
        """Return the text of a place, whole."""
        return b"".join(self.pieces(place))

    def _until(self, end: int) -> int:
        """Wait until so many bytes have come; return the file that they are in."""
        file = self._file
        if file is None:
            self._before()
            try:
                file = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 - closed at the end
            except OSError as error:
                raise translate(error, f"writing to {self._scratch}") from error
            self._stack.enter_context(file)
            self._file = file
            self._coming = self._followed(file.fileno())
            self._stack.callback(self._coming.close)  # type: ignore[attr-defined]
        while self._has < end and next(self._coming, None) is not None:
            continue
        return file.fileno()

    def _followed(self, fd: int) -> Iterator[bytes]:
        words = ("dump", "--no-lock", "--", self._snapshot, self._path)
        call = self._restic.call(words, limits=self._restic.first(WORK), stdout=fd)
        for tick in call.lines(ticks=True):
            now = os.fstat(fd).st_size
            if now > self._size:
                raise RepositoryError(f"{self._path} is larger than its manifest says.")
            if now != self._has:
                self._has = now
                call.progressed()
                self._report(now, 0, "")
            yield tick
        call.check()
        self._has = os.fstat(fd).st_size
