"""The server check before a load: questions about the dump, the server and the live schema.

Questions that the dump alone can answer are in `core.database.load.offline_check`.
Nothing here changes the schema, except that the right to make a table, a trigger and a view is
tried on a scratch table of a name of ours, because no list of rights tells all (1419).
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from core.database.load.dump_check import DumpCheck, TableContent, unnamed_kinds
from core.database.load.dump_makers import maker_of
from core.database.load.kept_rows import differing_tables
from core.database.load.offline_check import check_dump
from core.database.load.other_tables import without_stores
from core.database.load.server_settings import Answers, engines, time_zones
from core.database.load.try_definitions import try_definitions
from core.database.load.try_rights import try_rights
from core.database.schema.broken_tables import broken_tables
from core.database.schema.names import STAGED, owner_of
from core.database.schema.other_stores import STORE_TABLES, other_stores
from core.database.schema.read_definitions import read_definitions
from core.database.schema.swap_file import ObjectText
from core.database.schema.table_names import base_tables, table_names
from core.database.server.connection import Connection, connect
from core.database.server.dialect import one_line, quote_name
from core.database.server.obstacles import connection_problem, lock_problem
from core.database.server.rights import read_rights
from core.database.sql.collations import CollationMap, collation_map
from core.errors import DatabaseError, DumpFailed, RightsMissing
from core.events import Warned
from core.magento.settings import DatabaseConnection

__all__ = [
    "STORE_TABLES",
    "DumpCheck",
    "ServerCheck",
    "TableContent",
    "check_against_server",
    "check_dump",
    "maker_of",
    "without_other_stores",
]

SPACE_FACTOR: Final = 1.4
"""The size of rows in InnoDB, with keys, over their size as SQL; Magento's tables, measured."""
_ROUTINES: Final = frozenset({"PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY"})
_PACKET_RESERVE: Final = 1024


class ServerCheck(Struct, frozen=True, kw_only=True):
    """The obstacles between a dump and this server, and the effect of the swap on the schema.

    `problems` are reasons not to start, one line each. Space is in bytes; `space_free` is None
    where the server's disk cannot be seen from here. `rows_now` are the server's estimates.
    `changed` are those of the replaced tables that a dump of ours has with another definition.
    """

    server: str
    problems: tuple[str, ...]
    warnings: tuple[Warned, ...]
    space_needed: int
    space_free: int | None
    replaced: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    rows_now: Mapping[str, int]
    changed: tuple[str, ...] = ()
    collations: Mapping[str, str]


def without_other_stores(check: DumpCheck, settings: DatabaseConnection) -> DumpCheck:
    """Return the part of a dump that may be loaded where other stores live in the schema."""
    with connect(settings) as connection:
        return without_stores(check, other_stores(connection))


def check_against_server(
    check: DumpCheck,
    settings: DatabaseConnection,
    *,
    map_collations: bool = False,
    partial: bool = False,
    kept: Collection[str] = (),
) -> ServerCheck:
    """Return whether a dump can be loaded here, and the changes of the load.

    `kept` are the tables of the dump that stay as they are. Raises ConnectionFailed or
    ConnectionLost; a refusal of the server is a problem, not an error.
    """
    few = connection_problem(settings)
    with connect(settings) as connection:
        asked = _Asked(connection, check, partial=partial)
        locked = lock_problem(connection, base_tables(connection))
        if few is not None or locked is not None:  # nothing more can be asked
            asked.problems += [text for text in (few, locked) if text is not None]
            return asked.result({}, None)
        mapping = asked.collations(wanted=map_collations)
        asked.store()
        asked.settings()
        asked.add(time_zones(connection, check))
        asked.add(engines(connection, check, asked.variables))
        asked.kinds_of_tables()
        asked.definers()
        asked.live()
        rights, asked.may_make = try_rights(connection, check)
        asked.problems += rights
        asked.kept = frozenset(kept)
        asked.tables()
        asked.definitions(settings)
        needed = asked.space_needed
        free = _free_space(connection, settings)
        if free is not None and free < needed:
            asked.problems.append(
                f"The database server's disk has {free // 1_000_000:,} MB free, "
                f"about {needed // 1_000_000 + 1:,} MB are needed."
            )
        return asked.result(mapping.names, free)


def _free_space(connection: Connection, settings: DatabaseConnection) -> int | None:
    """Return the free bytes of the server's data directory, if the server is this machine."""
    local = settings.socket is not None or settings.host in {"localhost", "127.0.0.1", "::1"}
    try:
        directory, host = connection.query("SELECT @@datadir, @@hostname")[0]
        if not local or str(host) != socket.gethostname():
            return None
        status = os.statvfs(str(directory))
    except (DatabaseError, OSError):
        return None
    return status.f_bavail * status.f_frsize


class _Asked:
    """The questions, and their findings."""

    def __init__(self, connection: Connection, check: DumpCheck, *, partial: bool) -> None:
        self.connection, self.check, self.partial = connection, check, partial
        self.problems = list(check.problems)
        self.warnings = list(check.warnings)
        self.replaced: tuple[str, ...] = ()
        self.added: tuple[str, ...] = ()
        self.removed: tuple[str, ...] = ()
        self.changed: tuple[str, ...] = ()
        self.rows_now: dict[str, int] = {}
        self.kept: frozenset[str] = frozenset()
        self.may_make = True
        self.variables = {
            str(name).lower(): str(value) for name, value in connection.query("SHOW VARIABLES")
        }

    def _warn(self, code: str, message: str, *names: str) -> None:
        self.warnings.append(Warned(code=code, message=message, names=names))

    @property
    def space_needed(self) -> int:
        """The bytes of the tables to be loaded on the server, about."""
        kept = sum(one.row_bytes for one in self.check.contents if one.name in self.kept)
        return int((self.check.content_bytes - kept) * SPACE_FACTOR)

    def result(self, collations: Mapping[str, str], free: int | None) -> ServerCheck:
        """Return the findings."""
        return ServerCheck(
            server=str(self.connection.server),
            problems=tuple(self.problems),
            warnings=tuple(self.warnings),
            space_needed=self.space_needed,
            space_free=free,
            replaced=self.replaced,
            added=self.added,
            removed=self.removed,
            rows_now=self.rows_now,
            changed=self.changed,
            collations=collations,
        )

    def add(self, answers: Answers) -> None:
        """Take the problems and warnings of a question."""
        problems, warnings = answers
        self.problems += problems
        self.warnings += warnings

    def _number(self, variable: str) -> int:
        text = self.variables.get(variable, "0")
        return int(text) if text.isdigit() else 0

    def _on(self, variable: str) -> bool:
        return self.variables.get(variable, "OFF").upper() in {"ON", "1"}

    def store(self) -> None:
        if not self.check.whole_store and not self.partial:
            self.problems.append(
                "The dump is no whole store: it lacks "
                f"{', '.join(sorted(set(STORE_TABLES) - set(self.check.tables))) or 'its prefix'}"
                ". With --partial its tables alone are replaced."
            )
        self.warnings += other_stores(self.connection).warning()
        other = self.check.schema
        if other and other != self.connection.schema:
            self._warn(
                "other-schema",
                f"The dump was made of the schema '{one_line(other)}'; texts of views and routines"
                " that name it still will.",
            )

    def settings(self) -> None:
        """Look at the server's own settings."""
        largest = self.check.max_statement_bytes + _PACKET_RESERVE
        packet = self._number("max_allowed_packet")
        if packet and largest > packet:
            self.problems.append(
                f"The dump has a statement of {largest} bytes, but the server takes {packet}"
                " (max_allowed_packet)."
            )
        if packet and self.check.max_value_bytes > packet:
            self.problems.append(
                f"The dump has a value of {self.check.max_value_bytes} bytes, but the server takes"
                f" {packet} (max_allowed_packet)."
            )
        if self._on("super_read_only"):
            self.problems.append("The server is read-only (super_read_only).")
        elif self._on("read_only") and not read_rights(self.connection).past_read_only:
            self.problems.append("The server is read-only (read_only).")
        if self._on("wsrep_on"):
            self._warn(
                "galera", "The server is part of a Galera cluster: the swap stops all of it."
            )
        word = "SLAVE" if self.connection.server.mariadb else "REPLICA"  # MySQL 8.4 has no SLAVE
        with contextlib.suppress(DatabaseError):
            if self.connection.query(f"SHOW {word} STATUS"):
                self._warn("replica", "The server is a replica; what is changed here differs then.")
        if not self.connection.server.atomic_rename:
            self._warn(
                "rename-not-atomic",
                f"{self.connection.server} does not swap many tables as one; if the server itself"
                " crashes in that second, recovery brings the old ones back.",
            )
        self._letters()

    def _letters(self) -> None:
        if self._number("lower_case_table_names") == 0:
            return
        lowered: dict[str, str] = {}
        for name in self.check.tables:
            other = lowered.setdefault(name.lower(), name)
            if other != name:
                self.problems.append(
                    f"The server takes the tables '{one_line(other)}' and '{one_line(name)}' for"
                    " one (lower_case_table_names)."
                )

    def collations(self, *, wanted: bool) -> CollationMap:
        """Return the map of unknown collations, empty unless it is wanted."""
        found = collation_map(self.connection, self.check.collations)
        unknown = [name for name in self.check.collations if name not in found.known]
        lost = [name for name in unknown if name not in found.names]
        if lost or (unknown and not wanted):
            self.problems.append(
                f"The server does not know the collation {', '.join(lost or unknown)}."
                + ("" if lost else " With --map-collations the nearest is taken.")
            )
        if unknown and wanted:
            pairs = (f"{name} becomes {other}" for name, other in found.names.items())
            self._warn(
                "collations-mapped",
                "Sorting, and what counts as equal in unique keys, may change.",
                *pairs,
            )
        return found if wanted else CollationMap(known=found.known, names={})

    def kinds_of_tables(self) -> None:
        """See whether the server has sequences, and memory for tables that are kept there."""
        if self.check.sequences and not self.connection.server.sequences:
            self.problems.append(f"{self.connection.server} has no sequences; the dump does.")
        memory = sum(one.row_bytes for one in self.check.contents if one.engine.upper() == "MEMORY")
        if memory > max(self._number("max_heap_table_size"), 1 << 30):
            self.problems.append("The MEMORY tables are larger than max_heap_table_size.")

    def definers(self) -> None:
        rights = read_rights(self.connection)
        if rights.any_definer and self.check.trusted:
            return
        other = [
            one
            for one in self.check.definers
            if one.lower().rstrip("()") not in {rights.account.lower(), "current_user"}
        ]
        if other:
            why = (
                "The account may not set these definers"
                if self.check.trusted
                else "Definers of a dump without its manifest are not believed"
            )
            self._warn("definer-mapped", f"{why}; itself is put in their place.", *other)

    def live(self) -> None:
        """See whether the present definitions can be saved, and who else depends on them."""
        try:
            self._routines(read_definitions(self.connection, ()).objects)
        except (RightsMissing, DumpFailed) as error:
            self.problems.append(f"{error.message} So it could not be brought back.")
        coming = {*self.check.tables, *self.check.sequences}
        others = other_stores(self.connection)
        broken = {
            name: why
            for name, why in broken_tables(self.connection).items()
            if owner_of(name) is None and (name in coming or not (self.partial or name in others))
        }
        if broken:
            self._warn(
                "broken-tables",
                "The server cannot open these tables: they are replaced or removed, and what is in"
                " them is lost, also for the undo:",
                *(f"{name} ({why})" for name, why in broken.items()),
            )
        rows = self.connection.query(
            "SELECT DISTINCT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME"
            " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_SCHEMA = DATABASE()"
            " AND CONSTRAINT_SCHEMA <> DATABASE()"
        )
        names = [
            f"{schema}.{table}.{key}" for schema, table, key in rows if owner_of(table) is None
        ]
        if names:
            self._warn(
                "foreign-schema",
                "Foreign keys of other schemas refer to this one; they will follow the old tables.",
                *names,
            )

    def _routines(self, objects: Iterable[ObjectText]) -> None:
        """See whether routines of others can be replaced: that comes after the commit."""
        kept = unnamed_kinds(self.check)
        account = read_rights(self.connection).account
        names = [
            one.name
            for one in objects
            if one.kind in _ROUTINES
            and one.kind not in kept
            and one.definer != account
            and (not self.partial or one.name in self.check.routines)
        ]
        if names:
            nothing = quote_name(f"{STAGED}trial{self.connection.thread_id}_0_v")
            try:  # the right is asked for before the routine is looked for
                self.connection.execute(f"DROP PROCEDURE IF EXISTS {nothing}")
            except RightsMissing as error:
                self.problems.append(
                    f"The account cannot replace or drop the routines {', '.join(names)}: "
                    f"{error.message}"
                )

    def tables(self) -> None:
        """See the effect of the swap on each table."""
        names, others = table_names(self.connection), other_stores(self.connection)
        live = {name for name in names if owner_of(name) is None and name not in others}
        coming = {*self.check.tables, *self.check.sequences}
        rows = self.connection.query(
            "SELECT TABLE_NAME, IFNULL(TABLE_ROWS, 0) FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'VIEW'"
        )
        self.replaced = tuple(sorted((live & coming) - self.kept))
        self.added = tuple(sorted(coming - live))
        self.removed = () if self.partial else tuple(sorted(live - coming - {*self.check.stays}))
        if self.check.trusted:
            self.changed = differing_tables(self.check, self.replaced, self.connection)
        self.rows_now = {str(name): int(count) for name, count in rows if name in live}

    def definitions(self, settings: DatabaseConnection) -> None:
        """Have the server try every definition of the dump, with its collations mapped.

        Where an account may not even make a table, each would say so again.
        """
        if self.may_make:
            mapping = collation_map(self.connection, self.check.collations)
            problems, warnings = try_definitions(self.check, settings, mapping, self.kept)
            self.problems += problems
            self.warnings += warnings
