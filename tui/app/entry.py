"""The door of the application: refuses where it cannot be shown, else loads it and runs it.

Imports nothing heavy, so that the headless command stays fast.
"""

from __future__ import annotations

import locale
import os
import sys

from core.errors import MagerewindError
from tui.app import terminal


def open_application(
    *,
    root: str | None = None,
    read_only: bool = False,
    mouse: bool | None = None,
    ascii_only: bool | None = None,
) -> int:
    """Show the application on the store at `root`, or found from here; return the exit code.

    0 after a normal end, 1 for what could not be opened or shown, 2 without a usable terminal,
    129, 130 and 143 after SIGHUP, SIGINT and SIGTERM.
    """
    reason = terminal.refusal(
        os.environ,
        input_is_tty=os.isatty(0),
        output_is_tty=os.isatty(2),
    )
    if reason is not None:
        sys.stderr.write(f"{reason}\nThe same work without it: magerewind --help\n")
        return 2
    looks = terminal.look(
        os.environ,
        encoding=locale.getpreferredencoding(do_setlocale=False),
        mouse=mouse,
        ascii_only=ascii_only,
    )
    terminal.prepare(os.environ, looks)
    from tui.engine.lazy import open_engine  # noqa: PLC0415 - see the module's first lines

    try:
        engine = open_engine(root=root, read_only=read_only)
    except MagerewindError as error:
        from core.text.printable import printable  # noqa: PLC0415

        sys.stderr.write(printable(error.message) + "\n")
        if error.hint:
            sys.stderr.write(printable(error.hint) + "\n")
        return error.exit_code
    from tui.app.shutdown import run_application  # noqa: PLC0415 - loads Textual

    return run_application(engine, looks)
