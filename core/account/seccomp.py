"""A filter in the kernel: no process behind it can type into a terminal as if at its keyboard.

With TIOCSTI, or TIOCLINUX on a console, an account that works at root's terminal could have root's
shell run any command afterwards. The filter refuses both with EPERM, and every system call of a
foreign ABI, whose numbers mean something else. It stays for all children.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from typing import Final

_prctl = ctypes.CDLL(None, use_errno=True).prctl
_prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)

_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_TIOCSTI: Final = 0x5412
_TIOCLINUX: Final = 0x541C
_X32: Final = 0x40000000
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | 1  # EPERM
# Offsets in struct seccomp_data; the request is the low half of the second argument.
_NUMBER, _ARCHITECTURE, _REQUEST = 0, 4, 24
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
# The kernel's name of the ABI, and the number that ioctl has in it.
_MACHINES: Final = {"x86_64": (0xC000003E, 16), "aarch64": (0xC00000B7, 29)}


def _program(architecture: int, ioctl: int) -> bytes:
    """Return the filter; a jump counts the instructions that it passes over."""
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, 6, architecture),  # else refuse
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 4, 0, _X32),  # refuse; numbers below zero are among these
        (_EQUAL, 0, 4, ioctl),  # else allow
        (_LOAD, 0, 0, _REQUEST),
        (_EQUAL, 1, 0, _TIOCSTI),  # refuse
        (_EQUAL, 0, 1, _TIOCLINUX),  # else allow
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def refuse_typing() -> bool:
    """Install the filter for this process, which must have one thread and no_new_privs.

    Returns False where the machine or the kernel has none.
    """
    known = _MACHINES.get(platform.machine())
    if known is None or sys.maxsize < 1 << 32 or sys.byteorder != "little":
        return False
    program = _program(*known)
    given = _Filter(len(program) // 8, program)
    done = _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(given), 0, 0)
    return bool(done == 0)
