"""Dumps that lack the rows of tables: which of these tables have rows of value.

Rows of logs, sessions, indexes and reports come again by themselves, so a dump without them counts
as a full one. The tables are told by the groups of `--strip`.
"""

from __future__ import annotations

from typing import Final

from core.backups.manifest import Manifest

STRIPPED: Final = "stripped db"
"""The kind of such dumps in retention: they are counted by themselves."""
_OF_NO_VALUE: Final = (
    "@stripped",
    "@idx",
    "@temp",
    "@replica",
    "@aggregated",
    "@newrelic_reporting",
)
_EVERYWHERE: Final = "core_config_data"  # a table of each store; what is before it is the prefix


def tables_without_rows(manifest: Manifest | None) -> tuple[str, ...]:
    """Return the tables with rows of value of which a dump has none."""
    if manifest is None or not manifest.stripped:
        return ()
    from core.database.dump.strip import resolve  # noqa: PLC0415 - a list of full dumps needs none

    ordinary = {*resolve(_OF_NO_VALUE, manifest.stripped, prefix=_prefix_of(manifest))}
    return tuple(name for name in manifest.stripped if name not in ordinary)


def _prefix_of(manifest: Manifest) -> str:
    names = (*(manifest.rows or ()), *manifest.stripped)
    found = [name.removesuffix(_EVERYWHERE) for name in names if name.endswith(_EVERYWHERE)]
    return min(found, key=len, default="")
