"""How a backup file is compressed, told by its first bytes and never by its name.

Other programs, and people, write zstd, bzip2 or zip under the documented names. It owns the list of
known beginnings, and which of them are unpacked here (gzip, zstd, none at all) by
`core.inflating`. Everything else is named, so that an administrator knows with which program to
unpack it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from core.errors import PackedOtherwise

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


OF_DUMPS: Final = (Compression.NONE, Compression.GZIP, Compression.ZSTD)
"""The compressions of a new dump."""
LEVELS: Final = {Compression.GZIP: range(10), Compression.ZSTD: range(1, 20)}

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


def refuse_twice(name: str, inside: bytes) -> None:
    """Raise PackedOtherwise where the unpacked content begins as a packed file does."""
    found = compression_of(inside[:NEEDED])
    if found not in {Compression.NONE, Compression.TAR}:
        raise PackedOtherwise(
            f"{name} is compressed twice: unpacked, it is {found}.",
            hint="Unpack it once, and give the result the same name.",
        )


def refuse(name: str, found: Compression) -> PackedOtherwise:
    """Return the error for a file that cannot be unpacked here."""
    return PackedOtherwise(
        f"{name} is {found}, which is not unpacked here.",
        hint="Unpack it first, and give the result the same name.",
    )
