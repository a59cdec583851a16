"""The words of a rollback or an undo: its moment, its needs, its last question."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from core.events import Kind, Operation
from core.operations.requests import RollbackRequest, UndoRequest
from core.text.orders import rollback_order
from tui.engine.views import PlanView
from tui.render import text
from tui.render.job import Canvas
from tui.render.losses import lost_words
from tui.render.plan import MUTED, room_words
from tui.render.text import assemble
from tui.screens.confirm import ConfirmView
from tui.screens.host import Host

Asked = RollbackRequest | UndoRequest


def typed_name(owner: Host) -> str:
    """Return the name to type: one that cannot be typed is typed as it is shown."""
    return text.clean(f"{owner.engine.host}/{owner.engine.name}")


def closed_words(request: Asked, plan: PlanView) -> str:
    """Say how long the store is closed, about where that is known."""
    if plan.closed_s is not None:
        return f"Store closed for about {text.duration(max(1.0, plan.closed_s))}."
    with_database = isinstance(request, RollbackRequest) and request.db_file
    return f"Store closed {'while the database is loaded' if with_database else 'for the renames'}."


def takes_words(
    request: Asked, plan: PlanView | Exception | None, done_bytes: int
) -> tuple[tuple[str, ...], str]:
    """Return what a plan takes, what matters most first, and the style of the words.

    `done_bytes` are read of a plan that is being made.
    """
    if plan is None:
        return (f"Reading the backups and the store: {text.size(done_bytes)}",), MUTED
    if isinstance(plan, Exception):
        return (), ""
    if plan.stops:
        return ("This cannot be done now: see above.",), "bold $text-error"
    kept = "The undo is kept." if isinstance(request, RollbackRequest) else "It can be undone."
    return (closed_words(request, plan), room_words(plan), kept), ""


def facts_lines(takes: Sequence[str], style: str, command: str, place: Canvas) -> list[Content]:
    """Return the two rows below a plan: as much of what it takes as fits, the equal command."""
    glyphs, width = place.glyphs, place.width
    told = ""
    for one in takes:
        longer = f"{told}   {one}" if told and one else told or one
        told = longer if len(longer) < width else told or longer
    same = text.fit(f"Same as: {text.clean(command)}", max(8, width - 12), glyphs).rstrip()
    return [
        assemble((text.fit(f" {told}", width, glyphs), style)),
        assemble((f" {same}", MUTED), "  ", ("[y]", "bold $text-accent"), " copy"),
    ]


def undo_words(owner: Host) -> str:
    """Return the moment that an undo goes back to."""
    undone = owner.undoable_job
    if undone is None:
        return "Back to before the last job"
    when = text.local_time(undone.began_s, owner.zone)
    kinds = ", ".join(kind.value for kind in undone.kinds)
    ago = text.age(undone.began_s, owner.clock())
    return f"Back to before the {undone.operation} of {when}, {ago}: {kinds}"


def _undone(owner: Host) -> Operation:
    """Return whether a rollback is undone, or an undo."""
    return Operation.ROLLBACK if owner.undoable_job is None else owner.undoable_job.operation


def order(request: Asked, plan: PlanView | None) -> tuple[str, ...]:
    """Return the course of the job, step by step."""
    if isinstance(request, RollbackRequest):
        return rollback_order(request, request.kinds)
    kinds = () if plan is None else (*plan.files, *([Kind.DB] if plan.database_aside else []))
    return rollback_order(request, kinds)


def confirm_view(owner: Host, request: Asked, plan: PlanView) -> ConfirmView:
    """Return the question before it runs."""
    where = f"{owner.engine.host} {owner.engine.root}"
    undone = _undone(owner)
    than = "backup" if isinstance(request, RollbackRequest) else undone.value
    listed = lost_words(plan)
    lost = f"{listed} newer than the {than}" if listed else ""
    if isinstance(request, RollbackRequest):
        names = {kind: request.file_of(kind) for kind in Kind}
        files = tuple(f"{kind.value:<6} {name}" for kind, name in names.items() if name)
        return ConfirmView(
            title=f"ROLL BACK {where}",
            to=to_words(owner, request),
            files=files,
            lost=lost,
            uncounted=plan.uncounted,
            closed=closed_words(request, plan),
            undo="The undo is kept until you discard it.",
            typed=typed_name(owner),
        )
    return ConfirmView(
        title=f"UNDO THE {undone.upper()} {where}",
        to=undo_words(owner),
        lost=lost,
        uncounted=plan.uncounted,
        closed=closed_words(request, plan),
        undo="An undo can itself be undone.",
        typed=typed_name(owner),
        do=f"Undo the {undone}",
    )


def to_words(owner: Host, request: RollbackRequest) -> str:
    """Return the moment of the backups and their age."""
    names = [name for kind in Kind if (name := request.file_of(kind))]
    moments = sorted({int(head) for name in names if (head := name.split("_")[0]).isdigit()})
    if not moments:
        return "To these backups"
    at = moments[0]
    what = "the set" if len(moments) == 1 else "backups of different moments, the oldest"
    when = f"{text.local_time(at, owner.zone)} {text.zone_name(owner.zone)}"
    return f"To {what} of {when}, {text.age(at, owner.clock())} ({at})"
