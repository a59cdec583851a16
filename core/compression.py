"""How a backup file is compressed, told by its first bytes and never by its name.

Other programs, and people, write zstd, bzip2 or zip under the documented names. It owns the list of
known beginnings and the streams that can be unpacked here (gzip, zstd, none at all). Everything
else is named, so that an administrator knows with which program to unpack it.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import BinaryIO, Final, cast

from core.errors import DamagedBackup

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZstdError = zstd.ZstdError
NEEDED: Final = 265
"""How many first bytes of a file tell its compression."""


class Compression(StrEnum):
    """A way in which a file is compressed, or bundled."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZ4 = "lz4"
    ZIP = "zip"
    SEVEN_ZIP = "7z"
    RAR = "rar"
    LZIP = "lzip"
    COMPRESS = "compress (.Z)"
    TAR = "tar"


_BEGINNINGS: Final = (
    (b"\x1f\x8b", Compression.GZIP),
    (b"\x28\xb5\x2f\xfd", Compression.ZSTD),
    (b"BZh", Compression.BZIP2),
    (b"\xfd7zXZ\x00", Compression.XZ),
    (b"\x04\x22\x4d\x18", Compression.LZ4),
    (b"\x02\x21\x4c\x18", Compression.LZ4),
    (b"PK\x03\x04", Compression.ZIP),
    (b"PK\x05\x06", Compression.ZIP),
    (b"7z\xbc\xaf\x27\x1c", Compression.SEVEN_ZIP),
    (b"Rar!\x1a\x07", Compression.RAR),
    (b"LZIP", Compression.LZIP),
    (b"\x1f\x9d", Compression.COMPRESS),
)
_TAR_MAGIC: Final = slice(257, 262)
_SKIPPABLE: Final = (b"\x50\x2a\x4d\x18", 0xF0)
"""A zstd frame without content: pzstd and mydumper begin files with one. The low four bits vary."""


def compression_of(first: bytes) -> Compression:
    """Return how a file is compressed whose first `NEEDED` bytes are these."""
    for beginning, found in _BEGINNINGS:
        if first.startswith(beginning):
            return found
    mark, mask = _SKIPPABLE
    if len(first) >= len(mark) and first[1:4] == mark[1:] and first[0] & mask == mark[0]:
        return Compression.ZSTD
    return Compression.TAR if first[_TAR_MAGIC] == b"ustar" else Compression.NONE


def refuse(name: str, found: Compression) -> DamagedBackup:
    """Return the error for a file that cannot be unpacked here."""
    return DamagedBackup(
        f"{name} is {found}, which is not unpacked here.",
        hint="Unpack it first, and give the result the same name.",
    )


def open_zstd(file: BinaryIO) -> BinaryIO:
    """Return the inflated bytes of a file of zstd frames. Reading raises ZstdError, EOFError."""
    return cast("BinaryIO", zstd.open(file, "rb"))


class ZstdInflater:
    """Inflates zstd frames piece by piece, with the words of `isal.igzip_lib`'s inflater."""

    def __init__(self) -> None:
        self._frame = zstd.ZstdDecompressor()
        self._left = b""
        self.needs_input = True

    @property
    def between_frames(self) -> bool:
        """Whether the file may end here."""
        return self._frame.eof and not self._left

    def decompress(self, raw: bytes, max_length: int) -> bytes:
        """Return up to `max_length` bytes; with `needs_input`, more is needed. Raises ZstdError."""
        if self._frame.eof and (self._left or raw):
            raw, self._left = self._left + raw, b""
            self._frame = zstd.ZstdDecompressor()
        block = self._frame.decompress(raw, max_length)
        if self._frame.eof:
            self._left = self._frame.unused_data
        self.needs_input = not self._left if self._frame.eof else self._frame.needs_input
        return block
