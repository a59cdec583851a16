"""A line on stderr while a command waits for a silent database server, for people and for logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.cli.console import Console
from core.silence import heard_by
from core.text.lines import note


@contextmanager
def patience(console: Console) -> Iterator[None]:
    """Say, inside the block, that the answer of a database server is waited for."""
    with heard_by(lambda words: console.say(note(words))):
        yield
