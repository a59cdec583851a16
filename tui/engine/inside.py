"""What the screens ask of the inside of a backup; the core's own views answer.

Every answer is bounded, and every question can be left: `stop` is asked again and again, and ends
it with `Cancelled`.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from core.backups.catalog import find_any_backup
from core.cli.contents_view import open_view
from core.contents.children import children_of
from core.contents.members import ArchiveContents
from core.contents.protocol import Extracted
from core.contents.tables import DumpContents
from core.contents.target import Target
from core.errors import Cancelled
from core.events import Kind, Report
from core.magento.store import Store
from tui.engine.plan_port import PAGE, InsideView, Stop

LINES: Final = 2500
"""Lines of one difference; the core cuts that of a file before."""
ROWS: Final = 200
"""Rows of a table that are shown of its difference."""


class BackupInsides:
    """The inside of the backups of one store. `keep` the indexes that have to be made."""

    def __init__(self, store: Store, *, keep: bool) -> None:
        self._store = store
        self._keep = keep

    def children(
        self, name: str, directory: str, *, after: str, stop: Stop
    ) -> tuple[InsideView, ...]:
        """Return a page of the parts of a directory, or of a dump."""
        backup = find_any_backup(self._store.backups, name)
        report = _stopping(stop)
        if backup.kind is Kind.DB:
            with DumpContents(backup, keep=self._keep, report=report) as dump:
                behind = islice(dump.parts(), int(after or 0), int(after or 0) + PAGE)
                return tuple(
                    InsideView(path=one.name, kind=one.kind, size=one.size_bytes, rows=one.rows)
                    for one in behind
                )
        with ArchiveContents(backup, self._store, keep=self._keep, report=report) as contents:
            found = children_of(contents.index, directory, after=after)
            return tuple(
                InsideView(
                    path=one.path, kind=one.kind, size=one.size, mode=one.mode, link=one.link
                )
                for one in islice(found, PAGE)
            )

    def extract(self, name: str, part: str, to: str, *, stop: Stop) -> tuple[int, int, int]:
        """Write a part into a directory outside the store."""
        backup = find_any_backup(self._store.backups, name)
        files = size = left = 0
        with (
            open_view(backup, self._store, _stopping(stop), keep=self._keep) as view,
            Target(to, self._store) as target,
        ):
            for one in view.contents.extract([part], target):
                if stop():
                    raise Cancelled("The extraction was left.")
                if isinstance(one, Extracted):
                    files += one.kind != "directory"
                    size += one.size
                else:
                    left += 1
        return files, size, left

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
