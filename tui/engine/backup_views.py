"""Backups and sets of the catalog as the screens' values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.backups.catalog import Backup, BackupSet
from core.backups.manifest import Manifest
from core.backups.stripped import tables_without_rows
from core.events import Kind
from core.text import numbers
from tui.engine.views import UNKNOWN, BackupView, SetView


def _created(iso: str) -> str:
    """Return the moment of a manifest, which is UTC there, in the time of all others."""
    try:
        return numbers.moment(datetime.fromisoformat(iso).timestamp())
    except ValueError:
        return iso


def set_view(one: BackupSet) -> SetView:
    """Return a set of the catalog as the screens have it."""
    return SetView(
        timestamp=one.timestamp, backups=tuple(_backup_view(backup) for backup in one.backups)
    )


def _backup_view(backup: Backup) -> BackupView:
    manifest = backup.manifest
    warnings = [backup.problem] if backup.problem else []
    details: list[tuple[str, str]] = []
    if backup.name.label:
        details.append(("Label", backup.name.label))
    if manifest is not None:
        warnings += [warned.message for warned in manifest.warnings]
        known = (
            ("Taken on", f"{manifest.host}, {_created(manifest.created)}"),
            ("Magento", manifest.magento_version or ""),
            ("Members", numbers.count(manifest.members) if manifest.members is not None else ""),
            (
                "Content",
                numbers.short_size(manifest.content_bytes) if manifest.content_bytes else "",
            ),
            ("Rows", numbers.count(sum(manifest.rows.values())) if manifest.rows else ""),
            ("Snapshot", manifest.snapshot or ""),
            ("Server", manifest.server or ""),
            ("Left out", " ".join(manifest.excluded)),
            ("No rows of", " ".join(manifest.stripped)),
            ("Store", "kept open while it was taken" if manifest.kept_open else ""),
            ("Took", numbers.short_duration(manifest.elapsed_s)),
            ("sha256", manifest.sha256),
        )
        details += [(label, words) for label, words in known if words]
    else:
        details.append(("Written", numbers.moment(backup.modified_s)))
    return BackupView(
        name=backup.name.text,
        kind=backup.kind,
        timestamp=backup.name.timestamp,
        size_bytes=backup.size_bytes,
        health=backup.health.value,
        note=backup.remarks.note,
        keep=backup.remarks.keep,
        tried=backup.remarks.tried,
        maker=manifest.made_by if manifest is not None else UNKNOWN,
        details=tuple(details),
        warnings=tuple(warnings),
        stripped=bool(manifest is not None and manifest.stripped),
        without_rows=len(tables_without_rows(manifest)),
        **_known(manifest),
    )


def _known(manifest: Manifest | None) -> dict[str, Any]:
    """Return the facts known only from a manifest, as fields of a view."""
    if manifest is None:
        return {}
    rows = sum(manifest.rows.values()) if manifest.rows else None
    return {
        "elapsed_s": manifest.elapsed_s,
        "content_bytes": manifest.content_bytes,
        "items": rows if manifest.kind is Kind.DB else manifest.members,
        "magento": manifest.magento_version or "",
        "host": manifest.host,
        "kept_open": manifest.kept_open,
        "excluded": manifest.excluded,
    }
