"""Whether this installation may be run by root, and whether another account can read it.

Code that root runs must be root's: an account that may write a module of it is root at the next
command. And the store's owner may be unable to read code in root's own directory: the first import
after root has become that account would fail, or a runner that cannot be started.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from typing import Final

from core.account.walk import Walk, distrust
from core.errors import AccountRefused

_PACKAGES: Final = ("site-packages", "dist-packages")
_HINT: Final = "Install it for all: pipx install --global magerewind"
_OWN: Final = ("core", "tui")


def _top() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _places() -> Iterator[str]:
    """Yield the interpreter, the standard library, and where modules are looked for."""
    yield sys.executable
    yield os.path.dirname(os.__file__)
    yield from (os.path.abspath(path) for path in sys.path)
    yield _top()


def _existing() -> Iterator[str]:
    yield from (path for path in dict.fromkeys(_places()) if path and os.path.lexists(path))


def refuse_foreign() -> None:
    """As root: raise AccountRefused where others could change the running code."""
    for path in _existing():
        with Walk(path) as walk:
            found = next(filter(None, (distrust(step, 0) for step in walk.passed)), None)
        if found is None and os.path.basename(path) in _PACKAGES:
            found = _foreign_entry(path)
        if found is not None:
            _refuse(found)
    for name in _OWN:
        for directory, _, _ in os.walk(os.path.join(_top(), name)):
            found = _foreign_entry(directory)
            if found is not None:
                _refuse(found)


def _refuse(found: str) -> None:
    raise AccountRefused(
        f"Root does not run an installation that others may change: {found}.", hint=_HINT
    )


def _foreign_entry(directory: str) -> str | None:
    for entry in os.scandir(directory):
        status = entry.stat(follow_symlinks=False)
        if status.st_uid != 0:
            return f"{entry.path} is not root's"
        if not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o022:
            return f"others may write to {entry.path} ({stat.S_IMODE(status.st_mode):o})"
    return None


def refuse_unreadable(name: str) -> None:
    """As the account: raise AccountRefused where it cannot read the code it is to run."""
    for path in _existing_for_all():
        closed = _closed(path)
        if closed is not None:
            raise AccountRefused(
                f"{name} cannot read this installation: {closed} is closed to it.", hint=_HINT
            )


def _existing_for_all() -> Iterator[str]:
    yield from dict.fromkeys(_places())
    yield os.path.join(_top(), "core", "errors.py")


def _closed(path: str) -> str | None:
    """Return the part of a path that this account may not read, or pass; None for a missing one."""
    real = os.path.realpath(path)
    wanted = os.R_OK | (0 if real.endswith(".py") else os.X_OK)
    if os.access(real, wanted):
        return None
    parent = ""
    for part in real.strip("/").split("/")[:-1]:
        parent += f"/{part}"
        if not os.access(parent, os.F_OK):
            return None  # not there, for anybody
        if not os.access(parent, os.X_OK):
            return parent
    return real if os.path.lexists(real) else None
