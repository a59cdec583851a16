"""The rows of a dump that a load passes over without a look: those of tables that stay live.

Only in a dump of ours by its checksum: there a row statement begins with the name of its table.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from core.database.load.dump_check import DumpCheck
from core.database.server.dialect import quote_name

_INSERT: Final = b"INSERT INTO "


class SkippedRows:
    """Contains the row statements of the tables of a dump that are not `loaded`."""

    def __init__(self, check: DumpCheck, loaded: Container[str]) -> None:
        names = [one.name for one in check.contents if one.name not in loaded]
        self._heads = frozenset(
            _INSERT + quote_name(name).encode("utf-8", "surrogateescape")
            for name in (names if check.trusted else ())
        )

    def __contains__(self, text: object) -> bool:
        if not self._heads or not isinstance(text, bytes):
            return False
        return text[: text.find(b" (", len(_INSERT))] in self._heads
