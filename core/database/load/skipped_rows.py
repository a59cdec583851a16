"""Skips the rows of kept tables in a dump without reading them.

Only in a dump of ours by its checksum: there a row statement begins with the name of its table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.database.server.dialect import quote_name

_INSERT: Final = b"INSERT INTO "


class SkippedRows:
    """Knows the row statements of some tables, in a dump that is trusted; else of none."""

    def __init__(self, names: Iterable[str], *, trusted: bool) -> None:
        self._tables = {
            _INSERT + quote_name(name).encode("utf-8", "surrogateescape"): name
            for name in (names if trusted else ())
        }

    def table_of(self, text: bytes) -> str | None:
        """Return the table of a statement with rows to be passed over, None for any other."""
        if not self._tables:
            return None
        return self._tables.get(text[: text.find(b" (", len(_INSERT))])
