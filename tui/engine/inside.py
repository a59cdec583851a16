"""The screens' questions on the contents of a backup, answered by the core's own views.

Every answer is bounded, and every question can be left: `stop` is asked again and again, and ends
it with `Cancelled`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import islice
from typing import Final

from core.archive.tar.header import DIRECTORY, SYMLINK
from core.cli.contents_view import open_view
from core.cli.found_backup import FoundBackup, found_backup
from core.config.load import Effective
from core.contents.children import children_of
from core.contents.compare_directory import Standings, StoreRelation, hits
from core.contents.extract_target import Target
from core.contents.members import ArchiveContents
from core.contents.protocol import Extracted
from core.contents.table_differences import State, TableDifference, TableDifferences
from core.contents.tables import DumpContents
from core.errors import Cancelled, UsageError
from core.events import Kind, Report, no_report
from core.magento.store import Store
from tui.engine.inside_port import HITS, PAGE, InsideView, OpenTable, StandingView, Stop
from tui.engine.inside_rows import DumpTable

LINES: Final = 2500
"""Lines of one difference; the core cuts that of a file before."""
ROWS: Final = 200
"""Rows of a table that are shown of its difference."""
_TOLD_S: Final = 0.15  # results known by then are handed on together
_STATES: Final = {
    State.SAME: "same",
    State.CHANGED: "differs",
    State.DEFINITION: "definition",
    State.MISSING: "missing",
    State.EXTRA: "only now",
    State.UNKNOWN: "unknown",
}
_KINDS: Final = {DIRECTORY: "directory", SYMLINK: "link"}


class BackupInsides:
    """The inside of the backups of one store. `keep` the indexes that have to be made."""

    def __init__(
        self, store: Store, *, keep: bool, settings: Callable[[str], Effective] | None = None
    ) -> None:
        self._store = store
        self._keep = keep
        self._settings = settings

    def _found(self, name: str, report: Report) -> AbstractContextManager[FoundBackup]:
        """Give a backup that is here, or in a repository of the configuration."""
        return found_backup(
            self._store,
            name,
            None,
            settings=self._effective,
            environ=os.environ,
            report=report,
        )

    def _effective(self) -> Effective:
        if self._settings is None:
            raise UsageError("No repository is configured.")
        return self._settings(self._store.root)

    @contextmanager
    def _opened(self, name: str, stop: Stop) -> Iterator[ArchiveContents | DumpContents]:
        """Give the contents of a backup."""
        report, keep = _stopping(stop), self._keep
        with self._found(name, report) as one, ExitStack() as stack:
            backup, origin = one.backup, one.origin
            if backup.kind is Kind.DB:
                dump = DumpContents(backup, keep=keep, report=report, origin=origin)
                yield stack.enter_context(dump)
            else:
                archive = ArchiveContents(
                    backup, self._store, keep=keep, report=report, origin=origin
                )
                yield stack.enter_context(archive)

    def children(
        self, name: str, directory: str, *, after: str, stop: Stop
    ) -> tuple[InsideView, ...]:
        """Return a page of the parts of a directory, or of a dump."""
        with self._opened(name, stop) as contents:
            if isinstance(contents, DumpContents):
                behind = islice(contents.parts(), int(after or 0), int(after or 0) + PAGE)
                return tuple(
                    InsideView(path=one.name, kind=one.kind, size=one.size_bytes, rows=one.rows)
                    for one in behind
                )
            found = children_of(contents.index, directory, after=after)
            return tuple(
                InsideView(
                    path=one.path, kind=one.kind, size=one.size, mode=one.mode, link=one.link
                )
                for one in islice(found, PAGE)
            )

    def standing(
        self,
        name: str,
        directory: str,
        *,
        found: Callable[[tuple[StandingView, ...]], object],
        stop: Stop,
    ) -> None:
        """Hand on the relation of parts to the live store, some at a time."""
        with self._opened(name, stop) as contents:
            if isinstance(contents, ArchiveContents):
                standings = Standings(contents, self._store, stop=stop)
                _hand_on(map(_of_entry, standings.of(directory)), found, stop)
                return
            with TableDifferences(contents, self._store, environ=os.environ) as tables:
                _hand_on(map(_of_table, tables.standings(stop=stop)), found, stop)

    def found(self, name: str, word: str, *, stop: Stop) -> tuple[int, tuple[InsideView, ...]]:
        """Return the members of an archive with a word in their path."""
        count, shown = 0, list[InsideView]()
        with self._opened(name, stop) as contents:
            if not isinstance(contents, ArchiveContents):
                raise UsageError("Only files are looked for by their names.")
            for located in hits(contents, word, stop=stop):
                count += 1
                if count <= HITS:
                    row = located.row
                    shown.append(
                        InsideView(
                            path=os.fsdecode(row.path),
                            kind=_KINDS.get(row.type, "file"),
                            size=row.size,
                            mode=None if row.mode < 0 else row.mode,
                            link=os.fsdecode(row.link),
                        )
                    )
        return count, tuple(shown)

    def table(self, name: str, table: str) -> OpenTable:
        """Open a table of a dump."""
        found = self._found(name, no_report)
        return DumpTable(found, self._store, table, keep=self._keep)

    def extract(self, name: str, part: str, to: str, *, stop: Stop) -> tuple[int, int, int]:
        """Write a part into a directory outside the store."""
        files = size = left = 0
        with self._opened(name, stop) as contents, Target(to, self._store) as target:
            for one in contents.extract([part], target):
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
        report = _stopping(stop)
        lines: list[str] = []
        with (
            self._found(name, report) as one,
            open_view(one.backup, self._store, report, keep=self._keep, origin=one.origin) as view,
        ):
            texts = view.difference_lines(part, show_secrets=show_secrets, limit=ROWS)
            for text in islice(texts, LINES):
                lines += text.split("\n")
                if stop():
                    raise Cancelled("Nobody waits for this difference any more.")
        return tuple(lines)


def _hand_on(
    views: Iterator[StandingView],
    found: Callable[[tuple[StandingView, ...]], object],
    stop: Stop,
) -> None:
    waiting: list[StandingView] = []
    told_s = time.monotonic()
    for view in views:
        waiting.append(view)
        if time.monotonic() - told_s > _TOLD_S:
            if stop():
                raise Cancelled("Nobody waits for this comparison any more.")
            found(tuple(waiting))
            waiting, told_s = [], time.monotonic()
    if waiting:
        found(tuple(waiting))


def _of_entry(one: StoreRelation) -> StandingView:
    changed = one.comes + one.changes + one.goes
    state = "differs" if changed else "same"
    if changed and not (one.same or one.changes):
        state = "missing" if one.comes and not one.goes else "only now" if not one.comes else state
    part = None
    if one.kind:
        part = InsideView(path=one.path, kind=one.kind, size=one.size, mode=one.mode)
    return StandingView(
        path=one.path,
        state=state,
        comes=one.comes,
        changes=one.changes,
        goes=one.goes,
        about=one.about,
        part=part,
    )


def _of_table(one: TableDifference) -> StandingView:
    only_now = one.state is State.EXTRA
    state = _STATES[one.state] if one.counted or one.state is not State.UNKNOWN else ""
    return StandingView(
        path=one.name,
        state=state,
        rows_now=one.rows_now,
        counted=one.counted,
        part=InsideView(path=one.name, kind="table") if only_now else None,
    )


def _stopping(stop: Stop) -> Report:
    def report(_done_bytes: int, _items: int, _current: str) -> None:
        if stop():
            raise Cancelled("Nobody waits for this difference any more.")

    return report
