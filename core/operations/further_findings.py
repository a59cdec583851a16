"""Further findings before a rollback: links, processes, releases, versions, a clock in doubt."""

from __future__ import annotations

from core.events import Kind
from core.magento.processes import running_processes
from core.magento.store import Store
from core.operations.backup_findings import stripped_findings, version_findings
from core.operations.findings import Finding, link_findings, warn
from core.operations.media_coverage import remote_findings
from core.operations.release_root import release_findings
from core.operations.requests import RollbackRequest
from core.operations.sources import Sources


def further_findings(
    store: Store, request: RollbackRequest, sources: Sources, now_s: float
) -> list[Finding]:
    """Return further notes for the person: links, processes, versions, a clock."""
    media = (store.media,) if Kind.MEDIA in request.kinds else ()
    found = link_findings(store, (*media, store.var))
    processes = running_processes(store)
    if processes:
        found.append(
            warn(
                "processes",
                "Running on this store; maintenance mode does not stop them:",
                hint="Stop cron and the queue consumers first.",
                names=[process.label for process in processes],
            )
        )
    found += release_findings(store, sources)
    if Kind.MEDIA in sources.backups:
        found += remote_findings(sources.configuration)
    found += version_findings(store, sources)
    found += stripped_findings(request, sources)
    found += [
        warn("clock", f"{backup.name.text} is dated in the future.")
        for backup in sources.backups.values()
        if backup.name.timestamp > now_s + 60
    ]
    return found
