"""The listing of a backup's contents: one form for each kind of backup.

A view turns the facts of `core.contents` into lines and JSON, as they come: a list of any length
takes no more memory than a short one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from core.backups.catalog import Backup
from core.contents.origin import Origin
from core.contents.protocol import Contents
from core.events import Kind, Report
from core.magento.store import Store


class ContentsView(Protocol):
    """A backup, opened to be looked into."""

    @property
    def contents(self) -> Contents:
        """The contents, which show and extract parts."""

    def lines(self, part: str) -> Iterator[str]:
        """Yield the list of a part, or of all, as texts of one or more lines that are safe."""

    def json(self, part: str) -> Iterator[str]:
        """Yield the same as texts of one or more JSON values, one a line, in ASCII."""

    def difference_lines(self, part: str, *, show_secrets: bool, limit: int) -> Iterator[str]:
        """Yield the differences of a part, or of all, from the live store; the totals at the end.

        Of a table at most `limit` rows are shown.

        Errors of the part are raised by the call itself, before the first line.
        """

    def difference_json(self, part: str, *, show_secrets: bool, limit: int) -> Iterator[str]:
        """Yield the same as texts of one or more JSON values, one a line, in ASCII."""


Opened = AbstractContextManager[ContentsView]


def open_view(
    backup: Backup, store: Store, report: Report, *, keep: bool, origin: Origin | None = None
) -> Opened:
    """Return the view of a backup; with `keep`, an index that has to be made for it is kept.

    `report` gets bytes of the backup while it is read whole for that. With an `origin` the backup
    is not here.
    """
    if backup.kind is Kind.DB:
        from core.cli.tables_view import open_tables  # noqa: PLC0415 - as below

        return open_tables(backup, store, report, keep, origin)
    from core.cli.members_view import open_members  # noqa: PLC0415 - loaded at its first use

    return open_members(backup, store, report, keep, origin)
