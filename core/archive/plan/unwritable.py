"""Obstacles to a plan for this account: directories that it cannot rename in, flags, mounts.

It looks at the directories of a plan's units, and changes nothing.
"""

from __future__ import annotations

import os
import stat
from typing import Final

from core.account.open_via_helper import look
from core.archive.plan.closed_directories import can_be_opened, is_stuck
from core.archive.plan.compare import NAMES_KEPT
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.rows import Action
from core.archive.tree.open_directories import OpenDirectories
from core.archive.tree.selection import Selection
from core.archive.tree.xattrs import pinned

READ_ONLY: Final = "read-only file system"


def unwritable(plan: PlanFile, selection: Selection) -> list[str]:
    """Return where this account may not rename, or change the mode of, planned entries."""
    refused: dict[str, None] = {}
    last = looked_at = b"\0"
    fixed = False
    with OpenDirectories(selection.root) as open_directories:
        for row in plan.units_and_modes():
            relative = row.path[len(selection.prefix) :]
            parent = relative.rpartition(b"/")[0]
            try:
                fd, name = open_directories.parent_of(relative)
            except OSError:
                continue  # it went away: the recheck finds out
            moves = row.action is not Action.MODE
            if parent != looked_at:
                looked_at, fixed = parent, bool(os.statvfs(fd).f_flag & os.ST_RDONLY)
            if fixed:
                _note(refused, selection.prefix + parent, READ_ONLY)
                continue
            if moves and parent != last:
                last = parent
                _note(refused, selection.prefix + parent, _keeps_entries(b".", fd))
            if moves and is_stuck(fd, row.uid_now) and not can_be_opened(fd):
                _note(refused, row.path, None)
            if row.type_now == stat.S_IFDIR and moves:
                _note(refused, row.path, _keeps_entries(name, fd))
            elif row.type_now in {stat.S_IFDIR, stat.S_IFREG}:
                _note(refused, row.path, pinned(name, fd))
            if len(refused) > NAMES_KEPT:
                break
    return list(refused)


def _note(refused: dict[str, None], path: bytes, why: str | None) -> None:
    if why != "":
        refused[(os.fsdecode(path) or ".") + (f" ({why})" if why else "")] = None


def _keeps_entries(name: bytes, fd: int) -> str | None:
    """Return which flag keeps the entries of a directory, None for missing rights, "" for neither.

    Its owner may open it up to writing.
    """
    flag = pinned(name, fd)
    if flag:
        return flag
    try:
        opened = look(name, fd)
    except PermissionError:
        return None
    except OSError:
        return ""  # it went away: the recheck finds out
    try:
        if os.access(name, os.W_OK | os.X_OK, dir_fd=fd, effective_ids=True):
            return ""
        own = os.fstat(opened).st_uid == os.geteuid()
        return "" if own or can_be_opened(opened) else None
    finally:
        os.close(opened)
