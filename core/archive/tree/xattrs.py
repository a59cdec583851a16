"""The extended attributes of files that an archive keeps: a person's own, ACLs and capabilities.

It owns the choice; attributes that the system sets by itself (labels of SELinux) are not kept. The
flags of `chattr` are not kept either, but two of them stop a rollback: `pinned` finds those.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from typing import Final

CAPABILITY: Final = b"security.capability"
_KEPT: Final = ("user.", "system.posix_acl_", os.fsdecode(CAPABILITY))
_KEPT_BYTES: Final = tuple(os.fsencode(name) for name in _KEPT)
LONGEST_NAME: Final = 255  # of one, in bytes, and the largest value: limits of the kernel
LARGEST_VALUE: Final = 65_536
# FS_IOC_GETFLAGS; where ioctls are numbered otherwise, it is one that no file has.
_GET_FLAGS: Final = 2 << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
_PINNED: Final = ((0x10, "immutable"), (0x20, "append-only"))


def _names(fd: int) -> list[str]:
    try:
        names = os.listxattr(fd)
    except OSError:
        return []  # a file system that knows none, or one that refuses to tell
    return [name for name in names if name.startswith(_KEPT)] if names else names


def is_kept(name: bytes) -> bool:
    """Tell whether an attribute of this name is kept."""
    return name.startswith(_KEPT_BYTES)


def read_attributes(fd: int) -> dict[bytes, bytes]:
    """Return the attributes of an open file that are kept."""
    found = {}
    for name in _names(fd):
        try:
            found[os.fsencode(name)] = os.getxattr(fd, name)
        except OSError:
            continue  # it went away, or is not ours to read
    return found


def pinned(name: bytes, fd: int) -> str:
    """Return which flag of `chattr` keeps a file or directory where it is; empty for none.

    Not even root can then rename it, or change its mode. Unreadable attributes are not asked for.
    """
    try:
        opened = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd
        )
    except OSError:
        return ""
    try:
        answer = fcntl.ioctl(opened, _GET_FLAGS, bytes(8))
    except OSError:
        return ""  # a file system without flags
    finally:
        os.close(opened)
    flags = int.from_bytes(answer[:4], sys.byteorder)
    return next((word for flag, word in _PINNED if flags & flag), "")
