"""Waits for a silent database server: the watcher of this process is told of them.

A wait deep inside the database package tells here, once in a while, where it is and how long it may
take. A command prints that, a job writes it into its stream, the application shows it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

AFTER_S: Final = 2.0
"""How long a login or a look goes on in silence before it is told of."""

_AGAIN_S: Final = 60.0

Listener = Callable[[str], None]

_listeners: list[Listener] = []
_told: dict[str, float] = {}  # by place: when it was told of


@contextlib.contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let `listener` hear of silent servers inside the block, from the thread that waits."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def silent(place: str, left_s: float) -> None:
    """Tell that the server at `place` is waited for, at most for `left_s` seconds more.

    Nothing is told twice within a minute.
    """
    now_s = time.monotonic()
    if not _listeners or now_s - _told.get(place, -_AGAIN_S) < _AGAIN_S:
        return
    _told[place] = now_s
    limit = f"{max(1, round(left_s))} s"
    _listeners[-1](
        f"Waiting for the answer of the database server at {place}, for at most {limit} more."
    )


__all__ = ["AFTER_S", "Listener", "heard_by", "silent"]
