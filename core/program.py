"""How a module of this program is started as another process.

Isolated (`-I`), so that no directory of a store and no PYTHONPATH can put another package in this
one's place. Where the program is a single file, its packages are in a directory that an isolated
interpreter does not know: it is told.
"""

from __future__ import annotations

import sys
from typing import Final

_START: Final = (
    "import sys; place = sys.argv[1]; sys.path.insert(0, place); "
    "from core import program; program.start_from(place); program.run_module()"
)
_place: str | None = None


def start_from(place: str) -> None:
    """Have other processes take their modules from this directory; to be said before all else."""
    global _place  # noqa: PLW0603 - a process has one place, as it has one sys.path
    _place = place


def run_module() -> None:
    """Become the module that the words of `command_of` name, in the process that they start."""
    import runpy  # noqa: PLC0415 - only where the program is a single file

    module = sys.argv[2]
    del sys.argv[1:3]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def command_of(module: str) -> tuple[str, ...]:
    """Return the words that start a module, or a package, of this program."""
    if _place is None:
        return (sys.executable, "-I", "-m", module)
    return (sys.executable, "-I", "-c", _START, _place, module)
