"""The entry point of the application: refuses where it cannot be shown, else loads it and runs it.

Imports nothing heavy, so that the headless command stays fast.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from core.errors import MagerewindError
from tui.app import terminal

if TYPE_CHECKING:
    from core.config.load import Effective


def _looks(mouse: bool | None, ascii_only: bool | None) -> terminal.Terminal | None:
    """Return how to draw here; None, with a word about it, where that cannot be."""
    reason = terminal.refusal(
        os.environ,
        input_is_tty=os.isatty(0),
        output_is_tty=os.isatty(2),
    )
    if reason is not None:
        sys.stderr.write(f"{reason}\nThe same work without it: magerewind --help\n")
        return None
    looks = terminal.look(
        os.environ,
        encoding=terminal.encoding_of(
            terminal.started_environment(os.environ),
            locale.getpreferredencoding(do_setlocale=False),
        ),
        mouse=mouse,
        ascii_only=ascii_only,
    )
    terminal.prepare(os.environ, looks)
    return looks


def pick_store(
    stores: Mapping[str, str], *, mouse: bool | None = None, ascii_only: bool | None = None
) -> tuple[int, str | None]:
    """Show names and roots; return the exit code, and the name that was picked."""
    looks = _looks(mouse, ascii_only)
    if looks is None:
        return 2, None
    from tui.app.shutdown import run_shell  # noqa: PLC0415 - loads Textual
    from tui.app.stores import Stores  # noqa: PLC0415 - as above

    application = Stores(stores, looks)
    return run_shell(application, looks), application.chosen


def open_application(
    *,
    root: str | None = None,
    read_only: bool = False,
    mouse: bool | None = None,
    ascii_only: bool | None = None,
    settings: Callable[[str], Effective] | None = None,
    switchable: bool = False,
) -> int:
    """Show the application on the store at `root`, or found from here; return the exit code.

    0 after a normal end, 1 for a store that cannot be opened or shown, 2 without a usable terminal,
    129, 130 and 143 after SIGHUP, SIGINT and SIGTERM.
    """
    looks = _looks(mouse, ascii_only)
    if looks is None:
        return 2
    from tui.engine.lazy import open_engine  # noqa: PLC0415 - see the module's first lines

    try:
        engine = open_engine(
            root=root, read_only=read_only, settings=settings, switchable=switchable
        )
    except MagerewindError as error:
        from core.text.printable import printable  # noqa: PLC0415

        sys.stderr.write(printable(error.message) + "\n")
        if error.hint:
            sys.stderr.write(printable(error.hint) + "\n")
        return error.exit_code
    from tui.app.shutdown import run_application  # noqa: PLC0415 - loads Textual

    return run_application(engine, looks)
