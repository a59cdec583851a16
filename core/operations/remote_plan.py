"""The findings of a plan from a set elsewhere: space, what is fetched, and what changed there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.archive.plan.summary import FilePlan
from core.errors import Cancelled, MagerewindError
from core.events import Kind
from core.magento.store import Store
from core.operations.findings import Finding, from_error, warn
from core.operations.remote_sources import Remote, dump_findings, space_findings
from core.operations.sources import Sources

if TYPE_CHECKING:  # of a database: the start of a rollback of files waits for imports
    from core.operations.difference import Difference


def remote_findings(
    store: Store,
    sources: Sources,
    remote: Remote,
    files: Mapping[Kind, FilePlan],
    difference: Difference | None,
) -> list[Finding]:
    """Return the findings on a set in a repository; `difference`: None without a comparison."""
    if Kind.DB not in sources.backups:
        return space_findings(store, remote, files)
    from core.operations.remote_dump import (  # noqa: PLC0415 - as above
        no_index,
        part_findings,
        part_with,
    )

    part = None if difference is None else part_with(remote, difference.loaded)
    if difference is None or part is None:
        whole = remote.part(Kind.DB).facts.size_bytes
        found = space_findings(store, remote, files, dump_bytes=whole)
        found += dump_findings(remote, no_index(remote.part(Kind.DB)))
        return found + (loss_findings(sources) if difference is None else [])
    found = space_findings(store, remote, files, dump_bytes=part.kept_bytes)
    return found + part_findings(part, difference.loaded)


def loss_findings(sources: Sources) -> list[Finding]:
    """Return the rows that are newer than a dump that cannot be read yet."""
    from core.operations.lost_rows import count_lost_rows, uncounted_findings  # noqa: PLC0415

    if sources.connection is None:
        return []
    try:
        losses = count_lost_rows(sources.connection, sources.backups[Kind.DB].name.timestamp)
    except Cancelled:
        raise
    except MagerewindError as error:
        return [from_error("database", error)]
    found = list(uncounted_findings(losses))
    if losses.any:
        words = f"Newer than the backup, and lost by this rollback: {losses.words}."
        found.append(warn("losses", words))
    return found
