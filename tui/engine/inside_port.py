"""The screens' questions on the contents of backups. Answers are frozen values.

Everything may take a while, and is asked from threads; `stop` is asked again and again, and ends a
question with `Cancelled`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct

Stop = Callable[[], bool]

PAGE: Final = 5000
"""Parts of one answer."""
ROWS_PAGE: Final = 200
"""Rows of a table that are read at once."""
HITS: Final = 2000
"""Parts that a search shows."""


class InsideView(Struct, frozen=True, kw_only=True):
    """One part of a backup. `kind` is `directory`, `file`, `link`, `table`, `view` and so on.

    Sizes are bytes; `mode` and `rows` are None where nothing has them.
    """

    path: str
    kind: str
    size: int = 0
    mode: int | None = None
    link: str = ""
    rows: int | None = None


class StandingView(Struct, frozen=True, kw_only=True):
    """The relation of a part to the live store.

    `state` is `same`, `differs`, `definition` (a table is defined otherwise), `missing`, `only
    now`, `unknown`, or empty while it is unknown. `comes`, `changes` and `goes` count the changes
    of a rollback to a directory and all below it; `about`: not all of it was read. `part` is a part
    that is only in the store. `rows_now` are those of a table, about unless `counted`.
    """

    path: str
    state: str
    comes: int = 0
    changes: int = 0
    goes: int = 0
    about: bool = False
    part: InsideView | None = None
    rows_now: int | None = None
    counted: bool = False


class RowView(Struct, frozen=True, kw_only=True):
    """One row of a table. Values are texts, None for NULL; a side that has no row is None.

    `sign` is `+` only in the backup, `-` only in the store, `~` in both with other values, a blank
    for the same, `?` where it is not known.
    """

    sign: str
    then: tuple[str | None, ...] | None
    now: tuple[str | None, ...] | None = None


class RowsView(Struct, frozen=True, kw_only=True):
    """Some rows of a table that follow one another; `total` rows are in the backup."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: tuple[RowView, ...]
    total: int


class OpenTable(Protocol):
    """The rows of one table of a backup, held open. Questions may come from several threads."""

    def page(self, first: int, *, show_secrets: bool) -> RowsView:
        """Return `ROWS_PAGE` rows of the backup, without a server. Quick."""
        ...

    def beside(self, first: int, *, show_secrets: bool) -> RowsView:
        """Return the same rows beside those of the store, which may be more.

        Raises MagerewindError where the two cannot be compared.
        """
        ...

    def close(self) -> None:
        """Let go of the backup and the server."""
        ...


class Insides(Protocol):
    """The inside of backups, beside the store as it is now."""

    def children(
        self, name: str, directory: str, *, after: str, stop: Stop
    ) -> tuple[InsideView, ...]:
        """Return at most `PAGE` parts of a directory of a backup, those behind `after`.

        "" is the top of an archive, and all of a dump. The first question may have to read the
        whole backup, for its index. Raises DamagedBackup, Cancelled.
        """
        ...

    def standing(
        self,
        name: str,
        directory: str,
        *,
        found: Callable[[tuple[StandingView, ...]], object],
        stop: Stop,
    ) -> None:
        """Give `found` the known relations to the store of the parts of a directory or dump.

        Parts may come again when more is known of them. Raises Cancelled, and MagerewindError
        where nothing can be compared.
        """
        ...

    def found(self, name: str, word: str, *, stop: Stop) -> tuple[int, tuple[InsideView, ...]]:
        """Return how many members of an archive have a word in their path, and `HITS` of them."""
        ...

    def table(self, name: str, table: str) -> OpenTable:
        """Open a table of a dump. Raises BackupNotFound, DamagedBackup."""
        ...

    def extract(self, name: str, part: str, to: str, *, stop: Stop) -> tuple[int, int, int]:
        """Write a part, and all below it, into a directory outside the store.

        Return how many files were written, their bytes, and how many were left out.
        """
        ...

    def difference(
        self, name: str, part: str, *, show_secrets: bool, stop: Stop
    ) -> tuple[str, ...]:
        """Return the differences of a file, directory or table of a backup as lines.

        `+` is added by a rollback, `-` is only in the store now. Secrets are masked unless they are
        to be shown. Raises BackupNotFound for a part of neither, and Cancelled.
        """
        ...
