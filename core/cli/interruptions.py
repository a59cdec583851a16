"""The meaning of Ctrl-C, a hang-up and a request to end for a command.

While nothing has begun they simply end it. While it follows a job they are only counted: the
follower decides what the first Ctrl-C and the second one are for, and the job is never touched by
the signal itself, since it runs in a session of its own.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal ended the command. `code` is the shell's: 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


class Interruptions:
    """The received signals. `asked` counts Ctrl-C while following; `gone` is the ending one."""

    def __init__(self) -> None:
        self.asked = 0
        self.gone: int | None = None
        self._following = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if not self._following:
            raise Stopped(number)
        if number == signal.SIGINT:
            self.asked += 1
        else:
            self.gone = number

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Handle the signals of this process; the earlier handlers come back afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may; a test that calls us from another has no signals
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        try:
            for number in _SIGNALS:
                # nohup ignores SIGHUP, and a shell's background job SIGINT: they keep their way.
                if before[number] is not signal.SIG_IGN:
                    signal.signal(number, self._handle)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def following(self) -> Iterator[None]:
        """Count signals instead of ending."""
        self._following = True
        try:
            yield
        finally:
            self._following = False
