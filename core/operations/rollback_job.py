"""A rollback at work, as its parts see it: the job, the request, the backups, the plan shown."""

from __future__ import annotations

from dataclasses import dataclass

from core.operations.context import JobContext
from core.operations.requests import RollbackRequest
from core.operations.shown import Shown
from core.operations.sources import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackJob:
    """Everything that a part works from. `shown` is None where nobody was asked."""

    context: JobContext
    request: RollbackRequest
    sources: Sources
    shown: Shown | None
