"""The questions before backups, unfinished files or an undo are deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from core.backups.catalog import PartialBackup
from core.backups.names import set_key
from core.events import Kind
from core.jobs.listing import JobSummary
from tui.engine.views import BAD, BackupsView, BackupView
from tui.render import text
from tui.screens.ask import Ask
from tui.screens.page import Page

LIMIT_S: Final = 10.0
_SHOWN: Final = 6


def needs_typing(backups: BackupsView, chosen: tuple[BackupView, ...]) -> tuple[Kind, ...]:
    """Return the kinds of which nothing good would be left without the chosen backups."""
    names = {backup.name for backup in chosen}
    kinds = {backup.kind for backup in chosen if backup.health not in BAD}
    return tuple(
        kind
        for kind in Kind
        if kind in kinds and all(good.name in names for good in backups.good(kind))
    )


class Doomed(Struct, frozen=True, kw_only=True):
    """The files that a person chose for deletion, and those of them that something needs."""

    backups: tuple[BackupView, ...] = ()
    unfinished: tuple[PartialBackup, ...] = ()
    needed: Mapping[str, str] = field(default_factory=dict)  # name: what needs it

    @property
    def sizes(self) -> Mapping[str, int]:
        """The names of all files, with their bytes."""
        found = {backup.name: backup.size_bytes for backup in self.backups}
        return found | {one.file_name: one.size_bytes for one in self.unfinished}

    def gone(self, listing: object) -> str:
        """Return that one of the files is known to be there no more; an empty text else."""
        if not isinstance(listing, BackupsView):
            return ""
        there = {backup.name for one in listing.sets for backup in one.backups}
        there |= {one.file_name for one in listing.partial}
        missing = next((name for name in self.sizes if name not in there), None)
        return "" if missing is None else f"{missing} is gone: nothing was done here."


def ask_deletion(
    page: Page, doomed: Doomed, known: Callable[[], object], over: Callable[[], None]
) -> None:
    """Look at what needs the files, ask, then delete all of them or none; at the end call `over`.

    `known` returns the list of backups of the moment, as far as it could be read.
    """
    owner, names = page.owner, tuple(doomed.sizes)

    def looked(needed: Mapping[str, str] | Exception) -> None:
        listing = known()
        if isinstance(needed, Exception):
            owner.complain(needed)
        elif page.in_front and isinstance(listing, BackupsView):
            question = deletion_question(listing, replace(doomed, needed=needed), owner.zone)
            page.ask(question, answered, ended=lambda: doomed.gone(known()))

    def answered(agreed: bool | None) -> None:
        if agreed:
            owner.questions.ask(lambda: owner.engine.delete(names), deleted)

    def deleted(value: Exception | None) -> None:
        if isinstance(value, Exception):
            owner.complain(value)
        over()

    owner.questions.ask(lambda: owner.engine.needed(names), looked, limit_s=LIMIT_S)


def deletion_question(listing: BackupsView, doomed: Doomed, zone: tzinfo | None) -> Ask:
    """Return the question before these files are deleted; the last good ones need a name typed.

    The typed name is the file name of one, the timestamp of a set, `delete 3 sets` for several.
    Where one of the files is needed, none is deleted: the question tells by what, and asks nothing.
    """
    what, typed = _named(doomed, zone)
    if doomed.needed:
        return Ask(title=f"Not deleted: {what}", lines=_needed_lines(doomed), do="", danger=True)
    lines = [*_listed(doomed), ""]
    if doomed.unfinished:
        lines.append("An unfinished file is left of a backup that died: nothing can use it.")
    last = needs_typing(listing, doomed.backups)
    if last:
        kinds = " and ".join(kind.value for kind in last)
        lines.append(f"No other good backup of {kinds} is left then.")
    lines.append("What is deleted cannot be brought back.")
    return Ask(
        title=f"Delete {what}?",
        lines=lines,
        do="Delete",
        typed=typed if last else "",
        danger=True,
    )


def _named(doomed: Doomed, zone: tzinfo | None) -> tuple[str, str]:
    """Return the files in words, and what is typed to confirm them."""
    size = text.size(sum(doomed.sizes.values()))
    keys = {set_key(backup.name, backup.timestamp) for backup in doomed.backups}
    if not keys:
        many = len(doomed.unfinished)
        what = "this unfinished file" if many == 1 else f"{many} unfinished files"
        return f"{what}, {size}", ""
    when = text.local_time(min(backup.timestamp for backup in doomed.backups), zone)
    more = f" and {text.plural(len(doomed.unfinished), 'unfinished file')}"
    more = more if doomed.unfinished else ""
    if len(keys) > 1:
        return f"{len(keys)} sets{more}, {size}", f"delete {len(keys)} sets"
    if len(doomed.backups) > 1:
        return f"this set of {when}{more}, {size}", keys.pop()
    return f"this backup of {when}{more}, {size}", doomed.backups[0].name


def _listed(doomed: Doomed) -> list[str]:
    lines = [f"{name}  {text.size(size)}" for name, size in doomed.sizes.items()]
    if len(lines) <= _SHOWN:
        return lines
    return [*lines[:_SHOWN], f"and {text.plural(len(lines) - _SHOWN, 'more file')}"]


def _needed_lines(doomed: Doomed) -> list[str]:
    lines = [f"{name} is needed by {why}." for name, why in doomed.needed.items()]
    if len(lines) > _SHOWN:
        lines = [*lines[:_SHOWN], f"and {text.plural(len(lines) - _SHOWN, 'more file')}"]
    others = len(doomed.sizes) - len(doomed.needed)
    stay = " The other chosen files stay as well." if others else ""
    return [
        *lines,
        "",
        f"None of it is deleted.{stay}",
        "An undo can be given up: [d] on the first screen. Then it needs no backup any more.",
    ]


def discard_question(job: JobSummary, zone: tzinfo | None) -> Ask:
    """Return the question before the undo of a rollback, or of an undo, is given up."""
    freed = f" It frees {text.size(job.undo_bytes)}." if job.undo_bytes else ""
    return Ask(
        title=f"Give up the undo of the {job.operation} of {text.local_time(job.began_s, zone)}?",
        lines=[
            f"What that {job.operation} replaced is deleted and cannot be brought back.{freed}",
            "The store itself is not touched.",
        ],
        do="Delete the undo",
        typed="discard",
    )
