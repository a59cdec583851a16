"""The one way to wait for something: look again and again, and fail with its name at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

_SECONDS = 90.0  # long enough for a machine with much else to do; nothing is measured by it
_PAUSE_S = 0.005


def _tries(condition: Callable[[], object], reason: Callable[[], str] | str) -> Iterator[float]:
    give_up = time.monotonic() + _SECONDS
    while not condition():
        left = time.monotonic() < give_up
        assert left, reason if isinstance(reason, str) else reason()
        yield _PAUSE_S


def until(condition: Callable[[], object], reason: Callable[[], str] | str) -> None:
    """Return when the condition is true. `reason` is what a failure says."""
    for pause_s in _tries(condition, reason):
        time.sleep(pause_s)


async def until_in_loop(condition: Callable[[], object], reason: Callable[[], str] | str) -> None:
    """The same, while the event loop runs on."""
    for pause_s in _tries(condition, reason):
        await asyncio.sleep(pause_s)
