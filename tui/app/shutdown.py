"""How the application ends: by a key, by a signal, by a fault of its own; the job goes on in each.

Textual installs nothing for SIGTERM and SIGHUP: the process would die at once and leave the
terminal in its own mode (measured). Asking the event loop to end is not enough either, since a
terminal that is not read blocks it in a write; so a timer makes the end certain.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from tui.app.application import Application
from tui.app.base import Shell
from tui.app.terminal import Terminal
from tui.engine.port import Engine

if TYPE_CHECKING:
    from textual.app import App

SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
PATIENCE_S: Final = 2.0  # for the event loop to end the ordinary way
# Mouse off, focus reports off, paste mode off, line wrap on, key protocol off, screen back, cursor.
_RESTORE: Final = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?7h"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
)


def run_application(engine: Engine, looks: Terminal) -> int:
    """Run the application to its end and return the exit code."""
    application = Application(engine, looks, clock=time.time, zone=None)
    code = run_shell(application, looks)
    if application.fault is None and application.last_words:
        sys.stdout.write(application.last_words + "\n")
    return code


def run_shell(application: Shell, looks: Terminal) -> int:
    """Run an application at this terminal to its end and return the exit code."""
    with _leaving_on_signals(application):
        application.run(mouse=looks.mouse)
    if application.fault is not None:
        sys.stderr.write(_fault_line(application.fault) + "\n")
        return 1
    return application.return_code or 0


def _fault_line(error: BaseException) -> str:
    """Return one line about a fault: its place and its kind, never a value."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    path = _write_fault(error)
    return (
        f"The application ended by a fault of its own ({type(error).__name__} at {place}). "
        f"A running job goes on: magerewind job:attach. Details: {path or 'could not be written'}"
    )


def _write_fault(error: BaseException) -> str | None:
    """Write the frames, without the values of variables, for a report of the fault."""
    from platformdirs import user_state_dir  # noqa: PLC0415 - needed after a fault only

    try:
        directory = user_state_dir("magerewind")
        os.makedirs(directory, mode=0o700, exist_ok=True)
        path = os.path.join(directory, "fault.log")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "w", errors="backslashreplace") as file:
            file.writelines(traceback.format_tb(error.__traceback__))
            file.write(f"{type(error).__name__}\n")
    except OSError:
        return None
    return path


@contextlib.contextmanager
def _leaving_on_signals(application: App[Any]) -> Iterator[None]:
    attributes: list[Any] | None = None
    with contextlib.suppress(termios.error, OSError):
        attributes = termios.tcgetattr(0)
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    leave = _leaver(application, attributes)
    for number in SIGNALS:
        signal.signal(number, leave)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, action in before.items():
            signal.signal(number, action)


def _leaver(
    application: App[Any], attributes: list[Any] | None
) -> Callable[[int, FrameType | None], None]:
    def leave(number: int, _frame: FrameType | None) -> None:
        code = 128 + number

        def give_up(_number: int, _frame: FrameType | None) -> None:
            restore_terminal(attributes)
            os._exit(code)

        signal.signal(signal.SIGALRM, give_up)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
        loop = application._loop  # noqa: SLF001 - there is no public name for it
        if loop is None or loop.is_closed():
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: application.exit(return_code=code))

    return leave


def restore_terminal(attributes: list[Any] | None) -> None:
    """Bring the terminal back without waiting for it: output it does not take at once is lost."""
    with contextlib.suppress(termios.error, OSError):
        # The open file is shared with the shell: it must block again afterwards.
        os.set_blocking(2, False)
        try:
            os.write(2, _RESTORE)
        finally:
            os.set_blocking(2, True)
    if attributes is not None:
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(0, termios.TCSANOW, attributes)
