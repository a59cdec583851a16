"""The result of an operation, for its runner."""

from __future__ import annotations

from msgspec import Struct

from core.events import Outcome


class OperationResult(Struct, frozen=True, kw_only=True):
    """The result of an operation that finished; failures are raised as exceptions.

    `strict`: warnings count as a failure for the exit code.
    """

    outcome: Outcome = Outcome.DONE
    exit_code: int = 0
    message: str = ""
    undo_kept: bool = False
    strict: bool = False


class JobResult(Struct, frozen=True, kw_only=True):
    """How a job ended."""

    outcome: Outcome
    exit_code: int
    message: str = ""
    undo_kept: bool = False
