"""The end of waits: the cancellation of the job that runs in this process.

A wait deep inside the database package asks here, so that no function between it and the operation
has to pass the cancellation on. Only the thread that installed the cancellation is interrupted;
other threads are ended by that one.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol


class Interruption(Protocol):
    """A request to stop, and the exception that it raises."""

    @property
    def asked(self) -> bool:
        """Whether the job was asked to stop, even if it is too late."""

    def check(self) -> None:
        """Raise when the job should stop."""


_installed: list[tuple[Interruption, int]] = []


@contextlib.contextmanager
def interruptible(by: Interruption) -> Iterator[None]:
    """Let `by` end the waits of this thread inside the block."""
    _installed.append((by, threading.get_ident()))
    try:
        yield
    finally:
        _installed.pop()


def check() -> None:
    """Raise the error that ends this thread's work, if it is to end."""
    if _installed and _installed[-1][1] == threading.get_ident():
        _installed[-1][0].check()


def hurried() -> bool:
    """Whether a stop was asked for: the remaining work should not wait for long."""
    return bool(_installed) and _installed[-1][0].asked
