"""Counts the rows that a rollback adds, removes and changes in differing tables, for its plan.

The counts are only shown, and take a few seconds at most: ranges of a table whose digests differ
are compared row by row, small tables first. The job does not need them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from core.backups.catalog import Backup
from core.database.compare.compare import Verdict
from core.errors import Cancelled, MagerewindError
from core.magento.store import Store

if TYPE_CHECKING:
    from core.contents.table_rows import RowTotals
    from core.database.load.dump_check import DumpCheck
    from core.operations.difference import Difference

COUNTING_S: Final = 3.0
"""After this long no further table is begun."""
LARGEST: Final = 64 << 20
"""Bytes of rows in the dump; the digests of more take the server long."""


def count_rows(
    check: DumpCheck,
    difference: Difference | None,
    store: Store,
    backup: Backup,
    *,
    environ: Mapping[str, str],
) -> Mapping[str, RowTotals]:
    """Return the counts of the tables for which there is time. Raises Cancelled.

    A table that cannot be compared is left out.
    """
    if difference is None or difference.reason or backup.manifest is None:
        return {}
    wanted = [
        (one.row_bytes, one.name)
        for one in check.contents
        if difference.verdicts.get(one.name) is Verdict.DIFFERS and one.row_bytes <= LARGEST
    ]
    if not wanted:
        return {}
    # A plan in which nothing differs waits for no imports.
    from core.contents.table_differences import TableDifferences  # noqa: PLC0415
    from core.contents.tables import DumpContents  # noqa: PLC0415

    try:
        with (
            DumpContents(backup, keep=False) as contents,
            TableDifferences(contents, store, environ=environ) as found,
        ):
            names = [name for _, name in sorted(wanted)]
            return found.count(names, deadline=time.monotonic() + COUNTING_S)
    except Cancelled:
        raise
    except MagerewindError:
        return {}
