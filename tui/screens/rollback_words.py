"""The words of a rollback or an undo: to which moment, in which order, and its last question."""

from __future__ import annotations

from core.events import Kind
from core.operations.requests import RollbackRequest, UndoRequest
from core.text.orders import rollback_order
from tui.engine.views import PlanView
from tui.render import text
from tui.screens.confirm import ConfirmView
from tui.screens.host import Host

Asked = RollbackRequest | UndoRequest


def typed_name(owner: Host) -> str:
    """Return the name to type: one that cannot be typed is typed as it is shown."""
    return text.clean(f"{owner.engine.host}/{owner.engine.name}")


def closed_words(request: Asked) -> str:
    """Say how long the store is closed."""
    with_database = isinstance(request, RollbackRequest) and request.db_file
    closed = "while the database is loaded" if with_database else "for the renames only"
    return f"Closed {closed}."


def order(request: Asked, plan: PlanView | None) -> tuple[str, ...]:
    """Return the course of the job, step by step."""
    if isinstance(request, RollbackRequest):
        return rollback_order(request, request.kinds)
    kinds = () if plan is None else (*plan.files, *([Kind.DB] if plan.database_aside else []))
    return rollback_order(request, kinds)


def sentences(request: Asked) -> tuple[str, ...]:
    """Return the safeguards."""
    if isinstance(request, UndoRequest):
        return (
            "An undo deletes nothing: what it replaces is set aside, and can come back.",
            "The store is closed for the time of the renames only.",
        )
    with_database = request.db_file is not None
    closed = "while the database is loaded and exchanged" if with_database else "for the renames"
    return (
        "Nothing is deleted: whatever is replaced is set aside, and the undo brings it back.",
        f"Files are prepared while the store is open. It is closed {closed}.",
        "Until the commit, any failure brings the store back as it is now.",
        "No backup is ever deleted by a rollback.",
    )


def confirm_view(owner: Host, request: Asked, plan: PlanView) -> ConfirmView:
    """Return the question before it runs."""
    where = f"{owner.engine.host} {owner.engine.root}"
    listed = ", ".join(f"{text.count(number)} {what}" for what, number in plan.lost)
    than = "backup" if isinstance(request, RollbackRequest) else "rollback"
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
            closed=closed_words(request),
            undo="The undo is kept until you discard it.",
            typed=typed_name(owner),
        )
    undone, to = owner.undoable_job, "Back to before the last rollback"
    if undone is not None:
        when = text.local_time(undone.began_s, owner.zone)
        kinds = ", ".join(kind.value for kind in undone.kinds)
        ago = text.age(undone.began_s, owner.clock())
        to = f"Back to before the rollback of {when}, {ago}: {kinds}"
    return ConfirmView(
        title=f"UNDO A ROLLBACK {where}",
        to=to,
        lost=lost,
        uncounted=plan.uncounted,
        closed=closed_words(request),
        undo="An undo can itself be undone.",
        typed=typed_name(owner),
        do="Undo the rollback",
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
