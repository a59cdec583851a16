"""A swap of tables, as a value that outlives the process: the definitions file.

It maps live tables to staged ones, and holds the definitions before and after. It is on disk before
anything is changed, so that recovery and undo need only this file and the schema. Knows its own
form and nothing of how a swap is made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, to_builtins

from core.database.schema.names import aside_name, owner_of
from core.database.sql.table_text import ForeignKeyText
from core.directories import StateFile, state_file
from core.errors import MALFORMED, StorageError
from core.events import Warned
from core.owned_files import LARGE

FORMAT: Final = 1
_KINDS: Final = frozenset(
    {"VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY", "EVENT", "ALTER EVENT"}
)
_NAME_LENGTH: Final = 64  # letters


class SwappedTable(Struct, frozen=True, kw_only=True):
    """A table (or sequence) by its real name and those that it bears before and after.

    `staged` is None for a table that is only set aside, `aside` for a new one. A `lost` one is
    broken: it cannot be renamed, and is dropped after the commit, when `staged` takes its place.
    """

    name: str
    staged: str | None
    aside: str | None
    lost: bool = False


class ObjectText(Struct, frozen=True, kw_only=True):
    """A view, trigger, routine or event: the text that makes it and the session it needs.

    `kind` is the word after CREATE (VIEW, TRIGGER, PROCEDURE, FUNCTION, PACKAGE, PACKAGE BODY,
    EVENT), `table` that of a trigger, `time_zone` that of an event.
    """

    kind: str
    name: str
    create: str
    definer: str
    sql_mode: str
    charset: str
    collation: str
    table: str = ""
    time_zone: str = ""


class DeferredKey(Struct, frozen=True, kw_only=True):
    """A foreign key under its real name, and the name that it waits under; empty for none.

    `unnamed`: its real name is the one that the server would have given.
    """

    waiting: str
    key: ForeignKeyText
    unnamed: bool = False


class DeferredCheck(Struct, frozen=True, kw_only=True):
    """A CHECK constraint with a name that is unique in its schema; `waiting` as for a key."""

    waiting: str
    table: str
    name: str
    clause: str


class DefaultText(Struct, frozen=True, kw_only=True):
    """The default of a column that takes from a sequence, under its real name."""

    table: str
    column: str
    expression: str


class Definitions(Struct, frozen=True, kw_only=True):
    """All objects on tables or beside them."""

    foreign_keys: tuple[DeferredKey, ...] = ()
    objects: tuple[ObjectText, ...] = ()
    defaults: tuple[DefaultText, ...] = ()
    checks: tuple[DeferredCheck, ...] = ()

    def of_kind(self, *kinds: str) -> tuple[ObjectText, ...]:
        """Return the objects of these kinds, in the order in which they can be made."""
        return tuple(one for one in self.objects if one.kind in kinds)


class Source(Struct, frozen=True, kw_only=True):
    """The dump that kept tables are equal to at the commit, by its base name and checksums.

    `repository` is the name of the one that it is in, empty for var/backups.
    """

    name: str
    sha256: str
    index_sha256: str
    repository: str = ""


class OutsideKey(Struct, frozen=True, kw_only=True):
    """A foreign key of a table in another schema to a table of this one."""

    schema: str
    key: ForeignKeyText


class StagedTables(Struct, frozen=True, kw_only=True):
    """Tables that are loaded beside, or set aside, ready to be swapped in.

    `whole`: objects of the schema that are not here are to go, but for the tables in `stays`.
    `keeps`: kinds of objects that the dump does not speak of, so that those in the schema stay.
    `drops`: the objects that go, as kind and name, where they are known already. `rows` counts per
    table what was loaded.
    """

    job_id: str
    short: str
    tables: tuple[SwappedTable, ...]
    wanted: Definitions
    whole: bool
    keeps: tuple[str, ...] = ()
    drops: tuple[tuple[str, str], ...] | None = None
    stays: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()  # live tables that are as in the dump `source`
    source: Source | None = None
    rows: Mapping[str, int]
    warnings: tuple[Warned, ...] = ()


class Swap(Struct, frozen=True, kw_only=True):
    """A swap from beginning to end: the definitions file."""

    schema: str
    short: str
    tables: tuple[SwappedTable, ...]
    wanted: Definitions
    before: Definitions
    drops: tuple[tuple[str, str], ...]  # kind and name of objects that go: views, routines, events
    whole: bool
    keeps: tuple[str, ...] = ()  # kinds of objects that are left alone
    stays: tuple[str, ...] = ()  # tables that are left alone, although it is whole
    keeps_triggers: bool = False  # the dump speaks of none, so those of swapped tables stay
    kept: tuple[str, ...] = ()  # tables that were equal to `source` at the commit, and stayed live
    source: Source | None = None
    outside: tuple[OutsideKey, ...] = ()  # keys of other schemas to tables that are swapped

    def save(self, place: str | StateFile) -> None:
        """Bring the description to disk; it holds the texts of routines, so 0600."""
        file = state_file(place)
        file.directory.write(file.name, self.to_json())

    def to_json(self) -> bytes:
        """Return the description as the file holds it."""
        return json.dumps({"format": FORMAT, **to_builtins(self)}).encode("ascii")

    @property
    def asides(self) -> tuple[str, ...]:
        """The names of all aside tables."""
        return tuple(table.aside for table in self.tables if table.aside is not None)

    @property
    def names(self) -> frozenset[str]:
        """The real names of the tables that come or go."""
        return frozenset(table.name for table in self.tables)


def load_swap(place: str | StateFile, *, schema: str) -> Swap:
    """Return the value that `Swap.save` wrote for a swap in this schema.

    Raises ForeignState, and StorageError for one that is damaged, of another schema, or speaks of
    tables that no swap of ours would.
    """
    file = state_file(place)
    try:
        raw = file.read(limit=LARGE)
    except FileNotFoundError:
        raise StorageError(f"{file} is missing.") from None
    return swap_from_json(raw, where=str(file), schema=schema)


def swap_from_json(raw: bytes, *, where: str, schema: str) -> Swap:
    """Return the value of a text of `Swap.to_json` for a swap in this schema.

    Raises StorageError, which names the place `where`, as `load_swap` does.
    """
    try:
        content = json.loads(raw)
        if content.get("format") != FORMAT:
            raise StorageError(f"{where} was written by another version of magerewind.")
        swap = _swap(content)
        wrong = _what_is_wrong(swap, schema)
    except MALFORMED as error:
        raise StorageError(f"{where} is damaged: {error}") from error
    if wrong:
        raise StorageError(f"{where} is not used: {wrong}.")
    return swap


def _swap(content: Mapping[str, Any]) -> Swap:
    return Swap(
        schema=content["schema"],
        short=content["short"],
        tables=tuple(SwappedTable(**one) for one in content["tables"]),
        wanted=_definitions(content["wanted"]),
        before=_definitions(content["before"]),
        drops=tuple((kind, name) for kind, name in content["drops"]),
        whole=bool(content["whole"]),
        keeps=tuple(content["keeps"]),
        stays=tuple(content.get("stays", ())),
        keeps_triggers=bool(content["keeps_triggers"]),
        kept=tuple(content.get("kept", ())),
        source=Source(**source) if (source := content.get("source")) else None,
        outside=tuple(
            OutsideKey(schema=one["schema"], key=ForeignKeyText(**one["key"]))
            for one in content.get("outside", ())
        ),
    )


def _what_is_wrong(swap: Swap, schema: str) -> str:
    """Return why a description cannot be of a swap that we made in a schema, empty if it can."""
    if swap.schema != schema:
        return "it is of another schema"
    if owner_of(aside_name(str(swap.short), 1)) != swap.short:
        return "it names no job"
    for table in swap.tables:
        if not _is_name(table.name) or owner_of(table.name) is not None:
            return "a table in it is none of the store's"
        if table.aside is not None and owner_of(str(table.aside)) != swap.short:
            return "an aside table in it is not of this job"
        if table.staged is not None and owner_of(str(table.staged)) is None:
            return "a staged table in it is none of ours"
    return _what_is_wrong_with_objects(swap) or _what_is_wrong_with_kept(swap)


def _what_is_wrong_with_kept(swap: Swap) -> str:
    if not all(_is_name(name) and owner_of(name) is None for name in swap.kept):
        return "a kept table in it is none of the store's"
    if {*swap.kept} & swap.names:
        return "a kept table in it is swapped as well"
    if swap.source is not None and not _is_source(swap.source):
        return "the dump in it is none"
    return ""


def _what_is_wrong_with_objects(swap: Swap) -> str:
    objects = (*swap.wanted.objects, *swap.before.objects)
    kinds = {one.kind for one in objects} | {kind for kind, _ in swap.drops}
    names = [one.name for one in objects] + [name for _, name in swap.drops]
    if not kinds <= _KINDS or not all(map(_is_name, (*names, *swap.keeps))):
        return "it speaks of what is no view, trigger, routine or event"
    if not all(_is_text(one) for one in objects):
        return "a definition in it is no text"
    return ""


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _NAME_LENGTH and "\0" not in name


def _is_source(source: Source) -> bool:
    texts = (source.name, source.sha256, source.index_sha256, source.repository)
    return all(isinstance(text, str) for text in texts) and "/" not in source.name


def _is_text(one: ObjectText) -> bool:
    texts = (one.create, one.definer, one.sql_mode, one.charset, one.collation, one.table)
    return all(isinstance(text, str) for text in (*texts, one.time_zone))


def _definitions(content: Mapping[str, Any]) -> Definitions:
    return Definitions(
        foreign_keys=tuple(
            DeferredKey(
                waiting=one["waiting"],
                key=ForeignKeyText(**one["key"]),
                unnamed=one["unnamed"],
            )
            for one in content["foreign_keys"]
        ),
        objects=tuple(ObjectText(**one) for one in content["objects"]),
        defaults=tuple(DefaultText(**one) for one in content["defaults"]),
        checks=tuple(DeferredCheck(**one) for one in content["checks"]),
    )
