"""Remembered copies of backups in repositories: the list says where each set is.

Nothing is asked of a repository for a list. A set that is only there can be rolled back to and
looked into; acts on files in `var/backups` are refused for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from core.backups.names import new_name
from core.errors import MagerewindError, UsageError
from core.events import Kind
from core.operations.requests import RollbackRequest
from core.repository.seen import Seen
from core.repository.sets import RemoteSet
from core.repository.settings import Repository
from core.text import numbers
from tui.engine.views import BackupView, SetOrigin, SetView

HERE = "here"
ONLY_THERE = "It is not in var/backups: magerewind repo:fetch brings it there."


def with_copies(
    sets: Sequence[SetView], seen: Iterable[Seen], open_one: Callable[[str], Repository], store: str
) -> tuple[SetView, ...]:
    """Return the sets here and elsewhere, newest first, each with where it is.

    `open_one` returns a repository of the configuration; one that it lacks is passed over.
    """
    found = {one.key: one for one in sets}
    for known in seen:
        try:
            origin = SetOrigin(repository=open_one(known.repository), store=store)
        except MagerewindError:
            continue
        for one in known.holdings.sets:
            if not one.is_whole:
                continue
            here = found.get(str(one.timestamp))
            if here is None:
                found[str(one.timestamp)] = _set_view(one, known, origin)
            else:
                found[str(one.timestamp)] = _with_place(here, one, known, origin)
    return tuple(sorted(found.values(), key=lambda one: -one.timestamp))


def _with_place(here: SetView, one: RemoteSet, known: Seen, origin: SetOrigin) -> SetView:
    """Return a set with its parts in one more repository, those that are only there included."""

    def placed(backup: BackupView) -> BackupView:
        where = backup.where or (HERE,)
        if backup.kind in one.parts:
            where = (*where, known.repository)
        return replace(backup, where=where)

    there = _set_view(one, known, origin).backups
    backups = [placed(backup) for backup in here.backups]
    if all(backup.kind is not None for backup in backups):  # not one archive of several kinds
        backups += [backup for backup in there if here.of(backup.kind or Kind.DB) is None]
    order = [*Kind, None]
    return replace(here, backups=tuple(sorted(backups, key=lambda each: order.index(each.kind))))


def _set_view(one: RemoteSet, known: Seen, origin: SetOrigin) -> SetView:
    checked = f"{numbers.moment(known.checked_s)}" if known.checked_s else "never"
    details = (
        ("Where", f"{known.repository} ({origin.repository.shown_url})"),
        ("Seen", numbers.moment(known.seen_s)),
        ("Checked", checked),
    )
    return SetView(
        timestamp=one.timestamp,
        backups=tuple(
            BackupView(
                name=new_name(one.timestamp, kind),
                kind=kind,
                timestamp=one.timestamp,
                size_bytes=part.bytes,
                health="verified" if known.is_checked(one) else "unverified",
                maker="magerewind",
                details=(*details, ("Snapshot", part.id)),
                where=(known.repository,),
                origin=origin,
            )
            for kind in Kind
            if (part := one.parts.get(kind)) is not None
        ),
    )


def located(request: RollbackRequest, backups: Iterable[BackupView]) -> RollbackRequest:
    """Return a request that takes these backups from where they are.

    Raises UsageError for parts of different places, and of different sets of a repository.
    """
    chosen = tuple(backups)
    origins = {one.origin for one in chosen}
    if origins <= {None}:
        return request
    there = origins - {None}
    names = {origin.repository.name for origin in there if origin is not None}
    if len(there) == 1 and all(names <= {*one.where} for one in chosen):
        origins = there  # the parts that are here are there as well
    if len(origins) > 1 or len({one.timestamp for one in chosen}) > 1:
        raise UsageError("From a repository all parts come from one set: choose them of one.")
    origin = origins.pop()
    if origin is None:
        return request
    return replace(request, repository=origin.repository, store=origin.store)
