"""Deviations of a rollback's backups: another version of Magento, rows left out."""

from __future__ import annotations

from core.events import Kind
from core.magento.store import Store, magento_version
from core.operations.findings import Finding, note, warn
from core.operations.requests import RollbackRequest
from core.operations.sources import Sources


def version_findings(store: Store, sources: Sources) -> list[Finding]:
    """Return the backups that are of another version of Magento than the store."""
    version, _edition = magento_version(store)
    return [
        note(
            "version",
            f"The {kind} backup is of Magento {backup.manifest.magento_version}, "
            f"the store is {version}.",
        )
        for kind, backup in sources.backups.items()
        if backup.manifest is not None
        and None not in {version, backup.manifest.magento_version or None}
        and backup.manifest.magento_version != version
    ]


def stripped_findings(request: RollbackRequest, sources: Sources) -> list[Finding]:
    """Return the tables of which the dump has no rows."""
    backup = sources.backups.get(Kind.DB)
    if backup is None or backup.manifest is None or not backup.manifest.stripped:
        return []
    names = backup.manifest.stripped
    if request.only_table and not request.with_related:
        from core.operations.chosen_tables import matching_tables  # noqa: PLC0415 - loads the database

        prefix = "" if sources.connection is None else sources.connection.table_prefix
        names = matching_tables(request.only_table, names, prefix)[0]
        if not names:
            return []
    if request.keep_stripped:
        message = "The dump was taken without the rows of some tables; they keep the present ones:"
        return [note("stripped", message, names=names)]
    message = "The dump was taken without the rows of some tables; they will be empty:"
    return [warn("stripped", message, hint="--keep-stripped keeps the present rows.", names=names)]
