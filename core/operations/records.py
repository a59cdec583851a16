"""What the records of a job's journal mean.

It owns the sense of each record, and knows nothing of how the journal is written.
"""

from __future__ import annotations

from core.events import Kind
from core.operations.context import JobContext


def swap_begun(context: JobContext, kind: Kind) -> bool:
    """Tell whether anything of this kind can have been moved."""
    return any(
        record.kind == "swap-begin" and record.payload["kind"] == kind.value
        for record in context.journal.records
    )
