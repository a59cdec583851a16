"""Rows that are newer than a backup, which a rollback of the database would lose."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from msgspec import Struct

from core.database.server.connection import Connection, connect
from core.database.server.dialect import quote_name
from core.errors import ConnectionLost, DatabaseError
from core.magento.settings import DatabaseConnection
from core.operations.findings import Finding, warn

_NO_SUCH_TABLE: Final = 1146
_NAMED: Final = 1000
_TABLES: Final = (("orders", "sales_order"), ("customers", "customer_entity"))


class LostRows(Struct, frozen=True, kw_only=True):
    """How many rows are newer than the backup; None where they cannot be counted.

    `uncounted` says why, as `orders cannot be counted: sales_order is missing`. `order_numbers` are
    the numbers that the store gave the newest of the orders, at most a thousand.
    """

    orders: int | None
    customers: int | None
    uncounted: tuple[str, ...] = ()
    order_numbers: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything would be lost."""
        return bool(self.orders or self.customers)

    @property
    def words(self) -> str:
        """Return the counts, as `137 orders, 21 customers`."""
        counts = ((self.orders, "orders"), (self.customers, "customers"))
        return ", ".join(f"{number} {what}" for number, what in counts if number is not None)


def _newer(connection: Connection, table: str, since_s: int) -> int:
    return int(
        connection.scalar(
            f"SELECT COUNT(*) FROM {quote_name(table)} WHERE created_at > FROM_UNIXTIME(%s)",
            (since_s,),
            long=True,
        )
    )


def count_lost_rows(
    settings: DatabaseConnection, since_s: int, *, among: Container[str] | None = None
) -> LostRows:
    """Count the orders and customers created after `since_s` (unix seconds).

    With `among` only those of these tables are lost.
    """
    counts: dict[str, int | None] = {}
    uncounted: list[str] = []
    with connect(settings) as connection:
        for what, name in _TABLES:
            table = settings.table_prefix + name
            if among is not None and table not in among:
                counts[what] = 0
                continue
            try:
                counts[what] = _newer(connection, table, since_s)
            except ConnectionLost:
                raise
            except DatabaseError as error:  # not a whole store, or another shape of it
                why = f"{table} is missing" if error.errno == _NO_SUCH_TABLE else error.message
                counts[what] = None
                uncounted.append(f"{what} cannot be counted: {why}")
        order_numbers = _order_numbers(connection, settings, since_s) if counts["orders"] else ()
    return LostRows(
        orders=counts["orders"],
        customers=counts["customers"],
        uncounted=tuple(uncounted),
        order_numbers=order_numbers,
    )


def _order_numbers(
    connection: Connection, settings: DatabaseConnection, since_s: int
) -> tuple[str, ...]:
    """Return the numbers of the newest orders, as far as they have any."""
    table = quote_name(f"{settings.table_prefix}sales_order")
    try:
        rows = connection.query(
            f"SELECT increment_id FROM {table} WHERE created_at > FROM_UNIXTIME(%s)"
            f" AND increment_id IS NOT NULL ORDER BY created_at DESC LIMIT {_NAMED}",
            (since_s,),
        )
    except ConnectionLost:
        raise
    except DatabaseError:  # another shape of an order
        return ()
    return tuple(str(number) for (number,) in rows)


def uncounted_findings(losses: LostRows) -> list[Finding]:
    """Return the losses that are unknown: that is not none."""
    return [
        warn("losses-unknown", f"{text[0].upper()}{text[1:].rstrip('.')}.")
        for text in losses.uncounted
    ]
