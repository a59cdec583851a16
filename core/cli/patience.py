"""A word on stderr while a command waits in silence, for people and for logs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from core.cli.console import Console
from core.text.lines import note

AFTER_S: Final = 2.0


@contextmanager
def patience(console: Console) -> Iterator[None]:
    """Say once, after a while, that the answer of a database server is waited for."""

    def say() -> None:
        from core.database.server.wire import limits  # noqa: PLC0415 - a long wait has it loaded

        limit = f"{limits().connect_s:.0f} seconds"
        console.say(note(f"Still looking. A database server that is silent gets {limit}."))

    timer = threading.Timer(AFTER_S, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
