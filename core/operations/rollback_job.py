"""The values of a running rollback for its parts: job, request, backups, the shown plan."""

from __future__ import annotations

from msgspec import Struct

from core.operations.confirmed_plan import ConfirmedPlan
from core.operations.context import JobContext
from core.operations.requests import RollbackRequest
from core.operations.sources import Sources


class RollbackJob(Struct, frozen=True, kw_only=True):
    """The inputs of every part. `shown` is None where no person was asked."""

    context: JobContext
    request: RollbackRequest
    sources: Sources
    shown: ConfirmedPlan | None
