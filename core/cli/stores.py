"""The application where several stores are configured: the choice of one, the change to another.

Each store is shown by a process of its own, because root becomes its owner for good. This process
only asks for a name, starts the application on that store, and waits for it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from msgspec.structs import replace

from core.cli.configured import SWITCH, SWITCHABLE, Configuration
from core.cli.parser import CommandLine
from core.errors import InvalidConfig
from core.program import command_of

PickStore = Callable[[Mapping[str, str], CommandLine], tuple[int, str | None]]
"""Shows names and roots; returns an exit code, and the name that was picked."""
_PROGRAM: Final = command_of("tui")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def with_only_store(line: CommandLine, configuration: Configuration) -> CommandLine:
    """Return the command line with the only configured store, where nothing else is meant."""
    stores = _stores(configuration)
    if len(stores) == 1 and line.root is None and not _is_in_store(line):
        return replace(line, store=next(iter(stores)))
    return line


def show_stores(
    line: CommandLine, words: Sequence[str], configuration: Configuration, pick: PickStore
) -> int | None:
    """Show one store after the other; return the exit code, None where there are not several."""
    stores = _stores(configuration)
    if len(stores) < 2 or configuration.environ.get(SWITCHABLE):
        return None
    if line.root is None and not _is_in_store(line):
        code, name = pick(stores, line)
        if name is None:
            return code
        words = _words(line, name)
    while True:
        code = _show(words, configuration)
        if code != SWITCH:
            return code
        code, name = pick(stores, line)
        if name is None:
            return code
        words = _words(line, name)


def _stores(configuration: Configuration) -> dict[str, str]:
    """Return names and roots; none where the configuration is broken, which a start will say."""
    if not configuration.may_exist():
        return {}
    with suppress(InvalidConfig):
        return {name: table["root"] for name, table in configuration.get().stores.items()}
    return {}


def _is_in_store(line: CommandLine) -> bool:
    """Tell whether the working directory is in a store, without opening anything of it."""
    from core.account.walk import Walk  # noqa: PLC0415 - only where stores are configured
    from core.magento.store import nearest_root  # noqa: PLC0415 - as above

    with suppress(Exception), Walk(os.getcwd()) as walk:
        nearest_root([(place.path, place.fd) for place in walk.places])
        return True
    return line.store is not None


def _words(line: CommandLine, name: str) -> list[str]:
    """Return the words that show this store as the first one was asked for."""
    words = ["--store", name]
    if line.config_file is not None:
        words += ["--config", os.path.abspath(line.config_file)]
    words += ["--read-only"] if line.read_only else []
    for option, value in (("mouse", line.mouse), ("ascii", line.ascii)):
        if value is not None:
            words.append(f"--{'' if value else 'no-'}{option}")
    return words


def _show(words: Sequence[str], configuration: Configuration) -> int:
    """Run the application to its end; stop and continue together with it."""
    environ = {**configuration.environ, SWITCHABLE: "1"}
    child = subprocess.Popen([*_PROGRAM, *words], env=environ)
    with _handing_on(child):
        while True:
            _, status = os.waitpid(child.pid, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                os.kill(os.getpid(), signal.SIGSTOP)
                child.send_signal(signal.SIGCONT)
                continue
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode if child.returncode >= 0 else 128 - child.returncode


@contextmanager
def _handing_on(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand signals on to the application; the terminal sends its Ctrl-C to both."""

    def hand_on(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGINT:
            with suppress(ProcessLookupError):
                os.kill(child.pid, number)

    before = {number: signal.signal(number, hand_on) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
