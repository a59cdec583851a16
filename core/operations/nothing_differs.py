"""A rollback, or an undo, that would change nothing: the store stays open, older undos stay.

This module has the criterion, which a plan applies, and the line of text; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.archive.plan.summary import FilePlan
from core.events import Kind
from core.operations.findings import Finding, note


def nothing_differs(
    kinds: Collection[Kind], files: Mapping[Kind, FilePlan], *, database_unchanged: bool
) -> bool:
    """Tell whether the plans of all these kinds change nothing."""
    if Kind.DB in kinds and not database_unchanged:
        return False
    return not any(plan.differs for plan in files.values())


def nothing_finding(what: str = "the backup") -> Finding:
    """Return the note that a command shows instead of a rollback, or of an undo."""
    message = f"Nothing differs from {what}: nothing is changed, and the store stays open."
    return note("nothing-differs", message)
