"""The facts of a plan besides its entries, as one frozen value.

It owns the names of these facts and their JSON, and refuses any that is not of its type. Paths are
bytes here and texts with surrogate escapes there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from msgspec import Struct, field

from core.archive.plan.completeness import Survey
from core.archive.tree.selection import Selection
from core.events import Kind, Warned


class PlanStep(StrEnum):
    """How far the work of a plan has come."""

    PLANNED = "planned"
    STAGING = "staging"
    STAGED = "staged"
    SWAPPED = "swapped"


MOVABLE: Final = frozenset({PlanStep.STAGED, PlanStep.SWAPPED})
"""The steps in which live entries may have been moved."""


class Parent(NamedTuple):
    """A directory above a missing `pub/media`: relative path, mode, and owner where it is known."""

    path: bytes
    mode: int
    uid: int | None
    gid: int | None


class Admitted(NamedTuple):
    """A directory of another account as it was before its ACL let this account in.

    `unit` is the unit whose top it is, None for a directory that stays where it is.
    """

    path: bytes
    unit: int | None
    inode: int
    mode: int
    acl: bytes


class PlanFacts(Struct, frozen=True, kw_only=True):
    """All facts of a plan. A fact that an older version did not write has its default."""

    # whose plan it is
    kind: Kind
    root: bytes
    prefix: bytes
    state: bytes
    step: PlanStep
    job_id: str | None = None
    # the archive, and how it was read
    archive: str = ""
    sha256: str = ""
    given_sha256: str | None = None  # the manifest's
    members: int | None = None
    listed: str | None = None  # of a listing, of which contents are fetched: their prefix
    sound: bool = False  # all its headers were looked at when it had the manifest's digest
    ordered: bool = False  # its members are in the order of the walk
    began_ns: int = 0
    spool: str | None = None  # the digest of the cached contents, if they are complete
    # the rest of the selection
    ignored: frozenset[bytes] = frozenset()
    exclude: tuple[str, ...] = ()
    only: bytes = b""
    additive: bool = False
    chosen: tuple[str, ...] = ()
    # the result of the comparison
    identical: int = 0
    skipped: int = 0
    unrestorable: tuple[str, ...] = ()
    unwritable: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()  # of `chosen`: neither side has anything of it
    in_the_way: tuple[str, ...] = ()  # no directories, though the archive has chosen members below
    becoming: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[Warned, ...] = ()
    survey: Survey | None = None
    parents: tuple[Parent, ...] = ()
    # stage and swap
    borrowed: bool = False  # the stages are the asides of another plan
    linked: frozenset[tuple[int, int]] = frozenset()  # inodes and devices of newly linked files
    admitted: tuple[Admitted, ...] = ()
    swapped_ns: int = 0
    # an undo
    undo_of: str | None = None
    newer: tuple[str, ...] = ()

    def selection(self) -> Selection:
        """Return the selection that the plan was made for."""
        return Selection(
            kind=self.kind,
            root=self.root,
            prefix=self.prefix,
            ignored=self.ignored,
            exclude=self.exclude,
            only=self.only,
            additive=self.additive,
            chosen=self.chosen,
            state=self.state,
        )


NAMES: Final = frozenset(PlanFacts.__struct_fields__)


def encoded(value: object) -> Any:  # noqa: ANN401 - a JSON value
    """Return a fact as a JSON value."""
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, Admitted):
        return [os.fsdecode(value.path), value.unit, value.inode, value.mode, value.acl.hex()]
    if isinstance(value, Warned):
        return [value.code, value.message, list(value.names)]
    if isinstance(value, Survey):
        return value.as_json()
    if isinstance(value, frozenset):
        return sorted(encoded(one) for one in value)
    if isinstance(value, tuple | list):
        return [encoded(one) for one in value]
    return value


def decoded(values: Mapping[str, Any]) -> PlanFacts:
    """Return the facts that were kept as these JSON values.

    Raises ValueError, which names the fault, for a fact that is missing or of another type.
    """
    read = _Reader(values)
    survey = read.of("survey", list, None)
    return PlanFacts(
        kind=read.choice("kind", Kind),
        root=read.path("root"),
        prefix=read.path("prefix"),
        state=read.path("state"),
        step=read.choice("step", PlanStep),
        job_id=read.of("job_id", str, None),
        archive=read.of("archive", str, ""),
        sha256=read.of("sha256", str, ""),
        given_sha256=read.of("given_sha256", str, None),
        members=read.of("members", int, None),
        listed=read.of("listed", str, None),
        sound=read.of("sound", bool, False),
        ordered=read.of("ordered", bool, False),
        began_ns=read.of("began_ns", int, 0),
        spool=read.of("spool", str, None),
        ignored=frozenset(_path(text, "ignored") for text in read.texts("ignored")),
        exclude=read.texts("exclude"),
        only=_path(read.of("only", str, ""), "only"),
        additive=read.of("additive", bool, False),
        chosen=read.texts("chosen"),
        identical=read.of("identical", int, 0),
        skipped=read.of("skipped", int, 0),
        unrestorable=read.texts("unrestorable"),
        unwritable=read.texts("unwritable"),
        kept=read.texts("kept"),
        unmatched=read.texts("unmatched"),
        in_the_way=read.texts("in_the_way"),
        becoming=read.of("becoming", dict, {}),
        warnings=tuple(
            Warned(code=code, message=message, names=tuple(names))
            for code, message, names in read.rows("warnings", 3)
        ),
        survey=None if survey is None else Survey.from_json(survey),
        parents=tuple(_parent(row) for row in read.rows("parents", 4)),
        borrowed=read.of("borrowed", bool, False),
        linked=frozenset((inode, device) for inode, device in read.rows("linked", 2)),
        admitted=tuple(_admitted(row) for row in read.rows("admitted", 5)),
        swapped_ns=read.of("swapped_ns", int, 0),
        undo_of=read.of("undo_of", str, None),
        newer=read.texts("newer"),
    )


class _Reader:
    """Takes facts out of JSON values, each in its type."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def of(self, name: str, kind: type, default: Any) -> Any:  # noqa: ANN401 - of this type
        """Return a fact of one type; null and a missing one are the default."""
        value = self._values.get(name)
        if value is None:
            return default
        if type(value) is not kind:
            raise ValueError(f"its {name} is no {kind.__name__}")
        return value

    def path(self, name: str) -> bytes:
        """Return a path that must be there."""
        value = self._values.get(name)
        if not isinstance(value, str):
            raise ValueError(f"its {name} is missing")  # noqa: TRY004 - as all that is wrong here
        return _path(value, name)

    def choice(self, name: str, kind: type[Any]) -> Any:  # noqa: ANN401 - of this type
        """Return a fact that is one of an enumeration's values."""
        try:
            return kind(self._values.get(name))
        except ValueError:
            raise ValueError(f"its {name} is unknown") from None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self.of(name, list, [])
        if not all(isinstance(text, str) for text in found):
            raise ValueError(f"its {name} is no list of texts")
        return tuple(found)

    def rows(self, name: str, length: int) -> list[list[Any]]:
        """Return a list of lists of one length."""
        found = self.of(name, list, [])
        if not all(isinstance(row, list) and len(row) == length for row in found):
            raise ValueError(f"a row of its {name} is none")
        return list(found)


def _path(text: str, name: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"its {name} is no path") from None


def _parent(row: list[Any]) -> Parent:
    path, mode, uid, gid = row
    whole = all(number is None or type(number) is int for number in (uid, gid))
    if not isinstance(path, str) or type(mode) is not int or not whole:
        raise ValueError("a directory in it is none")
    return Parent(_path(path, "parents"), mode, uid, gid)


def _admitted(row: list[Any]) -> Admitted:
    path, unit, inode, mode, acl = row
    whole = type(inode) is int and type(mode) is int and (unit is None or type(unit) is int)
    if not isinstance(path, str) or not isinstance(acl, str) or not whole:
        raise ValueError("a directory in it is none")
    return Admitted(_path(path, "admitted"), unit, inode, mode, bytes.fromhex(acl))
