"""Code that this account cannot change: read-only mounts, and directories of others.

Such a store can still be backed up, and its database rolled back. The kernel is asked whether this
account may write, so limits of root are found as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from core.archive.tree.mounts import mounts_below
from core.errors import StoreUnreadable
from core.magento.store import Store, access_hint, refuse_stranger, shown
from core.operations.findings import Finding, owner_hint, warn

MOUNT_HINT: Final = "Mount it for writing first (mount -o remount,rw)."
_LOOKED_AT: Final = ("app/etc", "app/code", "app/design", "vendor/magento")
_MOST: Final = 1000


def is_read_only(path: str) -> bool:
    """Tell whether a path, or its nearest existing parent, is mounted read-only."""
    while path != "/" and not os.path.lexists(path):
        path = os.path.dirname(path)
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def refusal_of(path: str) -> str:
    """Return why this account may not write to a path, as a sentence."""
    if is_read_only(path):
        return f"{shown(path)} is on a read-only file system."
    return f"This account may not write to {shown(path)}."


def refuse_unwritable(store: Store) -> None:
    """Raise StoreUnreadable where this account may start no job on a store."""
    for path in (store.var, store.state_directory):
        if os.path.isdir(path) and not os.access(path, os.W_OK | os.X_OK):
            hint = MOUNT_HINT if is_read_only(path) else access_hint(store.owner_uid)
            raise StoreUnreadable(refusal_of(path), hint=hint)
    refuse_stranger(store)


def code_findings(store: Store) -> tuple[Finding, ...]:
    """Return where the code cannot be rolled back, by its main directories and its mounts."""
    if is_read_only(store.root):
        message = "The code is on a read-only file system: it cannot be rolled back."
        return (warn("code-read-only", message, hint=MOUNT_HINT),)
    found: list[Finding] = []
    paths = map(os.fsdecode, sorted(mounts_below(os.fsencode(store.root)))[:_MOST])
    mounted = [path for path in paths if is_read_only(os.path.join(store.root, path))]
    if mounted:
        message = "On a read-only file system, where nothing can be rolled back:"
        found.append(warn("code-read-only", message, hint=MOUNT_HINT, names=mounted))
    closed = [path for path in _directories(store) if path not in mounted and _closed(store, path)]
    if closed:
        message = "Code that this account may not write to, and cannot roll back:"
        found.append(warn("code-not-writable", message, hint=owner_hint(store), names=closed))
    return tuple(found)


def _directories(store: Store) -> Iterator[str]:
    """Yield the root, its direct entries, and the directories in which code changes."""
    yield "."
    try:
        with os.scandir(store.root) as entries:
            names = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
    except OSError:
        return
    yield from sorted(name for name in names[:_MOST] if name != "var")
    for path in _LOOKED_AT:
        if os.path.isdir(os.path.join(store.root, path)):
            yield path


def _closed(store: Store, path: str) -> bool:
    """Tell whether a directory can be changed neither as it is nor after its owner opened it."""
    full = os.path.join(store.root, path)
    if os.access(full, os.W_OK | os.X_OK):
        return False
    try:
        return os.lstat(full).st_uid != os.geteuid()
    except OSError:
        return False
