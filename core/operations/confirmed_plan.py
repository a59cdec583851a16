"""The plan shown to the person who confirmed a rollback, kept for its runner to compare with.

The runner makes the plan again, but for one of a listing, which it is given. Changes of the open
store between the two are taken into the plan and named; another archive or another env.php was not
confirmed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from core.archive.plan.handed_plan import hand_over
from core.archive.plan.summary import FilePlan
from core.archive.tree.ordinary_changes import are_too_many, is_ordinary
from core.backups.catalog import Backup
from core.directories import Directory, StateFile
from core.errors import MALFORMED, PlanChanged, StorageError
from core.events import Kind
from core.operations.job_files import SHOWN, plan_name
from core.operations.rollback_plan import RollbackPlan
from core.operations.sources import Sources
from core.owned_files import LARGE

_FRESH_S: Final = 300.0


class ChangesSinceShown(Struct, frozen=True):
    """The differences between the plan that was shown and the one that was made again."""

    names: tuple[str, ...]
    count: int  # outside the places that change all the time
    of: int

    @property
    def too_many(self) -> bool:
        """Whether more has changed than may be accepted without asking again."""
        return are_too_many(self.count, self.of)


def _entry_key(action: str, path: str) -> str:
    return hashlib.blake2b(action.encode() + b"\0" + os.fsencode(path), digest_size=8).hexdigest()


def _identity(backup: Backup) -> list[Any]:
    if backup.repository and backup.manifest is not None:  # its digest names it, wherever it is
        return [backup.name.text, backup.size_bytes, backup.manifest.sha256]
    status = os.lstat(backup.path)
    return [backup.name.text, status.st_size, status.st_mtime_ns, status.st_ino]


class ConfirmedPlan(Struct, frozen=True):
    """The plan as it was shown, in short: identities of the backups, keys of the entries."""

    environment: str
    backups: Mapping[str, list[Any]]
    entries: Mapping[str, frozenset[str]]
    kept: frozenset[str] | None = None  # tables that a comparison for the plan found to be the same
    compared_s: float = 0.0

    def kept_at(self, now_s: float) -> frozenset[str] | None:
        """Return the tables that stay by the shown plan, None for a plan that is not recent.

        They are compared again under locks in any case: a change meanwhile costs time only.
        """
        return self.kept if self.is_fresh(now_s) else None

    def is_fresh(self, now_s: float) -> bool:
        """Tell whether the plan was made a moment ago."""
        return 0 <= now_s - self.compared_s <= _FRESH_S

    def check_sources(self, sources: Sources) -> None:
        """Raise PlanChanged when a backup or env.php differs from the shown one."""
        for kind, backup in sources.backups.items():
            if self.backups.get(kind.value) != _identity(backup):
                raise PlanChanged(f"{backup.name.text} changed since the plan was shown.")
        if self.environment != sources.environment_fingerprint:
            raise PlanChanged("app/etc/env.php changed since the plan was shown.")

    def changed_since(self, kind: Kind, plan: FilePlan) -> ChangesSinceShown:
        """Return entries planned now and not shown, or shown and not planned now."""
        left = set(self.entries.get(kind.value, frozenset()))
        names: list[str] = []
        count = 0
        for entry in plan.entries():
            key = _entry_key(entry.action, entry.path)
            if key in left:
                left.discard(key)
                continue
            names.append(entry.path)
            count += not is_ordinary(os.fsencode(entry.path))
        return ChangesSinceShown(
            names=tuple(names),
            count=count + len(left),
            of=plan.identical + plan.added + plan.changed + plan.removed + plan.mode_only,
        )


def write_confirmed(plan: RollbackPlan, directory: Directory, *, now_s: float = 0.0) -> None:
    """Keep the shown plan in a job's directory."""
    difference = plan.database.difference if plan.database is not None else None
    row = {
        "environment": plan.environment,
        "backups": {kind.value: _identity(backup) for kind, backup in plan.backups.items()},
        "entries": {
            kind.value: [_entry_key(entry.action, entry.path) for entry in files.entries()]
            for kind, files in plan.files.items()
        },
        "kept": None if difference is None or difference.reason else list(difference.kept),
        "compared_s": now_s,
    }
    directory.write(SHOWN, json.dumps(row).encode())
    for kind, files in plan.files.items():
        if plan.backups[kind].repository:  # a plan of an archive must cache contents anew
            hand_over(files.plan_path, StateFile(directory, plan_name(kind)))


def read_confirmed(directory: Directory) -> ConfirmedPlan | None:
    """Return the shown plan, or None for a job without a question.

    Raises ForeignState, and StorageError for a file that is damaged.
    """
    try:
        row = json.loads(directory.read(SHOWN, limit=LARGE))
        shown = ConfirmedPlan(
            environment=str(row["environment"]),
            backups={str(kind): list(identity) for kind, identity in row["backups"].items()},
            entries={str(kind): frozenset(keys) for kind, keys in row["entries"].items()},
            kept=None if (kept := row.get("kept")) is None else frozenset(map(str, kept)),
            compared_s=float(row.get("compared_s", 0)),
        )
    except FileNotFoundError:
        return None
    except MALFORMED as error:
        raise StorageError(f"{directory.path_of(SHOWN)} is damaged.") from error
    return shown
