"""The chosen tables of a rollback (`--only-table`), and the tables tied to them.

A table missing from the dump is refused before anything else. Tables that foreign keys tie to the
chosen ones are named with the rows that would be left without a parent, or are taken in.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from core.database.dump.strip import resolve
from core.database.load.chosen_tables import dump_tables, live_ties, only_tables, with_related
from core.database.load.dangling import Dangling, count_dangling
from core.database.load.dump_check import DumpCheck
from core.database.schema.table_names import base_tables
from core.database.server.connection import connect
from core.errors import PreflightRefused
from core.events import Report
from core.magento.settings import DatabaseConnection
from core.operations.findings import Finding, note, warn
from core.operations.requests import RollbackRequest


class ChosenTables(Struct, frozen=True, kw_only=True):
    """The tables that are rolled back, and the foreign keys between them and those that stay.

    `related` are those that were taken in besides the asked ones.
    """

    check: DumpCheck
    tables: tuple[str, ...]
    related: tuple[str, ...]
    ties: tuple[Dangling, ...]


def matching_tables(
    words: Sequence[str], tables: Iterable[str], prefix: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tables that these words mean, with or without a prefix, and the words without any.

    Groups and patterns are those of `--strip`. Raises UsageError for a group that does not exist.
    """
    names = tuple(tables)
    found: set[str] = set()
    without: list[str] = []
    for word in dict.fromkeys(words):
        hits = set(resolve((word,), names, prefix=prefix))
        if not word.startswith("@"):
            hits |= {name for name in names if fnmatchcase(name, word)}
        found |= hits
        if not hits:
            without.append(word)
    return tuple(name for name in names if name in found), tuple(without)


def choose_tables(
    request: RollbackRequest,
    check: DumpCheck,
    settings: DatabaseConnection,
    report: Report,
) -> ChosenTables:
    """Return a check reduced to the chosen tables and the tables tied to them.

    Raises PreflightRefused for a word that means no table of the dump, UsageError for an unknown
    group, and DatabaseError.
    """
    names = (*check.tables, *check.sequences)
    asked, without = matching_tables(request.only_table, names, settings.table_prefix)
    with connect(settings) as connection:
        if without:
            raise _unknown(without, check, frozenset(base_tables(connection)), settings)
        tables = dump_tables(check, connection.server)
        live = live_ties(connection)
        chosen = frozenset(asked)
        if request.with_related:
            chosen = with_related(asked, (*tables.ties, *live), frozenset(names))
        ties = count_dangling(check, tables, live, chosen, connection, report=report)
    return ChosenTables(
        check=only_tables(check, chosen),
        tables=tuple(name for name in names if name in chosen),
        related=tuple(name for name in names if name in chosen and name not in asked),
        ties=ties,
    )


def _unknown(
    words: Sequence[str], check: DumpCheck, live: frozenset[str], settings: DatabaseConnection
) -> PreflightRefused:
    """Return why a word means no table."""
    word, prefix = words[0], settings.table_prefix
    more = f" (and {len(words) - 1} more)" if len(words) > 1 else ""
    names = {word, prefix + word}
    if names & {*check.views}:
        return PreflightRefused(f"{word} is a view: --only-table chooses tables.{more}")
    if names & live:
        return PreflightRefused(f"The dump has no table {word}, only the schema has.{more}")
    if names & {*check.left_out}:
        return PreflightRefused(f"{word} is a table of another store in this schema.{more}")
    if any(letter in word for letter in "*?["):
        return PreflightRefused(f"No table of the dump matches {word}.{more}")
    if word.startswith("@"):
        return PreflightRefused(f"The dump has no table of the group {word}.{more}")
    plain = [name.removeprefix(prefix) for name in check.tables]
    close = difflib.get_close_matches(word.removeprefix(prefix), plain, n=1)
    hint = f"Is {close[0]} meant?" if close else None
    return PreflightRefused(f"Neither the dump nor the schema has a table {word}.{more}", hint=hint)


def tie_findings(chosen: ChosenTables) -> list[Finding]:
    """Return the tables tied to the chosen ones that stay, with the rows that would dangle."""
    if not chosen.ties:
        return []
    names = tie_names(chosen.ties)
    dangles = any(tie.rows != 0 for tie in chosen.ties)
    message = "Foreign keys tie the chosen tables to others, which stay as they are:"
    if not dangles:
        return [note("tied", message, names=names)]
    return [warn("tied", message, hint="--with-related takes them in.", names=names)]


def tie_names(ties: Iterable[Dangling]) -> list[str]:
    """Return foreign keys in words, those that leave most rows without a parent first."""
    return [_tie_words(tie) for tie in sorted(ties, key=_order)]


def _order(tie: Dangling) -> tuple[int, str, str]:
    return -(1 << 62 if tie.rows is None else tie.rows), tie.child, tie.parent


def _tie_words(tie: Dangling) -> str:
    columns = ", ".join(tie.columns)
    restored, stays = ("restored", "present") if tie.child_is_restored else ("present", "restored")
    rows = "an unknown number of rows" if tie.rows is None else f"{tie.rows:,} rows"
    if tie.rows == 1:
        rows = "1 row"
    return (
        f"{tie.child}.{columns} -> {tie.parent}: {rows} of the {restored} {tie.child} "
        f"would have no parent in the {stays} {tie.parent}"
    )
