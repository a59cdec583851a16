"""What the screens ask of the inside of a backup; the core's own views answer.

Every answer is bounded, and every question can be left: `stop` is asked again and again, and ends
it with `Cancelled`.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from core.backups.catalog import find_any_backup
from core.cli.contents_view import open_view
from core.errors import Cancelled
from core.events import Report
from core.magento.store import Store
from tui.engine.plan_port import Stop

LINES: Final = 2500
"""Lines of one difference; the core cuts that of a file before."""
ROWS: Final = 200
"""Rows of a table that are shown of its difference."""


class BackupInsides:
    """The inside of the backups of one store. `keep` the indexes that have to be made."""

    def __init__(self, store: Store, *, keep: bool) -> None:
        self._store = store
        self._keep = keep

    def difference(
        self, name: str, part: str, *, show_secrets: bool, stop: Stop
    ) -> tuple[str, ...]:
        """Return how a part of a backup differs from the store's."""
        backup = find_any_backup(self._store.backups, name)
        lines: list[str] = []
        with open_view(backup, self._store, _stopping(stop), keep=self._keep) as view:
            texts = view.difference_lines(part, show_secrets=show_secrets, limit=ROWS)
            for text in islice(texts, LINES):
                lines += text.split("\n")
                if stop():
                    raise Cancelled("Nobody waits for this difference any more.")
        return tuple(lines)


def _stopping(stop: Stop) -> Report:
    def report(_done_bytes: int, _items: int, _current: str) -> None:
        if stop():
            raise Cancelled("Nobody waits for this difference any more.")

    return report
