"""The entry of the `magerewind` command: a headless command, or the application without one.

Textual takes a fifth of a second to load, and neither a command nor a refusal needs it: it is
imported only when the application really opens.
"""

from __future__ import annotations

import locale
import os
import sys

from core.cli.main import run
from core.cli.parser import CommandLine
from core.errors import UsageError


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def _open_application(line: CommandLine) -> int:
    """Open the application on the store that is meant and return its exit code."""
    from tui.terminal import look, prepare, refusal  # noqa: PLC0415 - see above

    # Textual reads standard input and writes to standard error.
    reason = refusal(os.environ, input_is_tty=_is_terminal(0), output_is_tty=_is_terminal(2))
    if reason is not None:
        raise UsageError(reason, hint="The commands work anywhere: magerewind --help lists them.")
    looks = look(os.environ, encoding=locale.getencoding(), mouse=line.mouse, ascii_only=line.ascii)
    prepare(os.environ, looks)
    raise NotImplementedError


def main() -> int:
    """Run what the command line asks for and return the exit code."""
    return run(open_application=_open_application)


if __name__ == "__main__":
    sys.exit(main())
