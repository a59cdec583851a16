"""The text of a dump in var/backups, written to a descriptor: a repository takes it uncompressed.

restic compresses by itself, and finds no known chunks in data that is already compressed.
"""

from __future__ import annotations

import hashlib
import os

from core import compression
from core.backups.manifest import Manifest
from core.compression import Compression, compression_of
from core.directories import Directory
from core.durable import translate, write_all
from core.errors import DamagedBackup
from core.events import Report
from core.inflating import Inflated
from core.owned_files import open_regular

_PIECE = 1 << 20


class CopiedDump:
    """A dump that is copied once; `sha256` is that of its text then."""

    def __init__(self, backups: Directory, manifest: Manifest) -> None:
        self._backups = backups
        self._manifest = manifest
        self._file_digest = hashlib.sha256()
        self.sha256 = ""

    def write(self, fd: int, report: Report) -> int:
        """Write the text to a descriptor; return its bytes.

        Raises DamagedBackup for a file that contradicts its manifest, StorageError.
        """
        manifest = self._manifest
        name, digest, done = manifest.file_name, hashlib.sha256(), 0
        try:
            with open(open_regular(name, dir_fd=self._backups.fd), "rb", buffering=0) as file:
                found = compression_of(os.pread(file.fileno(), compression.NEEDED, 0))

                def raw(size: int) -> bytes:
                    piece = file.read(size) or b""
                    self._file_digest.update(piece)
                    return piece

                read = raw
                if found is not Compression.NONE:
                    limit = manifest.content_bytes or 0
                    read = Inflated(raw, found, name=name, limit=limit).read
                while piece := read(_PIECE):
                    digest.update(piece)
                    write_all(fd, piece)
                    done += len(piece)
                    report(file.tell(), 0, name)
        except OSError as error:
            raise translate(error, f"reading {name}") from error
        if self._file_digest.hexdigest() != manifest.sha256:
            raise DamagedBackup(f"{name} is no longer what its manifest says.")
        self.sha256 = digest.hexdigest()
        return done
