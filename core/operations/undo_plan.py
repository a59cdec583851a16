"""The changes of an undo, shown before its question is asked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from core.archive.plan.summary import FilePlan
from core.archive.restore.stage import StagedFiles
from core.archive.restore.undo import undo_plan
from core.directories import Directory
from core.errors import MagerewindError
from core.events import Kind, Report, no_report
from core.magento.processes import running_processes
from core.magento.store import Store
from core.operations.connection_file import kept_connection
from core.operations.findings import (
    Finding,
    Level,
    from_error,
    link_findings,
    owner_hint,
    stop,
    warn,
)
from core.operations.job_files import UNDO, plan_name, plan_of, read_mark
from core.operations.lost_rows import LostRows, count_lost_rows, uncounted_findings
from core.operations.nothing_differs import nothing_finding
from core.operations.release_root import undoable_kinds

if TYPE_CHECKING:
    from core.operations.undo_tables import UndoTables

_SHOWN = 1000


class UndoPlan(Struct, frozen=True, kw_only=True):
    """The entries that the undo of a job puts back, and newer ones that leave the store by it."""

    job_id: str
    kinds: tuple[Kind, ...]
    files: Mapping[Kind, FilePlan]
    losses: LostRows | None
    tables: UndoTables | None = None  # None without a database, or where it is not known
    findings: tuple[Finding, ...]
    scratch: tempfile.TemporaryDirectory[str]  # holds the lists of files

    @property
    def changes_nothing(self) -> bool:
        """Whether nothing at all differs from the state before the job; False if not known."""
        if Kind.DB in self.kinds and (self.tables is None or self.tables.differs):
            return False
        return not any(plan.differs for plan in self.files.values())

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings that keep this undo from its start."""
        return tuple(finding for finding in self.findings if finding.level is Level.STOP)


def _process_findings(store: Store) -> list[Finding]:
    processes = running_processes(store)
    if not processes:
        return []
    return [
        warn(
            "processes",
            "Running on this store; maintenance mode does not stop them:",
            names=[process.label for process in processes],
        )
    ]


def plan_undo(
    store: Store,
    directory: Directory,
    job_id: str,
    *,
    partial: bool = False,
    report: Report = no_report,
) -> UndoPlan:
    """Return the changes of a job's undo; nothing is written into the store."""
    kinds, findings = undoable_kinds(store, directory)
    media = (store.media,) if Kind.MEDIA in kinds else ()
    findings += link_findings(store, (*media, store.var))
    scratch = tempfile.TemporaryDirectory(prefix="magerewind-undo-", ignore_cleanup_errors=True)
    staged: dict[Kind, StagedFiles] = {
        kind: undo_plan(
            plan_of(store, directory, kind),
            os.path.join(scratch.name, plan_name(kind)),
            job_id="preview",
        )
        for kind in kinds
        if kind is not Kind.DB
    }
    findings += undo_findings(store, {kind: one.plan for kind, one in staged.items()})
    for kind, one in staged.items():
        if one.newer:
            findings.append(
                warn(
                    "newer-files",
                    f"Newer than the rollback, and set aside by its undo ({kind}):",
                    names=one.newer[:_SHOWN],
                )
            )
    losses = tables = None
    if Kind.DB in kinds:
        # Not for an undo of files: its start waits for imports.
        from core.operations.undo_tables import plan_undo_tables  # noqa: PLC0415

        losses = _losses(directory, findings)
        tables = plan_undo_tables(store, directory, findings, partial=partial, report=report)
    findings += _process_findings(store)
    plan = UndoPlan(
        job_id=job_id,
        kinds=kinds,
        files={kind: one.plan for kind, one in staged.items()},
        losses=losses,
        tables=tables,
        findings=tuple(findings),
        scratch=scratch,
    )
    if plan.changes_nothing:
        plan = replace(plan, findings=(*plan.findings, nothing_finding("the state before it")))
    return plan


def undo_findings(store: Store, files: Mapping[Kind, FilePlan]) -> list[Finding]:
    """Return entries that this account cannot move back, and cannot restore."""
    found: list[Finding] = []
    for kind, plan in files.items():
        if plan.unwritable:
            message = "The undo can't be executed because not all files are writable."
            found.append(
                stop("not-writable", message, hint=owner_hint(store), names=plan.unwritable)
            )
        if plan.unrestorable:
            message = f"What this account cannot restore of {kind}:"
            found.append(warn("unrestorable", message, names=plan.unrestorable))
    return found


def _losses(directory: Directory, findings: list[Finding]) -> LostRows | None:
    try:
        mark = read_mark(directory, UNDO)
        losses = count_lost_rows(kept_connection(directory), int(mark.committed_s if mark else 0))
    except MagerewindError as error:
        findings.append(from_error("database", error))
        return None
    findings += uncounted_findings(losses)
    if losses.any:
        findings.append(
            warn(
                "losses",
                f"Newer than the rollback, and set aside by its undo: {losses.words}.",
                names=[f"order {number}" for number in losses.order_numbers],
            )
        )
    return losses
