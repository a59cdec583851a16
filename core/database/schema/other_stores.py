"""Other stores in the same schema: each is known by its core tables under another prefix.

Their tables, and objects named with their prefix, are theirs alone. A table belongs to the store
with the longest prefix that its name begins with, so `m2_store` is not one of the store without a
prefix.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from msgspec import Struct, field

from core.database.schema.names import ASIDE, STAGED
from core.database.schema.table_names import table_names
from core.database.server.connection import Connection
from core.events import Warned

STORE_TABLES: Final = ("core_config_data", "eav_attribute", "store", "setup_module")
"""A store has these, under its prefix."""


class OtherStores(Struct, frozen=True, kw_only=True):
    """The prefix of our store and those of others; contains the names of their tables."""

    own: str = ""
    prefixes: tuple[str, ...] = ()

    def __contains__(self, name: object) -> bool:
        return self._theirs(name, self.prefixes)

    def has_object(self, name: str) -> bool:
        """Whether a routine or event is theirs: without a prefix it could be anybody's."""
        return self._theirs(name, [prefix for prefix in self.prefixes if prefix])

    def _theirs(self, name: object, prefixes: Iterable[str]) -> bool:
        if not isinstance(name, str):
            return False
        theirs = max((len(one) for one in prefixes if name.startswith(one)), default=-1)
        return theirs > (len(self.own) if name.startswith(self.own) else -1)

    def and_those_of(self, names: Iterable[str]) -> OtherStores:
        """Return these and the other stores that are among some tables."""
        more = find_stores(names, self.own).prefixes
        return OtherStores(own=self.own, prefixes=tuple(sorted({*self.prefixes, *more})))

    def warning(self, code: str = "other-stores") -> tuple[Warned, ...]:
        """Return the message about them, if there are any."""
        if not self.prefixes:
            return ()
        return (
            Warned(
                code=code,
                message="Tables of other stores in this schema are left alone, by their prefix:",
                names=tuple(prefix or "(none)" for prefix in self.prefixes),
            ),
        )


def find_stores(names: Iterable[str], own: str) -> OtherStores:
    """Return the stores whose core tables are among these names, but the one with our prefix."""
    known = {name for name in names if not name.startswith((STAGED, ASIDE))}
    last = STORE_TABLES[0]
    prefixes = {name.removesuffix(last) for name in known if name.endswith(last)}
    found = {one for one in prefixes if all(one + table in known for table in STORE_TABLES)}
    return OtherStores(own=own, prefixes=tuple(sorted(found - {own})))


def other_stores(connection: Connection) -> OtherStores:
    """Return the other stores in the schema of this connection."""
    return find_stores(table_names(connection), connection.settings.table_prefix)


class IgnoredTables(Struct, frozen=True, kw_only=True):
    """Tables that a dump does not look at, and whose objects it leaves out with them."""

    stores: OtherStores = field(default_factory=OtherStores)
    tables: Container[str] = ()

    def __contains__(self, name: object) -> bool:
        return name in self.stores or name in self.tables
