"""Decides whether a backup is of this store, by host, root and database in its manifest.

A backup of production that is rolled back on staging brings production's configuration and base
URLs with it. It is allowed, but never by accident. A manifest that lacks one of the three says
nothing about it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from core.backups.catalog import Backup
from core.errors import PreflightRefused
from core.events import Kind
from core.magento.store import Store, shown
from core.operations.findings import Finding, warn

CODE: Final = "elsewhere"
_RELEASES: Final = "releases"
HINT: Final = "--from-elsewhere confirms that; app/etc/env.php stays unless --replace-env is given."


def differences(
    store: Store, host: str, schema: str | None, backups: Mapping[Kind, Backup]
) -> dict[str, tuple[str, ...]]:
    """Return, by file name, the manifest's claim of another store."""
    found: dict[str, tuple[str, ...]] = {}
    for backup in backups.values():
        reasons = tuple(_differences(store, host, schema, backup))
        if reasons:
            found[backup.name.text] = reasons
    return found


def _differences(store: Store, host: str, schema: str | None, backup: Backup) -> Iterator[str]:
    manifest = backup.manifest
    if manifest is None:
        return
    if manifest.host and manifest.host != host:
        yield f"host {manifest.host}"
    if manifest.root and not is_of_release(store, manifest.root):
        yield f"root {shown(manifest.root)}"
    if manifest.database and schema and manifest.database != schema:
        yield f"database {manifest.database}"


def is_of_release(store: Store, root: str) -> bool:
    """Tell whether a root is the store's own, or that of another release of it."""
    return root == store.root or _releases(root, store.root)


def _releases(one: str, other: str) -> bool:
    """Tell whether two roots are releases of one store, which a link chooses from."""
    return is_release(one) and os.path.dirname(one) == os.path.dirname(other)


def is_release(root: str) -> bool:
    """Tell whether a root is one of several releases."""
    return os.path.basename(os.path.dirname(root)) == _RELEASES


def origin_findings(elsewhere: Mapping[str, tuple[str, ...]]) -> list[Finding]:
    """Return a warning that names the backups of another store, and the signs of it."""
    if not elsewhere:
        return []
    names = [f"{name}: {', '.join(reasons)}" for name, reasons in elsewhere.items()]
    return [warn(CODE, "THESE BACKUPS ARE OF ANOTHER STORE:", names=names, hint=HINT)]


def refuse_unasked(elsewhere: Mapping[str, tuple[str, ...]]) -> None:
    """Raise PreflightRefused for backups of another store without a confirmation."""
    for name, reasons in elsewhere.items():
        raise PreflightRefused(f"{name} is of another store ({', '.join(reasons)}).", hint=HINT)
