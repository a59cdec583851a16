"""Finds the positions from which a gzip file of ours can be inflated, while it is read whole.

Segments end with deflate's flush marker (an empty stored block, `00 00 FF FF`), and no byte behind
one refers to data before it. The marker alone proves nothing: it may be data, or another program's
flush. So the next 33 KiB are inflated on their own; if that succeeds, inflating can start there,
because no reference reaches further back than 32 KiB.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from isal import isal_zlib
from isal.isal_zlib import error as IsalError  # noqa: N812 - its name says nothing

from core.archive.tar.gzip import Stretch

_MARK: Final = b"\0\0\xff\xff"
_HEADER: Final = 10  # bytes of a gzip file before its content
_REACH: Final = (32 << 10) + 258  # bytes that a reference goes back, and the longest one


class StretchFinder:
    """Watches a gzip file that is inflated. `stretches` are those that have begun, in order.

    The last one has not ended before `finish`; sizes and sums of the others are known.
    """

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self._compressed = 0  # bytes taken in, of either side
        self._inflated = 0
        self._last = b""  # the last bytes of the input
        self._tried: Stretch | None = None  # a place that may be one to begin at
        self._raw = bytearray()  # compressed bytes behind it
        self._behind = bytearray()  # those bytes, up to the needed length
        self._crc = 0  # of the stretch that has begun
        self._crc_before = 0  # of the same, up to the place that is tried

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        """Yield the next compressed bytes in pieces that end where a mark does."""
        begin = 0
        if not self._compressed and raw[3:4] == b"\0":  # a gzip header without fields
            begin = _HEADER
            yield from self._piece(raw[:begin])
            self.stretches.append(Stretch(begin, 0, 0, 0))  # nothing is before it
        joined = self._last + raw
        shift = len(_MARK) - len(self._last)
        at = joined.find(_MARK)
        while at >= 0:
            end = at + shift
            if end > begin:
                yield from self._piece(raw[begin:end])
                begin = end
                self._try()
            at = joined.find(_MARK, at + 1)
        self._last = joined[-len(_MARK) + 1 :]
        yield from self._piece(raw[begin:])

    def _piece(self, piece: bytes) -> Iterator[bytes]:
        if piece:
            self._compressed += len(piece)
            if self._tried is not None:
                self._raw += piece
            yield piece

    def _try(self) -> None:
        if self._tried is None:
            self._tried = Stretch(self._compressed, self._inflated, 0, 0)
            self._crc_before = self._crc
            self._raw.clear()
            self._behind.clear()

    def saw(self, block: bytes) -> None:
        """Process the inflated bytes of the last piece."""
        self._inflated += len(block)
        self._crc = isal_zlib.crc32(block, self._crc)
        if self._tried is None:
            return
        at, begin, size, crc = self._tried
        self._tried = Stretch(at, begin, size + len(block), isal_zlib.crc32(block, crc))
        self._behind += block[:_REACH]
        if len(self._behind) >= _REACH:
            self._decide(self._tried)

    def _decide(self, tried: Stretch) -> None:
        """Begin a stretch at the place that was tried, if it is one."""
        self._tried = None
        if not _is_fresh(bytes(self._raw), bytes(self._behind)):
            return
        self._end(tried.begin, self._crc_before)
        self.stretches.append(tried)
        self._crc = tried.crc

    def _end(self, end: int, crc: int) -> None:
        if self.stretches:
            last = self.stretches[-1]
            self.stretches[-1] = last._replace(size=end - last.begin, crc=crc)

    def finish(self) -> None:
        """Complete the last stretch: all was inflated."""
        if self._tried is not None:
            self._decide(self._tried)
        self._end(self._inflated, self._crc)


def _is_fresh(raw: bytes, content: bytes) -> bool:
    """Tell whether these compressed bytes are this content without anything before them."""
    inflater = isal_zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return bool(inflater.decompress(raw, len(content)) == content)
    except IsalError:  # type: ignore[misc]
        return False
