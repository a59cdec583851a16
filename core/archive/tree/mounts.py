"""Mounts and regions, within which renames work, and the hidden places for stage and aside in each.

A rename works within one mount only, so each entry to be swapped must be staged in the region of
its target, and the old entry set aside there. A mount point itself never moves. It owns these
rules and the names of the places; it knows nothing of the entries there.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from typing import Final

from core.magento.trusted_paths import open_trusted_directory

_OCTAL: Final = re.compile(rb"\\([0-7]{3})")


def mount_points(*, table: str = "/proc/self/mountinfo") -> frozenset[bytes]:
    """Return the absolute paths that are mount points; none where there is no such table."""
    try:
        with open(table, "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return frozenset()
    return frozenset(
        _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), line.split(b" ")[4]) for line in lines
    )


def mounts_below(root: bytes) -> frozenset[bytes]:
    """Return the mount points below a real directory, relative to it."""
    start = root.rstrip(b"/") + b"/"
    return frozenset(path[len(start) :] for path in mount_points() if path.startswith(start))


def mount_of(directory: bytes) -> tuple[int, int]:
    """Return the key that two directories share when a rename between them can work."""
    fd = open_trusted_directory(directory)
    try:
        device = os.fstat(fd).st_dev
        try:
            with open(f"/proc/self/fdinfo/{fd}", "rb") as file:
                match = re.search(rb"^mnt_id:\s*(\d+)", file.read(), re.MULTILINE)
        except OSError:
            match = None
        return device, int(match[1]) if match else 0
    finally:
        os.close(fd)


class Regions:
    """The parts of one walked tree between which renames do not work, found while walking."""

    def __init__(self, root: bytes, roots: Sequence[bytes] = (b"",)) -> None:
        self.device = os.stat(root).st_dev
        self._devices: dict[bytes, int] = {b"": self.device}
        self.mounts = mounts_below(root)
        self.roots: list[bytes] = []  # relative, in the order they were found; regions' ids
        for path in roots:
            with contextlib.suppress(OSError):
                self._devices[path] = os.stat(os.path.join(root, path)).st_dev
            self.roots.append(path)

    def notice(self, path: bytes, device: int) -> bool:
        """Take in a directory (relative to the root); tell whether a region begins there."""
        if path in self._devices:
            return bool(path)
        if path not in self.mounts and device == self._devices[self.roots[self.of(path)]]:
            return False
        self._devices[path] = device
        self.roots.append(path)
        return True

    def of(self, path: bytes) -> int:
        """Return the region of the directory that holds `path`."""
        best, length = 0, -1
        for number, root in enumerate(self.roots):
            inside = not root or path.startswith(root + b"/")
            if inside and len(root) > length:
                best, length = number, len(root)
        return best


def place_pair(region_root: bytes, state: bytes, label: str) -> tuple[bytes, bytes]:
    """Return where stage and aside of a region are, for a job and kind such as `<job>-code`.

    In `var/.magerewind` when a rename from there works, else at the top of the region.
    """
    name = os.fsencode(label)
    try:
        near = mount_of(state) == mount_of(region_root)
    except OSError:
        near = False
    if near:
        return state + b"/stage-" + name, state + b"/aside-" + name
    return (
        region_root + b"/.magerewind-stage-" + name,
        region_root + b"/.magerewind-aside-" + name,
    )
