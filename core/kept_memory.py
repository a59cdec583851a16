"""The settings of the allocator for dumps and loads: the same memory is used again and again."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def keep_memory() -> None:
    """Let the allocator keep its memory for the next range.

    Otherwise each buffer of a mebibyte is given back to the kernel and comes again page by page:
    650,000 page faults for 800 MB, a third of our processor time (measured, glibc 2.36). Other
    C libraries have no mallopt, and no need of it.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 128 << 20)
