"""File contents cached while planning, for the stage: a scratch file beside the plan.

A plan reads the whole archive, and a stage used to read it once more for the few files that differ,
which took a fifth of a rollback. So the plan caches the contents that the stage will write, up to
`LARGEST` bytes; the stage then only verifies that the archive is unchanged. This module owns the
form of the file. An incomplete cache is not used, and everything works without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Iterator
from typing import Final, Self

from core.directories import StateFile
from core.durable import translate, write_all
from core.errors import StorageError

LARGEST: Final = 64 << 20
"""The most bytes that are cached."""
_HEAD: Final = struct.Struct("<qq")  # where the content is in the archive, and its size
_FLUSH: Final = 1 << 18


class CacheWriter:
    """Writes contents in the order of the archive; gives up where it cannot."""

    def __init__(self, file: StateFile) -> None:
        self._file = file
        self._buffer = bytearray()
        self._size = 0
        self._fd = -1
        self._hash = hashlib.sha256()
        with contextlib.suppress(OSError, StorageError):
            file.remove()
            self._fd = file.create()

    def sha256(self) -> str | None:
        """Flush, and return the digest of the file; None if it is incomplete."""
        self.flush()
        return self._hash.hexdigest() if self._fd >= 0 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    @property
    def takes(self) -> bool:
        """Whether it still takes contents."""
        return self._fd >= 0

    def add(self, content_at: int, content: bytes) -> None:
        """Cache the content of a member."""
        if self._fd < 0:
            return
        self._size += _HEAD.size + len(content)
        if self._size > LARGEST:
            self.give_up()
            return
        self._buffer += _HEAD.pack(content_at, len(content))
        self._buffer += content
        if len(self._buffer) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write the gathered contents."""
        try:
            if self._fd >= 0:
                self._hash.update(self._buffer)
                write_all(self._fd, bytes(self._buffer))
        except OSError:  # a full disk: the archive has it all
            self.give_up()
        self._buffer.clear()

    def give_up(self) -> None:
        """Cache nothing: it is too much, or a content cannot be cached."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._buffer.clear()
            with contextlib.suppress(OSError):
                self._file.remove()


def read_cache(file: StateFile, sha256: str) -> Iterator[tuple[int, bytes]]:
    """Yield where contents are in the archive, and the contents, in the order of the archive.

    Raises StorageError, at the latest at the end, when the file is not the one with that digest.
    """
    digest = hashlib.sha256()
    try:
        with open(file.open(limit=2 * LARGEST), "rb", buffering=_FLUSH) as opened:
            while head := opened.read(_HEAD.size):
                content_at, size = _HEAD.unpack(head)
                content = opened.read(min(size, LARGEST))
                digest.update(head)
                digest.update(content)
                yield content_at, content
    except (OSError, struct.error, ValueError) as error:
        reason = error if isinstance(error, OSError) else OSError(str(error))
        raise translate(reason, f"reading {file}") from error
    if digest.hexdigest() != sha256:
        raise StorageError(f"{file} is not the cache that was written for the stage.")
