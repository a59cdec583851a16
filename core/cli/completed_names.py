"""`complete:names backups|jobs [WORD...]`: the names that a shell completes while one types.

The words are those of the line so far, and tell the store by --root and the like. It serves the
shell's script and not people: it changes nothing, reports no error, and ends within a second. A
name that a shell would not take as one word of these characters is left out, since it would be put
on a command line as it is.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from core.backups.names import parse_name
from core.backups.place import open_backups
from core.cli.commands import CommandSession
from core.errors import MagerewindError
from core.magento.store import Store
from core.operations.job_files import job_ids, open_jobs

_LIMIT_S: Final = 0.8
_MOST: Final = 1000
_SAFE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*")


def end_soon() -> None:
    """Let this process end by itself, without a word, when its time is over."""
    signal.signal(signal.SIGALRM, lambda _signal, _frame: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, _LIMIT_S)


def _backups(store: Store) -> Iterator[str]:
    with open_backups(store.backups) as directory:
        yield from (name for name in reversed(directory.names()) if parse_name(name) is not None)


def _jobs(store: Store) -> Iterator[str]:
    jobs = open_jobs(store)
    if jobs is not None:
        yield from reversed(job_ids(jobs))


def names_command(session: CommandSession) -> int:
    """`complete:names`. Always 0."""
    with suppress(MagerewindError, OSError):
        found = (_jobs if session.line.names == ("jobs",) else _backups)(session.store())
        session.console.print(*islice(filter(_SAFE.fullmatch, found), _MOST))
    return 0
