"""The backups and options of a rollback, as changed by the keys of the plan's screen.

    older, newer    the next set that has a part that is wanted; parts that it lacks are not taken
    a part          taken or not; one that the set lacks is the nearest before it, else after it
    an option       on or off
    an entry, a table    left out, or taken in again

Values are frozen: a change makes another choice, whose `request` is planned next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from core.archive.tree.patterns import quoted
from core.errors import UsageError
from core.events import Kind
from core.operations.plan_exclusions import leave_out, take_in
from core.operations.requests import RollbackRequest
from tui.engine.copies import located
from tui.engine.views import BAD, BackupsView, BackupView, SetView

Left = tuple[Kind, str]
"""A left out path of code or media, or a table."""


class Option(StrEnum):
    """A switch of a request, by the name of its field."""

    KEEP_ENV = "keep_env"
    PARTIAL = "partial"
    WHOLE = "whole"
    LOAD_OPEN = "load_open"
    KEEP_STRIPPED = "keep_stripped"
    MAP_COLLATIONS = "map_collations"
    WITH_RELATED = "with_related"
    FLUSH = "flush"


class Choice(Struct, frozen=True, kw_only=True):
    """One choice. `how` has the options; its own files are those that it was made with.

    `files` is a backup of each kind that there is; `taken` are the kinds that are rolled back,
    `wanted` those that are taken from another set as well, where it has them.
    """

    how: RollbackRequest
    sets: Sequence[SetView]  # newest first
    files: Mapping[Kind, BackupView]
    taken: frozenset[Kind]
    wanted: frozenset[Kind]
    left: tuple[Left, ...] = ()

    @property
    def request(self) -> RollbackRequest | None:
        """The request to be planned; None while nothing is taken.

        Raises UsageError for parts of a repository that are not of one set.
        """
        left = tuple(quoted(name) for kind, name in self.left if kind is Kind.DB)
        tables_left = (*self.how.exclude_table, *left)
        if self.how.repository is not None:
            return replace(self.how, exclude_table=tables_left)
        names = {kind: self.files[kind].name for kind in self.taken if kind in self.files}
        if not names:
            return None
        how, tables = self.how, Kind.DB in names
        request = replace(
            how,
            code_file=names.get(Kind.CODE),
            media_file=names.get(Kind.MEDIA),
            db_file=names.get(Kind.DB),
            only=how.only if set(names) - {Kind.DB} else (),
            only_table=how.only_table if tables else (),
            exclude_table=tables_left if tables else (),
            with_related=how.with_related and tables,
            keep_stripped=how.keep_stripped and self.stripped,
            confirmed_plan=None,
        )
        return located(request, (self.files[kind] for kind in names))

    @property
    def stripped(self) -> bool:
        """Whether the dump lacks the rows of some tables."""
        dump = self.files.get(Kind.DB)
        return Kind.DB in self.taken and dump is not None and dump.stripped

    @property
    def moments(self) -> tuple[int, ...]:
        """The times of the backups that are taken, each once, the newest first."""
        taken = {one.timestamp for kind, one in self.files.items() if kind in self.taken}
        return tuple(sorted(taken, reverse=True))

    @property
    def place(self) -> int | None:
        """The number of the chosen set, from 0; None for backups of several sets, or none."""
        places = self._places
        return places.pop() if len(places) == 1 else None

    @property
    def is_mixed(self) -> bool:
        """Whether the backups that are taken are of several sets."""
        return len(self.moments) > 1 or (bool(self.moments) and len(self._places) > 1)

    @property
    def _places(self) -> set[int]:
        """The numbers of the sets of the backups that are taken, else of all that are at hand."""
        files = [one for kind, one in self.files.items() if kind in self.taken]
        names = {one.name for one in files or self.files.values()}
        return {
            number
            for number, every in enumerate(self.sets)
            if any(one.name in names for one in every.backups)
        }

    @property
    def options(self) -> tuple[Option, ...]:
        """The options that mean something for this choice."""
        files, tables = self.taken - {Kind.DB}, Kind.DB in self.taken
        fits = {
            Option.KEEP_ENV: Kind.CODE in self.taken,
            Option.PARTIAL: bool(files) or tables,
            Option.WHOLE: tables,
            Option.LOAD_OPEN: tables,
            Option.KEEP_STRIPPED: self.stripped,
            Option.MAP_COLLATIONS: tables,
            Option.WITH_RELATED: tables and bool(self.how.only_table),
            Option.FLUSH: True,
        }
        return tuple(option for option, does in fits.items() if does)

    def is_on(self, option: Option) -> bool:
        """Return whether an option is on."""
        return bool(getattr(self.how, option.value))

    def switched(self, option: Option) -> Choice:
        """Return a copy with the option toggled."""
        left = self.left
        if option is Option.KEEP_ENV:
            left = tuple(one for one in left if one != (Kind.CODE, "app/etc/env.php"))
        switched: dict[str, Any] = {option.value: not self.is_on(option)}
        return replace(self, how=replace(self.how, **switched), left=left)

    def toggled(self, kind: Kind) -> Choice:
        """Return it with a kind taken, or not any more. Raises UsageError."""
        if self.how.repository is not None:
            raise UsageError("The parts of a set elsewhere are chosen on Backups.")
        if kind not in self.files:
            raise UsageError(f"There is no backup of {kind.value} in var/backups.")
        wanted = self.wanted - {kind} if kind in self.taken else self.wanted | {kind}
        return replace(self, taken=self.taken ^ {kind}, wanted=wanted)

    def moved(self, step: int) -> Choice:
        """Return it with the next older (1) or newer (-1) set. Raises UsageError."""
        if self.how.repository is not None:
            raise UsageError("Another set elsewhere is chosen on Backups.")
        places = self._places or {-1}
        wanted = self.wanted or frozenset(Kind)
        older = self.sets[max(places) + 1 :]
        for one in older if step > 0 else reversed(self.sets[: max(0, min(places))]):
            if wanted & set(one.kinds):
                files = files_near(self.sets, one)
                return replace(self, files=files, taken=self.wanted & set(one.kinds))
        raise UsageError(f"There is no {'older' if step > 0 else 'newer'} set.")

    def moved_kind(self, kind: Kind, step: int) -> Choice:
        """Return it with the next older (1) or newer (-1) backup of a kind. Raises UsageError."""
        known = [backup for one in self.sets if (backup := one.of(kind)) is not None]
        if self.how.repository is not None or kind not in self.files:
            raise UsageError(f"There is no backup of {kind.value} in var/backups.")
        at = known.index(self.files[kind]) + step
        if not 0 <= at < len(known):
            what = "older" if step > 0 else "newer"
            raise UsageError(f"There is no {what} backup of {kind.value}.")
        files = {**self.files, kind: known[at]}
        return replace(self, files=files, taken=self.taken | {kind}, wanted=self.wanted | {kind})

    def without(self, part: Left) -> Choice:
        """Return it with a part left out."""
        kind, name = part
        how = self.how if kind is Kind.DB else leave_out(self.how, [name])
        return replace(self, how=how, left=(*self.left, part))

    def with_again(self, part: Left) -> Choice:
        """Return it with a part taken in again."""
        kind, name = part
        how = self.how if kind is Kind.DB else take_in(self.how, [name])
        return replace(self, how=how, left=tuple(one for one in self.left if one != part))


def files_near(sets: Sequence[SetView], chosen: SetView) -> dict[Kind, BackupView]:
    """Return a backup of each kind: the set's, else the nearest before it, else after it.

    One that is known to be damaged, or is not here, is only taken of that very set. `sets` are
    newest first.
    """
    return {
        **_files_near(sets, chosen.timestamp),
        **{kind: one for kind in Kind if (one := chosen.of(kind)) is not None},
    }


def _files_near(sets: Sequence[SetView], at: int) -> dict[Kind, BackupView]:
    """Return a usable backup of each kind: of a moment, else nearest before it, else after it."""
    found: dict[Kind, BackupView] = {}
    for kind in Kind:
        known = [
            backup
            for one in sets
            if (backup := one.of(kind)) is not None
            and backup.origin is None
            and backup.health not in BAD
        ]
        before = next((one for one in known if one.timestamp <= at), None)
        nearest = before or (known[-1] if known else None)
        if nearest is not None:
            found[kind] = nearest
    return found


def chosen_set(how: RollbackRequest, backups: BackupsView, chosen: SetView) -> Choice:
    """Return the choice of a whole set."""
    files = files_near(backups.sets, chosen)
    taken = frozenset(chosen.kinds)
    return Choice(how=how, sets=backups.sets, files=files, taken=taken, wanted=taken)


def chosen_names(how: RollbackRequest, backups: BackupsView) -> Choice:
    """Return the choice that a request makes; it stays as it is where no list has its backups."""
    by_name = {one.name: one for every in backups.sets for one in every.backups}
    named = {
        kind: backup
        for kind in Kind
        if (name := how.file_of(kind)) is not None and (backup := by_name.get(name)) is not None
    }
    if how.repository is not None and len(named) < len(how.kinds):
        taken = frozenset(how.kinds)
        return Choice(how=how, sets=(), files={}, taken=taken, wanted=taken)
    how = replace(how, repository=None, store="")  # the views of the backups tell where they are
    at = max((one.timestamp for one in named.values()), default=0)
    files = {**_files_near(backups.sets, at), **named}
    taken = frozenset(named)
    return Choice(how=how, sets=backups.sets, files=files, taken=taken, wanted=taken)


def chosen_first(how: RollbackRequest, backups: BackupsView, broken: frozenset[str]) -> Choice:
    """Return the first choice of a rollback without a named set.

    It is the way back for broken parts (`broken`: names of backups), else the newest set with a
    backup that is not known to be damaged.
    """
    good = {kind: found[0] for kind in Kind if (found := backups.good(kind))}
    way = {
        one.kind: one
        for every in backups.sets
        for one in every.backups
        if one.name in broken and one.kind is not None
    }
    names = {one.name for one in good.values()}
    newest = next(
        (every for every in backups.sets if any(one.name in names for one in every.backups)), None
    )
    of_newest = set() if newest is None else {one.name for one in newest.backups}
    taken = frozenset(way or (kind for kind, one in good.items() if one.name in of_newest))
    near = {} if newest is None else files_near(backups.sets, newest)
    files = {**near, **good, **way}
    return Choice(how=how, sets=backups.sets, files=files, taken=taken, wanted=taken)


def first_file(backups: BackupsView) -> dict[Kind, str]:
    """Return the name of any backup, by its kind; empty where there is none."""
    for one in backups.sets:
        for kind in one.kinds:
            backup = one.of(kind)
            if backup is not None:
                return {kind: backup.name}
    return {}
