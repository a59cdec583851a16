"""What came into the shop after a backup was taken, and a rollback of the database would lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.database.server.connection import Connection, connect
from core.database.server.dialect import quote_name
from core.errors import DatabaseError
from core.magento.settings import DatabaseConnection

_TABLES: Final = (("orders", "sales_order"), ("customers", "customer_entity"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """How many rows are newer than the backup; None where the table is not there."""

    orders: int | None
    customers: int | None

    @property
    def any(self) -> bool:
        """Whether anything would be lost."""
        return bool(self.orders or self.customers)


def _newer(connection: Connection, table: str, since_s: int) -> int | None:
    try:
        count = connection.scalar(
            f"SELECT COUNT(*) FROM {quote_name(table)} WHERE created_at > FROM_UNIXTIME(%s)",
            (since_s,),
            long=True,
        )
    except DatabaseError:
        return None  # not a whole store, or another shape of it
    return int(count)


def count_losses(settings: DatabaseConnection, since_s: int) -> Losses:
    """Count the orders and customers created after `since_s` (unix seconds)."""
    with connect(settings) as connection:
        counts = {
            what: _newer(connection, settings.table_prefix + table, since_s)
            for what, table in _TABLES
        }
    return Losses(orders=counts["orders"], customers=counts["customers"])
