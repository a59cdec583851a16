"""The facts of a job for hooks and receivers: plain values, gathered from its events.

Knows nothing of the ways to send them. The messages of the job are kept apart: they go along only
where the configuration asks for them.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from core.events import (
    BackupCompleted,
    Event,
    Failed,
    HookRan,
    JobBegan,
    Kind,
    Noted,
    Operation,
    Outcome,
    Warned,
)

_MOST_MESSAGES: Final = 1000
_GOOD: Final = frozenset({Outcome.DONE, Outcome.WARNINGS})


def iso(unix_s: float) -> str:
    """Return a time as ISO 8601 with the zone of this machine."""
    return dt.datetime.fromtimestamp(unix_s).astimezone().isoformat(timespec="seconds")


class JobFacts:
    """The facts of one running job."""

    def __init__(self, *, store: str, root: str, host: str, user: str) -> None:
        self._store, self._root, self._host, self._user = store, root, host, user
        self._began: JobBegan | None = None
        self._backups: list[BackupCompleted] = []
        self._warnings = 0
        self._failure: Failed | None = None
        self.messages: deque[str] = deque(maxlen=_MOST_MESSAGES)

    def see(self, event: Event) -> None:
        """Take one more event in."""
        match event:
            case JobBegan():
                self._began = event
            case BackupCompleted():
                self._backups.append(event)
                self.messages.append(f"{event.kind} backup: {event.file_name}")
            case Warned(message=message):
                self._warnings += 1
                self.messages.append(f"Warning: {message}")
            case Noted(message=message):
                self.messages.append(message)
            case HookRan(moment=moment, command=command, outcome=outcome):
                self.messages.append(f"Hook {moment}: {command} {outcome}")
            case Failed(message=message):
                self._failure = event
                self.messages.append(message)
            case _:
                pass

    @property
    def backups(self) -> tuple[BackupCompleted, ...]:
        """The backups that are complete."""
        return tuple(self._backups)

    @property
    def message(self) -> str:
        """The reason of its failure; empty without one."""
        return "" if self._failure is None else self._failure.message

    def of_start(
        self, job_id: str, operation: Operation, kinds: Sequence[Kind], now_s: float
    ) -> dict[str, Any]:
        """Return the facts known at the begin of a job, as JSON values."""
        return {
            "type": "Job",
            "event": "start",
            "job_id": job_id,
            "operation": operation.value,
            "kinds": [kind.value for kind in kinds],
            "store": self._store,
            "root": self._root,
            "host": self._host,
            "user": self._user,
            "note": "" if self._began is None else self._began.note,
            "time": iso(now_s),
            "outcome": "",
            "message": "",
            "exit_code": 0,
            "elapsed_s": 0.0,
            "closed_s": 0.0,
            "size_bytes": 0,
            "warnings": 0,
            "backups": [],
        }

    def of_end(
        self,
        start: dict[str, Any],
        *,
        outcome: Outcome,
        exit_code: int,
        elapsed_s: float,
        closed_s: float,
        now_s: float,
    ) -> dict[str, Any]:
        """Return the facts known at its end."""
        good = "warnings" if outcome is Outcome.WARNINGS or exit_code else "success"
        return {
            **start,
            "event": good if outcome in _GOOD else "fail",
            "time": iso(now_s),
            "outcome": outcome.value,
            "message": self.message,
            "exit_code": exit_code,
            "elapsed_s": round(elapsed_s, 3),
            "closed_s": round(closed_s, 3),
            "size_bytes": sum(backup.size_bytes for backup in self._backups),
            "warnings": self._warnings,
            "backups": [
                {
                    "kind": backup.kind.value,
                    "file_name": backup.file_name,
                    "path": backup.path,
                    "size_bytes": backup.size_bytes,
                    "elapsed_s": round(backup.elapsed_s, 3),
                }
                for backup in self._backups
            ],
        }
