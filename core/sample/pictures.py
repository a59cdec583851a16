"""Small pictures that every viewer opens, made without an imaging library.

A JPEG here is grey, with one brightness per 8 x 8 block (ITU T.81, baseline, only the DC
coefficient is coded) and a metadata segment of random bytes that gives it the size and the
compressibility of a photograph. A PNG is random pixels.
"""

from __future__ import annotations

import random
import struct
import zlib
from typing import Final

_BLOCKS: Final = 12  # a side of the JPEG, in blocks of 8 pixels
_SEGMENT_LIMIT: Final = 65_533  # bytes in one JPEG segment, without its length field
# The DC table of ITU T.81 K.3: code lengths 2,3,3,3,3,3,4,5,6,7,8,9 for sizes 0 to 11.
_DC_LENGTHS: Final = bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
_DC_CODES: Final = ("00", "010", "011", "100", "101", "110", "1110")
_END_OF_BLOCK: Final = "0"  # the only code of our AC table


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _scan(rng: random.Random) -> bytes:
    """Return the entropy-coded blocks: a random walk of the brightness."""
    bits: list[str] = []
    for _ in range(_BLOCKS * _BLOCKS):
        step = rng.randint(-20, 20)
        length = abs(step).bit_length()
        bits.append(_DC_CODES[length])
        if step:
            value = step if step > 0 else step + (1 << length) - 1
            bits.append(format(value, f"0{length}b"))
        bits.append(_END_OF_BLOCK)
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")


def jpeg(rng: random.Random, size: int) -> bytes:
    """Return a grey JPEG of about `size` bytes."""
    side = _BLOCKS * 8
    parts = [b"\xff\xd8", _segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")]
    parts += [
        _segment(0xED, rng.randbytes(min(_SEGMENT_LIMIT, size - start)))
        for start in range(0, size, _SEGMENT_LIMIT)
    ]
    parts += [
        _segment(0xDB, b"\x00" + bytes([16] * 64)),
        _segment(0xC0, struct.pack(">BHHBBBB", 8, side, side, 1, 1, 0x11, 0)),
        _segment(0xC4, b"\x00" + _DC_LENGTHS + bytes(range(12))),
        _segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\x00"),
        _segment(0xDA, bytes([1, 1, 0, 0, 63, 0])),
        _scan(rng),
        b"\xff\xd9",
    ]
    return b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def png(rng: random.Random, size: int) -> bytes:
    """Return a grey PNG of about `size` bytes: random pixels, 64 to a line."""
    width = 64
    height = max(1, size // (width + 1))
    lines = b"".join(b"\x00" + rng.randbytes(width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(lines, 1))
        + _chunk(b"IEND", b"")
    )
