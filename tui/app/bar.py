"""The facts in the first row of every screen, from the knowledge of the application."""

from __future__ import annotations

from core.account.switch_record import account_switch
from tui.render import text
from tui.render.job import whole_percent
from tui.screens.host import Host
from tui.widgets.bar import BarView


def bar_of(host: Host, crumb: str) -> BarView:
    """Return the values of the bar."""
    job, closed = "", ""
    follower = host.follower
    if follower is not None and not follower.ended and follower.state.began is not None:
        state = follower.state
        job = f"job {whole_percent(state)} %"
        if state.closed_since_s is not None:
            closed = text.duration(state.closed_s + host.clock() - state.closed_since_s)
    elif host.interrupted_job is not None:
        job = "INTERRUPTED JOB"
    how, undo = account_switch(), host.undoable_job
    return BarView(
        account="" if how is None else how.user,
        host=host.engine.host,
        root=host.engine.root,
        crumb=crumb,
        job=job,
        maintenance=host.maintenance,
        closed=closed,
        read_only=bool(host.read_only),
        broken=None if host.health is None else host.health.words,
        undo="" if undo is None else text.size(undo.undo_bytes) if undo.undo_bytes else "yes",
    )
