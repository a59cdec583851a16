"""Inflates gzip and zstd, piece by piece: never more than is asked for, or than a limit allows.

It owns where a member or frame ends and the next one begins, and the limits of a file of unknown
make: how much it may inflate to, and how much memory a zstd frame may ask for. It knows neither
archives nor dumps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, Protocol

from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError

from core.compression import Compression
from core.errors import DamagedBackup, HostileArchive

if sys.version_info >= (3, 14):
    from compression import zstd as zstd  # noqa: PLC0414 - for others as well
else:
    from backports import zstd as zstd  # noqa: PLC0414 - for others as well

ZstdError = zstd.ZstdError

FLOOR: Final = 256 << 20
"""Bytes that any file may inflate to, however small it is."""
RATIO: Final = 200
"""By how much a file of unknown make may grow: rows of SQL grow four- to thirtyfold."""
_LARGEST_WINDOW: Final = 27
"""The memory of a zstd frame, as a power of two: 128 MiB, which `zstd -d` takes without asking."""
_RAW: Final = 1 << 16
"""Bytes read at a time: the rest behind the end of a member is copied for the next member."""
_FREE_MEMBERS: Final = 10_000
_SMALLEST_MEMBER: Final = 256
"""Inflated bytes of each member, on average, beyond the free ones: an empty one takes time too."""
_APART: Final = 1 << 20
"""Bytes of text between two members whose places are remembered."""
_ZERO: Final = b"\0"
_GZIP: Final = b"\x1f\x8b"


class ZstdInflater:
    """Inflates zstd frames piece by piece, with the words of `isal.igzip_lib`'s inflater."""

    def __init__(self) -> None:
        self._frame = _new_frame()
        self._left = b""
        self.needs_input = True
        self.members = 1
        self.begun = 0

    @property
    def between_frames(self) -> bool:
        """Whether the file may end here."""
        return self._frame.eof and not self._left

    def decompress(self, raw: bytes, max_length: int) -> bytes:
        """Return up to `max_length` bytes; with `needs_input`, more is needed. Raises ZstdError."""
        if self._frame.eof and (self._left or raw):
            raw, self._left = self._left + raw, b""
            self._frame = _new_frame()
            self.members += 1
            self.begun = len(raw)
        block = self._frame.decompress(raw, max_length)
        if self._frame.eof:
            self._left = self._frame.unused_data
        self.needs_input = not self._left if self._frame.eof else self._frame.needs_input
        return block


def _new_frame() -> zstd.ZstdDecompressor:
    return zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW}
    )


class _Inflater(Protocol):
    """Of gzip members or zstd frames.

    `members` were begun so far; `begun` bytes were at hand when the newest one was.
    """

    needs_input: bool
    members: int
    begun: int

    @property
    def between_frames(self) -> bool: ...
    def decompress(self, raw: bytes, max_length: int) -> bytes: ...


class _GzipInflater:
    """Inflates gzip members one after the other. Zeros may follow the last, as tapes have them."""

    def __init__(self) -> None:
        self._member: IgzipDecompressor | None = None
        self._padded = False
        self._left = b""
        self.needs_input = True
        self.members = 0
        self.begun = 0

    @property
    def between_frames(self) -> bool:
        """Whether the file may end here."""
        return self._member is None and not self._left

    def decompress(self, raw: bytes, max_length: int) -> bytes:
        """Return up to `max_length` bytes; with `needs_input`, more is needed. Raises IsalError."""
        if self._member is None:
            raw, self._left = self._left + raw, b""
            if self._padded or raw[:1] == _ZERO:
                self._padded = True
                if raw.strip(_ZERO):
                    raise _Garbage
                self.needs_input = True
                return b""
            if len(raw) < len(_GZIP):
                self._left, self.needs_input = raw, True
                return b""
            if not raw.startswith(_GZIP):
                raise _Garbage
            self._member = IgzipDecompressor(flag=DECOMP_GZIP)
            self.members += 1
            self.begun = len(raw)
        block: bytes = self._member.decompress(raw, max_length)
        self.needs_input = self._member.needs_input
        if self._member.eof:
            self._left = self._member.unused_data
            self._member = None
            self.needs_input = not self._left
        return block


class _Garbage(Exception):
    """Something that is no member follows the last one."""


class Inflated:
    """The inflated bytes of a file that is read through `read`, at most `limit` of them.

    `name` appears in the messages. DamagedBackup is raised for reading beyond the limit, a cut
    file, a wrong checksum, and bytes behind the last member or frame.
    """

    def __init__(
        self, read: Callable[[int], bytes], found: Compression, *, name: str, limit: int
    ) -> None:
        self._read = read
        self._name = name
        self._limit = limit
        self._zstd = found is Compression.ZSTD
        self._inflater: _Inflater = ZstdInflater() if self._zstd else _GzipInflater()
        self._ended = False
        self._raw = 0  # bytes that were read
        self._given = 0  # bytes that were inflated
        self.position = 0
        """How many inflated bytes were given out."""
        self.frames = [(0, 0)]
        """Where members begin: in the text, and in the file. Not all of small ones are there."""

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, less only at the end."""
        blocks: list[bytes] = []
        missing = size
        while missing and not self._ended:
            block = self._block(missing)
            blocks.append(block)
            missing -= len(block)
            self._check(self.position + size - missing)
        self.position += size - missing
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _check(self, position: int) -> None:
        """Raise DamagedBackup for a file made to use time or memory without bound."""
        spare = self._inflater.members - _FREE_MEMBERS
        if position > self._limit:
            what = f"it inflates to more than {self._limit:,} bytes"
        elif spare > 0 and position < spare * _SMALLEST_MEMBER:
            what = f"it is made of {self._inflater.members:,} pieces with next to nothing in them"
        else:
            return
        raise HostileArchive(
            f"{self._name} is refused: {what}.",
            hint="If you trust it, unpack it yourself, and give the result its name.",
        )

    def _block(self, size: int) -> bytes:
        raw = b""
        if self._inflater.needs_input:
            raw = self._read(_RAW)
            self._raw += len(raw)
            if not raw:
                self._ended = True
                if not self._inflater.between_frames:
                    raise self._damaged("it was cut short")
                return b""
        members = self._inflater.members
        try:
            block = self._inflater.decompress(raw, size)
        except _Garbage:
            raise self._damaged("something follows its end") from None
        except IsalError as error:  # type: ignore[misc]
            raise self._damaged(str(error)) from error
        except ZstdError as error:
            if "too much memory" in str(error):
                raise DamagedBackup(
                    f"{self._name} needs more than {1 << _LARGEST_WINDOW >> 20} MiB of memory to be"
                    " unpacked: it was made with a long window.",
                    hint="Unpack it with zstd -d --long=31, and give the result its name.",
                ) from error
            raise self._damaged(str(error)) from error
        if self._inflater.members > members and self._given - self.frames[-1][0] >= _APART:
            self.frames.append((self._given, self._raw - self._inflater.begun))
        self._given += len(block)
        return block

    def _damaged(self, reason: str) -> DamagedBackup:
        return DamagedBackup(f"{self._name} is cut or corrupt: {reason}.")


def largest_content(file_bytes: int) -> int:
    """Return how much a file of unknown make of this size may inflate to."""
    return max(FLOOR, file_bytes * RATIO)
