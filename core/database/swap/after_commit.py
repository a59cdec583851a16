"""The work after the commit of a swap: foreign keys, triggers, views, routines, events.

Every step looks at the schema and does the missing part, so that all of it may be run again after
a crash; each is in the journal before it begins. It is never reverted, and need not be: acts that
can fail were tried beforehand. A view or routine that still cannot be made is named in a warning,
because a store without it is better than a closed one.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from core.database.load.try_triggers import (
    NO_DEFINER_RIGHT,
    definer_warning,
    or_replace,
    same_text,
    tables_with_other_triggers,
    without_definer,
    without_order,
)
from core.database.schema.broken_tables import drop_broken
from core.database.schema.check_constraints import changes_for_asides, changes_for_checks
from core.database.schema.load_session import LoadingConnection
from core.database.schema.marker import drop_marker, keep_with_asides, set_phase
from core.database.schema.names import aside_name, owner_of
from core.database.schema.read_definitions import objects_now
from core.database.schema.records import ForwardDone, ForwardStep
from core.database.schema.swap_file import ObjectText, Swap
from core.database.schema.table_names import all_names, end_statements
from core.database.server.connection import Connection
from core.database.server.dialect import one_line, quote_name
from core.database.swap.guards import drop_guards
from core.database.swap.point_keys import point_kept_keys, point_outside_keys
from core.database.swap.swap import swap_of
from core.database.swap.table_locks import TableLocks
from core.errors import ConnectionLost, DatabaseError, StorageError
from core.events import Warned
from core.journal import Journal
from core.magento.settings import DatabaseConnection

_ROUTINES: Final = ("PACKAGE", "PACKAGE BODY", "FUNCTION", "PROCEDURE")


def forward_tables(
    settings: DatabaseConnection, journal: Journal, hold: TableLocks | None = None
) -> tuple[Warned, ...]:
    """Bring a committed swap to its end and return the warnings.

    Reads the definitions file that the journal names. Raises ConnectionLost, ConnectionFailed or
    DatabaseError, after which it is to be run again.
    """
    swap = swap_of(journal, settings)
    if swap is None:
        raise StorageError(f"The journal {journal.path} knows of no swap to bring to its end.")

    def begin(step: str) -> None:
        journal.write(ForwardStep(step=step))

    warnings = bring_to_end(settings, swap, begin, hold)
    journal.write(ForwardDone(short=swap.short))
    return warnings


def bring_to_end(
    settings: DatabaseConnection,
    swap: Swap,
    begin: Callable[[str], None],
    hold: TableLocks | None = None,
) -> tuple[Warned, ...]:
    """Do all that follows the commit of a swap; `begin` is told of each step before it."""
    loading = LoadingConnection(settings)
    with contextlib.closing(loading.connection):
        # The changed tables are closed to the store, but a backup tool may read them.
        loading.connection.execute("SET SESSION lock_wait_timeout = 60")
        end_statements(loading.connection, swap.short)
        set_phase(loading.connection, swap.short, "committed")
        forward = _Forward(loading, swap, hold)
        try:
            for name, step in forward.steps():
                begin(name)
                step()
        finally:
            if forward.hold is not None:
                forward.hold.release()
        loading.plain()
        keep_with_asides(loading.connection, swap.short, any_aside=bool(swap.asides))
        for short in _used_up(swap):
            drop_marker(loading.connection, short)
        return tuple(forward.warnings)


def _used_up(swap: Swap) -> set[str]:
    """Return the jobs whose aside tables an undo has made live."""
    owners = (owner_of(table.staged) for table in swap.tables if table.staged is not None)
    return {short for short in owners if short is not None and short != swap.short}


class _Forward:
    """The steps of one swap."""

    def __init__(self, loading: LoadingConnection, swap: Swap, hold: TableLocks | None) -> None:
        self.loading, self.swap, self.hold = loading, swap, hold
        self.connection: Connection = loading.connection
        self.warnings: list[Warned] = []
        self.mapped: defaultdict[str, list[str]] = defaultdict(list)

    def steps(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        return (
            ("give up broken tables", self._drop_lost),
            ("give up triggers", self._give_up_triggers),
            ("give up foreign keys", self._give_up_keys),
            ("give up checks", self._give_up_checks),
            ("in place of broken tables", self._replace_lost),
            ("checks", self._name_checks),
            ("foreign keys", self._name_keys),
            ("defaults", self._set_defaults),
            ("foreign keys of others", self._point_others),
            ("triggers", self._make_triggers),
            ("give up objects", self._drop_objects),
            ("routines", lambda: self._replace(_ROUTINES)),
            ("views", lambda: self._replace(("VIEW",))),
            ("events", self._make_events),
            ("tell", self._tell),
        )

    def _give_up_triggers(self) -> None:
        for name in self._triggers_of(self.swap.asides):
            self.connection.execute(f"DROP TRIGGER IF EXISTS {quote_name(name)}")

    def _triggers_of(self, tables: Iterable[str]) -> list[str]:
        wanted = set(tables)
        rows = self.connection.query(
            "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = DATABASE()"
        )
        return list(dict.fromkeys(str(name) for name, table in rows if table in wanted))

    def _keys_now(self) -> dict[str, set[str]]:
        """Return the names of the foreign keys of each table."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for table, name in self.connection.query(
            "SELECT TABLE_NAME, CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS"
            " WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'FOREIGN KEY'"
        ):
            found[str(table)].add(str(name))
        return found

    def _give_up_keys(self) -> None:
        now = self._keys_now()
        for aside in self.swap.asides:
            if now.get(aside):
                self._alter(aside, [_drop(name) for name in sorted(now[aside])])

    def _give_up_checks(self) -> None:
        for table, changes in changes_for_asides(self.connection, self.swap.asides).items():
            self._alter(table, changes)

    def _drop_lost(self) -> None:
        """Drop those that could not be renamed, first: their referenced tables cannot be locked."""
        present = all_names(self.connection)
        lost = [table for table in self.swap.tables if table.lost]
        for table in lost:
            if table.staged is None or table.staged in present:
                drop_broken(self.connection, table.name)
        if lost:
            message = "The server could not open these tables; what was in them is not in the undo:"
            names = tuple(table.name for table in lost)
            self.warnings.append(Warned(code="broken-tables", message=message, names=names))

    def _replace_lost(self) -> None:
        """Put the new tables in their place, once no key of an old table waits for that name."""
        present = all_names(self.connection)
        self.connection.execute("SET foreign_key_checks = 0")
        for table in self.swap.tables:
            if table.lost and table.staged is not None and table.staged in present:
                both = f"{quote_name(table.staged)} TO {quote_name(table.name)}"
                self.connection.execute(f"RENAME TABLE {both}")

    def _name_checks(self) -> None:
        for table, changes in changes_for_checks(self.connection, self.swap.wanted.checks).items():
            self._alter(table, changes)

    def _name_keys(self) -> None:
        """Give the foreign keys of the new tables the names that they waited for."""
        now, tables = self._keys_now(), self.swap.names
        by_table: defaultdict[str, list[str]] = defaultdict(list)
        for one in self.swap.wanted.foreign_keys:
            key = one.key
            if key.table not in tables:
                continue
            if one.waiting and one.waiting in now.get(key.table, ()):
                by_table[key.table].append(_drop(one.waiting))
            if key.name not in now.get(key.table, ()):
                by_table[key.table].append(f"ADD {key.render()}")
        for table, changes in by_table.items():
            self._alter(table, changes)

    def _set_defaults(self) -> None:
        """Let columns take from the sequences that are live now."""
        for one in self.swap.wanted.defaults:
            change = f"ALTER COLUMN {quote_name(one.column)} SET DEFAULT ({one.expression})"
            self._alter(one.table, [change])

    def _point_others(self) -> None:
        """Let tables that were not swapped refer to the new ones again."""
        hold, self.hold = self.hold, None
        point_kept_keys(self.connection, self.swap, hold)
        point_outside_keys(self.connection, self.swap)
        drop_guards(self.connection, self.swap.short)

    def _alter(self, table: str, changes: Iterable[str]) -> None:
        self.loading.plain()
        # By the comment a later try knows whose statement it is, should this process die.
        mark = f"/* {aside_name(self.swap.short, 0)} */"
        self.connection.execute(f"ALTER TABLE {mark} {quote_name(table)} " + ", ".join(changes))

    def _make_triggers(self) -> None:
        source = self.swap.before if self.swap.keeps_triggers else self.swap.wanted
        kept = () if self.swap.keeps_triggers else self.swap.kept
        self._give_up_other_triggers(kept)
        there = set(self._triggers_of({*self.swap.names, *kept}))
        for one in source.of_kind("TRIGGER"):
            if one.table not in {*self.swap.names, *kept} or one.name in there:
                continue
            try:
                self._make(one)
            except DatabaseError as error:
                # The one that it is to stand before comes later, or not at all.
                if without_order(one) == one or isinstance(error, ConnectionLost):
                    raise
                self._make(without_order(one))

    def _give_up_other_triggers(self, kept: Collection[str]) -> None:
        """Drop the triggers of kept tables that have other ones in the dump."""
        now = objects_now(self.connection, ("TRIGGER",)) if kept else ()
        wanted = self.swap.wanted.of_kind("TRIGGER")
        for table in tables_with_other_triggers(now, wanted, kept):
            self.loading.plain()
            for one in now:
                if one.table == table:
                    self.connection.execute(f"DROP TRIGGER IF EXISTS {quote_name(one.name)}")

    def _make(self, one: ObjectText) -> None:
        """Make an object; as the account's own where its definer may not be set."""
        self.loading.for_object(one)
        text = one.create.encode("utf-8", "surrogateescape")
        try:
            self.connection.execute(text)
        except DatabaseError as error:
            if error.errno not in NO_DEFINER_RIGHT or not one.definer:
                raise
            own = without_definer(one)
            self.connection.execute(own.create.encode("utf-8", "surrogateescape"))
            self.mapped[one.kind.lower()].append(one.name)

    def _drop_objects(self) -> None:
        self.loading.plain()
        for kind, name in self.swap.drops:
            self.connection.execute(f"DROP {kind} IF EXISTS {quote_name(name)}")
        views = {
            str(name)
            for (name,) in self.connection.query(
                "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()"
            )
        }
        for aside in self.swap.asides:
            if aside in views:  # a view that was in the place of a table of the dump
                self.connection.execute(f"DROP VIEW {quote_name(aside)}")

    def _replace(self, kinds: tuple[str, ...]) -> None:
        """Create objects in dependency order, replacing those that differ."""
        now = {(one.kind, one.name): one for one in objects_now(self.connection, kinds)}
        waiting = [
            one
            for one in self.swap.wanted.of_kind(*kinds)
            if not same_text(now.get((one.kind, one.name)), one)
        ]
        failed: dict[str, DatabaseError] = {}
        while waiting:
            left = []
            for one in waiting:
                try:
                    self._replace_one(one, there=(one.kind, one.name) in now)
                except ConnectionLost:
                    raise
                except DatabaseError as error:
                    failed[one.name] = error
                    left.append(one)
            if len(left) == len(waiting):
                self._not_made(left, failed)
                return
            waiting = left

    def _replace_one(self, one: ObjectText, *, there: bool) -> None:
        if one.kind == "VIEW":
            self._make(or_replace(one))
            return
        if there:
            self.loading.plain()
            self.connection.execute(f"DROP {one.kind} IF EXISTS {quote_name(one.name)}")
        self._make(one)

    def _not_made(self, objects: Iterable[ObjectText], failed: Mapping[str, DatabaseError]) -> None:
        for one in objects:
            self.warnings.append(
                Warned(
                    code="object-not-made",
                    message=f"The {one.kind.lower()} '{one_line(one.name)}' could not be made: "
                    f"{failed[one.name].message}",
                    names=(one.name,),
                )
            )

    def _make_events(self) -> None:
        self._replace(("EVENT",))
        for one in self.swap.wanted.of_kind("ALTER EVENT"):
            self.loading.for_object(one)
            self.connection.execute(one.create.encode("utf-8", "surrogateescape"))

    def _tell(self) -> None:
        self.warnings += [definer_warning(kind, names) for kind, names in self.mapped.items()]
        self.warnings += self._pointed_at()

    def _pointed_at(self) -> list[Warned]:
        """Say which tables of other schemas refer to tables that are aside now."""
        rows = self.connection.query(
            "SELECT DISTINCT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME"
            " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_SCHEMA = DATABASE()"
            " AND CONSTRAINT_SCHEMA <> DATABASE() AND REFERENCED_TABLE_NAME LIKE %s",
            (f"\\_mra\\_{self.swap.short}\\_%",),
        )
        if not rows:
            return []
        return [
            Warned(
                code="foreign-schema",
                message="Foreign keys of other schemas refer to the old tables, now aside.",
                names=tuple(f"{schema}.{table}.{name}" for schema, table, name in rows),
            )
        ]


def _drop(key: str) -> str:
    return f"DROP FOREIGN KEY {quote_name(key)}"
