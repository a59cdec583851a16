"""Whether backups will fit, and which old ones would make room for them."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Final

from core.errors import MagerewindError
from core.events import Kind
from core.magento.store import Store
from core.operations.estimates import Estimate
from core.operations.findings import Finding, megabytes, note, stop
from core.operations.job_files import open_jobs
from core.operations.pruning import PrunePlan, clock_doubt, plan_prune
from core.operations.requests import BackupRequest

PRUNES: Final = "prune-first"
"""The code of the finding that sets are deleted before the backup."""
_SPACE: Final = "space"
_HINT: Final = "Delete old backups, or choose fewer kinds."


def space_findings(
    store: Store, request: BackupRequest, estimates: Mapping[Kind, Estimate], free_bytes: int
) -> list[Finding]:
    """Return the findings for backups that would not fit."""
    needed = sum(estimate.file_bytes for estimate in estimates.values())
    if needed <= free_bytes:
        return []
    message = f"The backups need about {megabytes(needed)}, {megabytes(free_bytes)} are free."
    plan, why = _plan(store, request)
    if plan is None or not plan.doomed:
        hint = why or _HINT
        return [stop(_SPACE, message, hint=hint)]
    freed = megabytes(plan.freed_bytes)
    names = [one.name.text for doomed in plan.doomed for one in doomed.backups]
    fits = needed <= free_bytes + plan.freed_bytes
    if not fits:
        hint = f"The rules of retention would free {freed} of that, which is not enough."
        return [stop(_SPACE, f"{message} To be pruned:", hint=hint, names=names)]
    if request.prune_first:
        return [note(PRUNES, f"{message} To be deleted first ({freed}):", names=names)]
    hint = f"--prune-first deletes them before the backup and frees {freed}."
    return [stop(_SPACE, f"{message} No rule keeps:", hint=hint, names=names)]


def _plan(store: Store, request: BackupRequest) -> tuple[PrunePlan | None, str]:
    """Return the deletions by the rules of a request, or the reason why none are known."""
    if not request.policy:
        return None, ""
    now_s = time.time()
    try:
        doubt = clock_doubt(store, host=socket.gethostname(), now_s=now_s)
        if doubt:
            return None, f"Nothing is pruned: {doubt}"
        return plan_prune(store, request.policy, jobs=open_jobs(store), now_s=now_s), ""
    except MagerewindError as error:
        return None, error.message
