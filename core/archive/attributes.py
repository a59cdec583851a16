"""The extended attributes of files that an archive keeps: a person's own, ACLs and capabilities.

It owns which ones; what the system sets by itself (labels of SELinux) is not kept.
"""

from __future__ import annotations

import os
from typing import Final

_KEPT: Final = ("user.", "system.posix_acl_", "security.capability")


def _names(fd: int) -> list[str]:
    try:
        names = os.listxattr(fd)
    except OSError:
        return []  # a file system that knows none, or one that refuses to tell
    return [name for name in names if name.startswith(_KEPT)] if names else names


def has_attributes(fd: int) -> bool:
    """Tell whether an open file has attributes that are kept."""
    return bool(_names(fd))


def read_attributes(fd: int) -> dict[bytes, bytes]:
    """Return the attributes of an open file that are kept."""
    found = {}
    for name in _names(fd):
        try:
            found[os.fsencode(name)] = os.getxattr(fd, name)
        except OSError:
            continue  # it went away, or is not ours to read
    return found
