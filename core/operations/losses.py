"""What came into the shop after a backup was taken, and a rollback of the database would lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.database.server.connection import Connection, connect
from core.database.server.dialect import quote_name
from core.errors import DatabaseError
from core.magento.settings import DatabaseConnection
from core.operations.findings import Finding, warn

_TABLES: Final = (("orders", "sales_order"), ("customers", "customer_entity"))
_MISSING: Final = 1146
_NO_COLUMN: Final = 1054


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """How many rows are newer than the backup, counted; None where that cannot be counted.

    `uncounted` says why, a line for each: `orders cannot be counted: sales_order is missing`.
    """

    orders: int | None
    customers: int | None
    uncounted: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything would be lost, as far as it could be counted."""
        return bool(self.orders or self.customers)

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """What could be counted, by its name."""
        both = (("orders", self.orders), ("customers", self.customers))
        return tuple((what, number) for what, number in both if number is not None)


def losses_findings(losses: Losses, what: str) -> list[Finding]:
    """Return what is lost in words, after `what`; that which cannot be counted is no number."""
    found = []
    if losses.any:
        counts = ", ".join(f"{number} {kind}" for kind, number in losses.counts)
        found.append(warn("losses", f"{what}: {counts}."))
    if losses.uncounted:
        message = f"{what}: {'; '.join(losses.uncounted)}."
        found.append(warn("losses-uncounted", message))
    return found


def _newer(connection: Connection, table: str, since_s: int) -> int:
    return int(
        connection.scalar(
            f"SELECT COUNT(*) FROM {quote_name(table)} WHERE created_at > FROM_UNIXTIME(%s)",
            (since_s,),
            long=True,
        )
    )


def _why(error: DatabaseError, table: str) -> str:
    if error.errno == _MISSING:
        return f"{table} is missing"
    if error.errno == _NO_COLUMN:
        return f"{table} has no created_at"
    return error.message.rstrip(".")


def count_losses(settings: DatabaseConnection, since_s: int) -> Losses:
    """Count the orders and customers created after `since_s` (unix seconds).

    Raises ConnectionFailed and ConnectionLost.
    """
    counts: dict[str, int | None] = {}
    uncounted = []
    with connect(settings) as connection:
        for what, name in _TABLES:
            table = settings.table_prefix + name
            try:
                counts[what] = _newer(connection, table, since_s)
            except DatabaseError as error:
                if error.errno is None:
                    raise
                counts[what] = None
                uncounted.append(f"{what} cannot be counted: {_why(error, table)}")
    return Losses(
        orders=counts["orders"], customers=counts["customers"], uncounted=tuple(uncounted)
    )
