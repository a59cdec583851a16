"""Writing many files fast: directories are made once, times are set, nothing is flushed."""

from __future__ import annotations

import os
import random
from typing import Final

_EPOCH: Final = 1_690_000_000  # seconds; the sample's files are made in the year after it
_YEAR: Final = 365 * 86_400
FILE_MODE: Final = 0o644
DIRECTORY_MODE: Final = 0o755


class Tree:
    """A directory to fill; paths below are relative, text or bytes; `files` counts files made."""

    def __init__(self, root: str, rng: random.Random) -> None:
        self._root = os.fsencode(root)
        self._rng = rng
        self._made: set[bytes] = set()
        self.files = 0

    def path(self, name: str | bytes) -> bytes:
        """Return the absolute path of a name."""
        return os.path.join(self._root, os.fsencode(name))

    def _directory(self, path: bytes) -> None:
        if path in self._made:
            return
        if not os.path.isdir(path):
            self._directory(os.path.dirname(path))
            os.mkdir(path)
            os.chmod(path, DIRECTORY_MODE)  # the umask has a say in mkdir
        self._made.add(path)

    def put(self, name: str | bytes, content: bytes, *, mode: int = FILE_MODE) -> None:
        """Write a file; its time is part of the sample, its mode does not depend on the umask."""
        path = self.path(name)
        self._directory(os.path.dirname(path))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fchmod(descriptor, mode)
            stamp = (_EPOCH + self._rng.randrange(_YEAR)) * 10**9 + self._rng.randrange(10**9)
            os.utime(descriptor, ns=(stamp, stamp))
        finally:
            os.close(descriptor)
        self.files += 1

    def directory(self, name: str | bytes, *, mode: int = DIRECTORY_MODE) -> None:
        """Make a directory, empty unless something is put into it later."""
        path = self.path(name)
        self._directory(path)
        os.chmod(path, mode)

    def link(self, name: str | bytes, target: str | bytes) -> None:
        """Make a symbolic link."""
        path = self.path(name)
        self._directory(os.path.dirname(path))
        os.symlink(os.fsencode(target), path)

    def same_file(self, name: str | bytes, existing: str | bytes) -> None:
        """Make a second name of a file (a hard link)."""
        path = self.path(name)
        self._directory(os.path.dirname(path))
        os.link(self.path(existing), path)
