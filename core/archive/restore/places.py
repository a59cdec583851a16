"""The stages and asides of a plan, reached by descriptors.

They lie in `var/.magerewind` or at the top of a region. Both are below directories that others may
write to, so a place is never opened by its path: the state directory is the one that holds the
plan, and a region is reached from the root without following a link. A place must belong to this
account, as all state.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

from core.archive.plan.plan_file import PlanFile
from core.archive.tree.open_directories import OPEN_DIRECTORY, OpenDirectories
from core.archive.tree.remove import remove_if_empty, remove_tree, tree_bytes
from core.closeable import Closeable
from core.durable import make_directory, printable
from core.errors import ForeignState
from core.events import Report, no_report
from core.owned_files import foreign, why_foreign

_DEFAULT_ACL: Final = "system.posix_acl_default"


class StagePlaces(Closeable):
    """The stages and asides of one plan. `close` lets go of all that is open."""

    def __init__(self, plan: PlanFile) -> None:
        self._root = plan.facts.root
        self._state = plan.facts.state
        self._held = plan.home.state
        self._stack = contextlib.ExitStack()
        self._parents: dict[bytes, int] = {}
        self._open: dict[bytes, int] = {}

    def close(self) -> None:
        """Close all descriptors."""
        self._parents.clear()
        self._open.clear()
        self._stack.close()

    def _parent(self, path: bytes) -> tuple[int, bytes]:
        """Return the descriptor of the directory that a place is in, and its name there."""
        above, _, name = path.rpartition(b"/")
        fd = self._parents.get(above)
        if fd is None:
            fd = self._parents[above] = self._open_parent(above)
        return fd, name

    def _open_parent(self, above: bytes) -> int:
        if above == self._state:
            if self._held is not None:
                return self._held.fd
            fd = os.open(above, OPEN_DIRECTORY)
            self._stack.callback(os.close, fd)
            return fd
        open_directories = self._stack.enter_context(OpenDirectories(self._root))
        inside = above[len(self._root) + 1 :]
        return open_directories.go(inside.split(b"/") if inside else [])

    def open(self, path: bytes) -> int:
        """Return the descriptor of a place, which stays open. Raises FileNotFoundError."""
        fd = self._open.get(path)
        if fd is not None:
            return fd
        above, name = self._parent(path)
        fd = os.open(name, OPEN_DIRECTORY, dir_fd=above)
        reason = why_foreign(os.fstat(fd), directory=True)
        if reason:
            os.close(fd)
            raise foreign(printable(path), reason)
        self._stack.callback(os.close, fd)
        self._open[path] = fd
        return fd

    def is_there(self, path: bytes) -> bool:
        """Tell whether a place has been made. Raises ForeignState for one that is not ours."""
        try:
            self.open(path)
        except FileNotFoundError:
            return False
        return True

    def make(self, path: bytes) -> None:
        """Make a place, 0700: inside a mounted pub/media a web server could read it."""
        above, name = self._parent(path)
        make_directory(name, dir_fd=above)
        # Entries made below would inherit it, and carry it into the store.
        with contextlib.suppress(OSError):
            os.removexattr(self.open(path), _DEFAULT_ACL)

    def remove(self, path: bytes, *, report: Report = no_report) -> int:
        """Remove a place with all in it; return the bytes freed. Gone already is as good."""
        if not self._is_removable(path):
            return 0
        above, name = self._parent(path)
        return remove_tree(name, dir_fd=above, report=report)

    def remove_if_empty(self, path: bytes) -> None:
        """Remove a place that has nothing in it."""
        with contextlib.suppress(OSError, ForeignState):
            if self.is_there(path):
                above, name = self._parent(path)
                remove_if_empty(name, dir_fd=above)

    def size(self, path: bytes) -> int:
        """Return how many bytes on disk a place holds; 0 when it is not there."""
        if not self._is_removable(path):
            return 0
        above, name = self._parent(path)
        return tree_bytes(name, dir_fd=above)

    def _is_removable(self, path: bytes) -> bool:
        try:
            return self.is_there(path)
        except (FileNotFoundError, NotADirectoryError):  # its region is gone
            return False
