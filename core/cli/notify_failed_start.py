"""Notifies the receivers when a backup could not start, since no job exists to do so."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from core.account.ids import name_of
from core.cli.configured import STORE, Configuration
from core.cli.console import Console
from core.cli.parser import CommandLine
from core.config.job_settings import settings_of_job
from core.errors import InvalidConfig, MagerewindError, SecretUnreadable, reason_of
from core.events import Failed, Operation, Outcome
from core.jobs.facts import JobFacts
from core.magento.store import find_store_here
from core.notify.metrics import write_metrics
from core.notify.send import Notifications
from core.text.lines import warning

_CANCELLED: Final = 130


def notify_failed_start(
    line: CommandLine, configuration: Configuration, console: Console, failure: MagerewindError
) -> None:
    """Tell the receivers of the store, within ten seconds. Never raises MagerewindError."""
    told_by_itself = configuration.started or failure.exit_code == _CANCELLED
    if line.command != "setup:backup" or line.dry_run or told_by_itself:
        return
    if isinstance(failure, InvalidConfig | SecretUnreadable) and not line.store:
        return  # a person, or a timer, in a store: there is nothing right to tell it with
    with suppress(MagerewindError, OSError):
        _tell(line, configuration, console, failure)


def _tell(
    line: CommandLine, configuration: Configuration, console: Console, failure: MagerewindError
) -> None:
    root, backups = line.root, None
    named = line.store or (configuration.environ.get(STORE) if root is None else None)
    if named:
        line = replace(line, store=named)
        root = str(configuration.get().require(named)["root"])
    with suppress(MagerewindError):
        store = find_store_here(root=root, for_rollback=True)
        root, backups = store.root, store.backups
    if not root:
        return
    settings = configuration.settings(line, root)
    job = settings_of_job(settings, Operation.BACKUP, root)
    facts = JobFacts(
        store=job.store, root=root, host=socket.gethostname(), user=name_of(os.geteuid())
    )
    facts.see(Failed(error=type(failure).__name__, message=failure.message))
    now_s = time.time()
    start = facts.of_start("", Operation.BACKUP, settings.settings.kinds, now_s)
    told = facts.of_end(
        start,
        outcome=Outcome.FAILED,
        exit_code=failure.exit_code,
        elapsed_s=0.0,
        closed_s=0.0,
        now_s=now_s,
    )
    problems = Notifications(job.receivers, configuration.environ).end(told, ())
    console.say(*(warning(f"Warning: {problem}") for problem in problems))
    # Root writes no file on behalf of a store: its directory may be another account's.
    if job.metrics_file is not None and backups is not None and os.geteuid() != 0:
        try:
            write_metrics(job.metrics_file, backups, told, now_s)
        except (OSError, MagerewindError) as error:
            reason = reason_of(error)
            console.say(warning(f"Warning: Metrics were not written: {reason}"))
