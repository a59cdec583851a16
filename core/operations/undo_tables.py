"""Undoes the database: aside tables return; kept tables that changed are loaded from the backup.

Tables that a rollback kept go on changing after it. Old tables beside the present kept ones would
be a state that never existed, so the undo restores the kept tables as they were at the commit:
equal to the backup.
"""

from __future__ import annotations

import contextlib

from msgspec import Struct

from core.database.compare.compare import compare_tables
from core.database.index.read_index import DumpIndex
from core.database.load.try_triggers import same_text
from core.database.schema.swap_file import Swap, load_swap
from core.directories import Directory, StateFile
from core.errors import MagerewindError, NothingToUndo
from core.events import Report, no_report
from core.magento.store import Store
from core.operations.connection_file import kept_connection
from core.operations.database_load import needed_backup
from core.operations.difference import dump_index
from core.operations.findings import Finding, from_error, note, stop, warn
from core.operations.job_files import DEFINITIONS
from core.operations.kept_elsewhere import KeptElsewhere


class UndoTables(Struct, frozen=True, kw_only=True):
    """The tables of an undo. `back` come back, `stayed` are as at the commit, `loaded` changed.

    `left` are tables that stayed and keep their present state; `backup` is the source of `loaded`.
    `swapped` tells whether tables, views, triggers, routines or events were exchanged at all.
    """

    back: int
    swapped: bool
    stayed: int = 0
    loaded: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    backup: str = ""

    @property
    def differs(self) -> bool:
        """Whether the undo would change anything."""
        return self.swapped or bool(self.loaded)


def _other_objects(swap: Swap) -> bool:
    """Tell whether views, triggers, routines or events were made, replaced or dropped."""
    then, now = (
        {(one.kind, one.name): one for one in every.objects if one.kind not in swap.keeps}
        for every in (swap.before, swap.wanted)
    )
    return then.keys() != now.keys() or not all(same_text(then[key], now[key]) for key in then)


def plan_undo_tables(
    store: Store,
    directory: Directory,
    findings: list[Finding],
    *,
    partial: bool,
    report: Report = no_report,
) -> UndoTables | None:
    """Return the tables of an undo of a job; None, with a finding, where they are unknown."""
    try:
        settings = kept_connection(directory)
        swap = load_swap(StateFile(directory, DEFINITIONS), schema=settings.schema)
        back = sum(one.aside is not None for one in swap.tables)
        swapped = bool(swap.tables or swap.drops) or _other_objects(swap)
        if not swap.kept:
            return UndoTables(back=back, swapped=swapped)
        if partial:
            message = "These tables stayed in the rollback, and the undo leaves them as they are:"
            findings.append(warn("tables-left", message, names=swap.kept))
            return UndoTables(back=back, swapped=swapped, left=swap.kept)
        with contextlib.ExitStack() as stack:
            if swap.source is not None and swap.source.repository:
                elsewhere = KeptElsewhere(directory, swap.source, swap.kept)
                index: DumpIndex | str = elsewhere.index(stack) or "its index is damaged"
                name = f"{swap.source.name} in {swap.source.repository}"
            else:
                backup = needed_backup(store, swap)
                index, name = stack.enter_context(dump_index(backup)), backup.name.text
            if isinstance(index, str):
                same, reason = frozenset[str](), index
            else:
                found = compare_tables(index, settings, swap.kept, report=report)
                same, reason = found.same, found.reason
        if reason:
            message = "The tables that stayed cannot be compared with the backup, so all of them"
            findings.append(note("not-compared", f"{message} are loaded: {reason}."))
        loaded = tuple(one for one in swap.kept if one not in same)
        return UndoTables(back=back, swapped=swapped, stayed=len(same), loaded=loaded, backup=name)
    except NothingToUndo as error:
        findings.append(stop("backup-needed", error.message, hint=error.hint))
    except MagerewindError as error:
        findings.append(from_error("database", error))
    return None
