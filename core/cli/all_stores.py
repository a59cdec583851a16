"""One command for all stores of the configuration, one after the other.

Each store gets a process of its own, because each may have another owner, whom root becomes for
good. A failing one does not stop the others; the exit code is that of the worst. A check
for monitoring is one line for all of them, and a critical store counts more than an unknown one.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from core.cli.configured import Configuration
from core.cli.console import Console
from core.cli.due_view import one_line, worst_state
from core.cli.interruptions import Interruptions
from core.errors import UsageError
from core.events import encode_text
from core.program import command_of
from core.text.lines import error, note

_PROGRAM: Final = command_of("core")
_CLOSED: Final = 20
_LINE: Final = 8192  # bytes of a check
_ENDED_BY_SIGNAL: Final = 128


class StoreRun(Struct, frozen=True, kw_only=True):
    """How the command ended for one store. `said`: the line of a check."""

    name: str
    code: int
    said: str = ""


def worst_of(codes: Sequence[int]) -> int:
    """Return the worst of several exit codes: a store that was left closed, else the largest."""
    return _CLOSED if _CLOSED in codes else max(codes, default=0)


def run_for_all(
    argv: Sequence[str],
    configuration: Configuration,
    console: Console,
    interruptions: Interruptions,
    *,
    check: bool = False,
) -> int:
    """Run the words for each store; return the exit code of the worst. Raises UsageError.

    `check`: they are a check for monitoring.
    """
    stores = configuration.get().stores
    if not stores:
        raise UsageError("The configuration names no store.", hint="magerewind config:generate")
    words = [word for word in argv if word != "--all-stores"]
    done: list[StoreRun] = []
    for name, table in stores.items():
        if check and not console.as_json:
            done.append(_check_one(name, words, interruptions))
            continue
        if console.as_json:
            row = {"type": "StoreBegan", "store": name, "root": encode_text(table["root"])}
            console.print_json(row)
        console.say(note(f"{name}: {table['root']}"))
        code = _run_one(["--store", name, *words], interruptions)
        done.append(StoreRun(name=name, code=code))
        if interruptions.asked or interruptions.gone is not None:
            break
    if check and not console.as_json:
        code, line = one_line([(ran.name, ran.code, ran.said) for ran in done])
        console.print(line)
        return code
    _say(done, len(stores), console)
    if check:
        return worst_state([ran.code for ran in done])
    return worst_of([ran.code for ran in done])


def _check_one(name: str, words: Sequence[str], interruptions: Interruptions) -> StoreRun:
    with tempfile.TemporaryFile() as said:
        code = _run_one(["--store", name, *words], interruptions, output=said.fileno())
        said.seek(0)
        line = said.readline(_LINE).decode("utf-8", "replace").rstrip("\n")
    return StoreRun(name=name, code=code, said=line)


def _run_one(
    words: Sequence[str], interruptions: Interruptions, *, output: int | None = None
) -> int:
    """Run one command to its end, and pass signals on to it."""
    sys.stdout.flush()
    with interruptions.following():
        # In a group of its own: the terminal's Ctrl-C reaches this process, which forwards it once.
        # No question can be answered there: --yes does that.
        process = subprocess.Popen(
            [*_PROGRAM, *words], process_group=0, stdin=subprocess.DEVNULL, stdout=output
        )
        asked, told = 0, False
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(timeout=0.2)
                return code if code >= 0 else _ENDED_BY_SIGNAL - code
            for _ in range(asked, interruptions.asked):
                process.send_signal(signal.SIGINT)
            asked = interruptions.asked
            if interruptions.gone is not None and not told:
                told = True
                process.send_signal(interruptions.gone)


def _say(done: Sequence[StoreRun], stores: int, console: Console) -> None:
    for ran in done:
        if console.as_json:
            row = {"type": "StoreEnded", "store": ran.name, "exit_code": ran.code}
            console.print_json(row)
        elif ran.code:
            console.say(error(f"{ran.name}: exit code {ran.code}"))
        else:
            console.say(note(f"{ran.name}: done"))
    left = stores - len(done)
    if left:
        console.say(error(f"Interrupted: {left} of {stores} stores were not begun."))
