"""Tries the triggers of a dump before the swap needs them.

Each is made once on its staged table under another name, and dropped again: its text, its session,
its definer and the account's rights are then known to be good. A definer that the account may not
set is replaced by the account itself, and a warning names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from msgspec.structs import replace

from core.database.schema.load_session import LoadingConnection
from core.database.schema.read_definitions import objects_now
from core.database.schema.swap_file import ObjectText
from core.database.server.binary_log import BINARY_LOG, CURE_OF_1419
from core.database.server.dialect import one_line, quote_name
from core.database.sql.allowed import classify
from core.database.sql.collations import CollationMap
from core.database.sql.set_statements import SessionState
from core.database.sql.split import RawStatement
from core.database.sql.statement import Statement
from core.database.sql.tokens import Reading, Token, tokens
from core.errors import DatabaseError, LoadFailed, RightsMissing
from core.events import Warned

NO_DEFINER_RIGHT: Final = frozenset({1227, 1449})


def object_text(statement: Statement, state: SessionState, collations: CollationMap) -> ObjectText:
    """Return an object of a dump as a value, without the name of the schema before its own.

    Whom an object runs as is believed of a trusted dump alone; of any other it becomes the account
    that loads it.
    """
    text = statement.text
    places = [(statement.place, statement.name), (statement.table_place, statement.table)]
    for (start, end), name in sorted(places, reverse=True):
        if len(list(tokens(text[start:end], state.reading))) > 1:
            text = text[:start] + quote_name(name).encode("utf-8", "surrogateescape") + text[end:]
    one = ObjectText(
        kind=statement.kind.value.upper(),
        name=statement.name,
        create=collations.apply(text, state.reading).decode("utf-8", "surrogateescape"),
        definer=statement.definer,
        sql_mode=state.sql_mode,
        charset=state.charset,
        collation=collations.names.get(state.collation.lower(), state.collation),
        table=statement.table,
        time_zone=state.time_zone,
    )
    return one if statement.trusted or not statement.definer else without_definer(one)


def rewritten(one: ObjectText, *, name: str, table: str = "") -> str:
    """Return the text of an object under another name, a trigger's also on another table."""
    text = one.create.encode("utf-8", "surrogateescape")
    raw = RawStatement(text, 1, 0)
    statement = classify(raw, reading=Reading.of_mode(one.sql_mode), trusted=True)
    places = [(statement.place, name)]
    if table:
        places.append((statement.table_place, table))
    for (start, end), other in sorted(places, reverse=True):
        text = text[:start] + quote_name(other).encode("utf-8", "surrogateescape") + text[end:]
    return text.decode("utf-8", "surrogateescape")


def without_definer(one: ObjectText) -> ObjectText:
    """Return the object with no definer, which makes it the account's own."""
    text = one.create.encode("utf-8", "surrogateescape")
    statement = classify(
        RawStatement(text, 1, 0), reading=Reading.of_mode(one.sql_mode), trusted=True
    )
    words = statement.words
    start = next(  # not that of SQL SECURITY DEFINER
        index
        for index, (word, following) in enumerate(pairwise(words))
        if word.upper == b"DEFINER" and following.text == b"="
    )
    end = _after_definer(words, start)
    kept = text[: words[start].start] + text[words[end].start :]
    return replace(one, create=kept.decode("utf-8", "surrogateescape"), definer="")


def _after_definer(words: tuple[Token, ...], start: int) -> int:
    at = start + 3  # DEFINER = name
    if words[at].text in {b"@", b"("}:
        at += 2
    return at


def without_order(one: ObjectText) -> ObjectText:
    """Return a trigger without FOLLOWS or PRECEDES; its place in the dump says as much."""
    text = one.create.encode("utf-8", "surrogateescape")
    statement = classify(
        RawStatement(text, 1, 0), reading=Reading.of_mode(one.sql_mode), trusted=True
    )
    words = statement.words
    for index, word in enumerate(words[:-2]):
        if word.upper == b"ROW" and words[index + 1].upper in {b"FOLLOWS", b"PRECEDES"}:
            start, end = words[index + 1].start, words[index + 2].end
            return replace(
                one, create=(text[:start] + text[end:]).decode("utf-8", "surrogateescape")
            )
    return one


def or_replace(one: ObjectText) -> ObjectText:
    """Return a view whose text takes the place of one that is there."""
    text = one.create.encode("utf-8", "surrogateescape")
    words = list(tokens(text, Reading.of_mode(one.sql_mode)))[:3]
    if len(words) < 2 or words[1].upper == b"OR":
        return one
    at = words[0].end
    kept = text[:at] + b" OR REPLACE" + text[at:]
    return replace(one, create=kept.decode("utf-8", "surrogateescape"))


def same_text(there: ObjectText | None, wanted: ObjectText) -> bool:
    """Whether an object that is there need not be made again: same words, same session."""
    if there is None or there.kind != wanted.kind:
        return False
    if there.kind != "VIEW" and there.sql_mode != wanted.sql_mode:
        return False
    if there.time_zone and there.time_zone != wanted.time_zone:
        return False
    if (there.charset, there.collation) != (wanted.charset, wanted.collation):
        return False
    if there.kind != "VIEW":  # a comment in a routine is a part of it
        return there.create.strip() == wanted.create.strip()
    reading = Reading.of_mode(wanted.sql_mode)
    texts = (one.create.encode("utf-8", "surrogateescape") for one in (there, wanted))
    one, other = ([word.text for word in tokens(text, reading)] for text in texts)
    return one == other


def prove_triggers(
    loading: LoadingConnection, triggers: tuple[ObjectText, ...], staged: Mapping[str, str]
) -> tuple[dict[str, ObjectText], tuple[Warned, ...]]:
    """Make each trigger once beside; return those to be made otherwise, by name, and the warnings.

    Raises RightsMissing with its cure, LoadFailed with the trigger that cannot be made.
    """
    changed: dict[str, ObjectText] = {}
    for one in triggers:
        if one.table not in staged:
            continue
        try:
            made = try_trigger(loading, one, staged[one.table])
        except DatabaseError as error:
            raise _failure(one, error) from error
        if made is not one:
            changed[one.name] = made
    mapped = list(changed)
    if not mapped:
        return changed, ()
    return changed, (definer_warning("trigger", mapped),)


def prove_kept_triggers(
    loading: LoadingConnection, triggers: tuple[ObjectText, ...], kept: Iterable[str], copy: str
) -> tuple[dict[str, ObjectText], tuple[Warned, ...]]:
    """Prove the triggers of tables that stay and have other ones now; as `prove_triggers`.

    Each table's are made on `copy`, an empty table of this name.
    """
    connection, name = loading.connection, quote_name(copy)
    changed, warnings = dict[str, ObjectText](), list[Warned]()
    now = objects_now(connection, ("TRIGGER",))
    for table in tables_with_other_triggers(now, triggers, kept):
        loading.plain()
        connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.execute(f"CREATE TABLE {name} LIKE {quote_name(table)}")
        more, said = prove_triggers(loading, triggers, {table: copy})
        changed |= more
        warnings += said
        loading.plain()
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    return changed, tuple(warnings)


def tables_with_other_triggers(
    now: Iterable[ObjectText], wanted: Iterable[ObjectText], tables: Iterable[str]
) -> list[str]:
    """Return which of these tables have other triggers now than wanted, or in another order."""
    there, then = _by_table(now), _by_table(wanted)
    return [
        table
        for table in tables
        if len(there[table]) != len(then[table])
        or not all(
            one.name == other.name and same_text(one, other)
            for one, other in zip(there[table], then[table], strict=True)
        )
    ]


def _by_table(triggers: Iterable[ObjectText]) -> defaultdict[str, list[ObjectText]]:
    found: defaultdict[str, list[ObjectText]] = defaultdict(list)
    for one in triggers:
        found[one.table].append(one)
    return found


def definer_warning(kind: str, names: list[str]) -> Warned:
    """Return the warning about objects whose definer the account may not set."""
    return Warned(
        code="definer-mapped",
        message=f"The account may not set the definer of {len(names)} {kind}"
        f"{'' if len(names) == 1 else 's'}; the account itself is put in its place.",
        names=tuple(names),
    )


def try_trigger(loading: LoadingConnection, one: ObjectText, table: str) -> ObjectText:
    """Make a trigger on another table and drop it; return it as it can be made.

    That is without its definer where the account may not set it.
    """
    plain = without_order(one)
    try:
        _try(loading, plain, table)
    except DatabaseError as error:
        if error.errno not in NO_DEFINER_RIGHT or not one.definer:
            raise
        _try(loading, without_definer(plain), table)
        return without_definer(one)
    return one


def _try(loading: LoadingConnection, one: ObjectText, table: str) -> None:
    name = f"{table}_t"
    loading.for_object(one)
    loading.connection.execute(rewritten(one, name=name, table=table))
    loading.connection.execute(f"DROP TRIGGER {quote_name(name)}")


def _failure(one: ObjectText, error: DatabaseError) -> DatabaseError:
    what = f"The {one.kind.lower()} '{one_line(one.name)}' of the dump cannot be made"
    if error.errno == BINARY_LOG:
        return RightsMissing(f"{what}: {error.message}", hint=CURE_OF_1419, errno=error.errno)
    if isinstance(error, RightsMissing):
        return RightsMissing(f"{what}: {error.message}", hint=error.hint, errno=error.errno)
    return LoadFailed(f"{what}: {error.message}", errno=error.errno)
