"""Flushes of whole file systems: one call instead of an fsync for each of thousands of files."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from typing import Final

from core.archive.tree.open_directories import OPEN_DIRECTORY
from core.durable import translate
from core.magento.trusted_paths import open_trusted_directory

_libc = ctypes.CDLL(None, use_errno=True)
FLUSHED_ONE_BY_ONE: Final = 300
"""More entries than these are flushed with their whole file system: for a few, that would wait for
everything that the machine, and its database, has not written yet."""


class FileSystemFlush:
    """Brings everything written in the file system of a directory to its disk, in one call.

    For thousands of staged files this takes seconds where an fsync of each takes minutes. Since
    Linux 5.8 it reports write errors of contents: those since the descriptor was opened, also where
    the system had begun to write by itself, so it is made before the first file. Of a journal that
    could not be written it tells since 5.17; an fsync of anything tells at any time.
    """

    def __init__(self, directory: bytes, *, dir_fd: int | None = None) -> None:
        self._fd = (
            open_trusted_directory(directory)
            if dir_fd is None
            else os.open(directory, OPEN_DIRECTORY, dir_fd=dir_fd)
        )
        self._ahead: threading.Thread | None = None
        self._error: Exception | None = None

    def begin(self) -> None:
        """Flush the bytes written so far in the background, so that less is left for the end."""
        if self._ahead is None or not self._ahead.is_alive():
            ahead = threading.Thread(target=self._run, name="flush", daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads: it is only for the time
                ahead.start()
                self._ahead = ahead

    def _run(self) -> None:
        try:
            self._flush()
        except Exception as error:  # noqa: BLE001 - it is raised again in the caller's thread
            self._error = error

    def finish(self) -> None:
        """Flush everything. Raises StorageError or DiskFull for this flush or one before it."""
        if self._ahead is not None:
            self._ahead.join()
        if self._error is not None:
            raise self._error
        self._flush()

    def _flush(self) -> None:
        try:
            failed = _libc.syncfs(self._fd) != 0
        except AttributeError:
            os.sync()
            return
        if failed:
            code = ctypes.get_errno()
            raise translate(OSError(code, os.strerror(code)), "bringing files to the disk")

    def close(self) -> None:
        """Close the directory, once nothing is flushed any more."""
        if self._ahead is not None:
            self._ahead.join()
        os.close(self._fd)
