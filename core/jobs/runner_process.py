"""The process of a runner: its answer to its starter, its signals, its memory.

Knows nothing of the job that it runs.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from core.errors import MagerewindError
from core.operations.context import Cancellation


class Starter:
    """The other end of the pipe on which the starter waits."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    def answer(self, error: MagerewindError | None = None) -> None:
        """Report once that the job has begun, or the error that prevented it."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        row: dict[str, str | None] = {}
        if error is not None:
            row = {
                "error": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
            }
        with suppress(OSError):  # a starter that is gone does not stop a job
            os.write(fd, json.dumps(row).encode())
        os.close(fd)


def prepare_process(cancellation_of: Callable[[], Cancellation | None]) -> None:
    """Survive the terminal, and turn requests to stop into a cancellation."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        cancellation = cancellation_of()
        if cancellation is None:
            os._exit(130)  # nothing has begun
        cancellation.request()

    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    # The data of a job are millions of short-lived values and next to no cycles.
    gc.freeze()
    gc.set_threshold(100_000)
    # Passwords live in this process: no core file may hold them.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
