"""The choice of a rollback's backups by keys: the base of the plan's screen.

Knows nothing of plans: a changed choice calls `action_plan`, once no other change follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.timer import Timer

from core.errors import UsageError
from core.events import Kind
from core.operations.requests import RollbackRequest, UndoRequest
from tui.engine.choice import Choice, Option
from tui.engine.first_choice import begin_with
from tui.engine.port import Latest
from tui.engine.views import BackupsView
from tui.screens.page import Page
from tui.screens.plan_options import OptionsPanel
from tui.widgets.form import Form

LIMIT_S: Final = 30.0  # for the list of backups and the configuration


class Choosing(Page):
    """The choice of a rollback; an undo has none."""

    RESTS_S: ClassVar[float] = 0.3  # debounce before planning
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("less_than_sign", "other(1)", "Older", tooltip="Take an older set."),
        Binding("greater_than_sign", "other(-1)", "Newer", tooltip="Take a newer set."),
        Binding("1", "kind('code')", "Code", tooltip="Take code, or leave it."),
        Binding("2", "kind('media')", "Media", tooltip="Take media, or leave it."),
        Binding("3", "kind('db')", "Database", tooltip="Take the database, or leave it."),
        Binding("o", "options", "Options", tooltip="Open the options, or fold them away."),
    ]

    def __init__(
        self,
        request: RollbackRequest | UndoRequest | None = None,
        *,
        chosen: str | None = None,
    ) -> None:
        super().__init__()
        self._asked = request
        self._chosen = chosen
        self._undo = request if isinstance(request, UndoRequest) else None
        self._choice: Choice | None = None
        self._looks: Latest[Choice | UndoRequest] = Latest()
        self._rests: Timer | None = None
        self._listing: Latest[BackupsView] = Latest()

    @property
    def undo(self) -> bool:
        """Whether this is an undo."""
        return self._undo is not None

    @property
    def request(self) -> RollbackRequest | UndoRequest | None:
        """The planned request; None while nothing is chosen."""
        return self._undo or (None if self._choice is None else self._choice.request)

    def _look(self) -> None:
        """Read var/backups and the configuration in a background thread."""
        health, engine = self.owner.health, self.owner.engine
        asked, chosen = self._asked, self._chosen
        broken = frozenset((health.backups or {}).values() if health and health.way_back else ())
        self._looks.ask(
            self.owner.questions,
            lambda: begin_with(engine, asked, chosen=chosen, broken=broken),
            self._looked,
            limit_s=LIMIT_S,
        )

    def _looked(self, value: Choice | UndoRequest | Exception) -> None:
        if isinstance(value, UndoRequest):
            self._undo = value
        elif isinstance(value, Choice):
            self._choice = value
        if not isinstance(value, Exception):
            self.action_plan()
        self.redraw()

    def _change(self, change: Callable[[Choice], Choice]) -> None:
        """Make another choice, and plan it once no other follows."""
        if self._choice is None:
            self.owner.refuse(
                "An undo brings all back: nothing is chosen or left out."
                if self.undo
                else "Reading var/backups: a moment."
            )
            return
        try:
            changed = change(self._choice)
            _ = changed.request  # so that a choice that cannot be planned is refused here
        except UsageError as error:
            self.owner.refuse(error.message)
            return
        self._choice = changed
        self.forget_plan()
        if self._rests is not None:
            self._rests.stop()
        if self.RESTS_S:
            self._rests = self.set_timer(self.RESTS_S, self.action_plan)
            self.redraw()
        else:
            self.action_plan()

    def action_other(self, step: int) -> None:
        """Take the next older (1) or newer (-1) set."""
        self._change(lambda choice: choice.moved(step))

    def action_kind(self, kind: str) -> None:
        """Take a part, or leave it."""
        self._change(lambda choice: choice.toggled(Kind(kind)))

    def on_options_panel_another(self, event: OptionsPanel.Another) -> None:
        """Take another backup of one kind."""
        self._change(lambda choice: choice.moved_kind(event.kind, event.step))

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Take a part, switch an option, or take a backup first."""
        if event.key == "backup":
            self.action_back_up()
        elif event.key in set(Kind):
            self.action_kind(event.key)
        else:
            self._change(lambda choice: choice.switched(Option(event.key)))

    def close_ended(self) -> None:
        """Close the last question where its undo or a backup is gone, or another job has begun."""
        super().close_ended()
        if self.dialog is not None and not self.undo:
            engine = self.owner.engine
            self._listing.ask(self.owner.questions, engine.backups, self._listed, limit_s=LIMIT_S)

    def _listed(self, _value: object) -> None:
        super().close_ended()

    def question_ended(self) -> str:
        """Return why the last question is over, an empty text while it is not."""
        owner, asked, listing = self.owner, self.request, self._listing.value
        if owner.running_job is not None or owner.interrupted_job is not None:
            return "Another job has begun: nothing was done here."
        if isinstance(asked, UndoRequest):
            return owner.undo_gone(asked.job_id)
        if asked is None or asked.repository is not None or not isinstance(listing, BackupsView):
            return ""
        there = {backup.name for one in listing.sets for backup in one.backups}
        names = [name for kind in Kind if (name := asked.file_of(kind)) is not None]
        gone = next((name for name in names if name not in there), None)
        return "" if gone is None else f"{gone} is gone: nothing was done here."

    def forget_plan(self) -> None:
        """Leave the plan that is shown or made: it is wanted no more."""

    def action_plan(self) -> None:
        """Plan the present choice."""

    def action_options(self) -> None:
        """Open the options, or fold them away."""

    def action_back_up(self) -> None:
        """Go and take a fresh backup."""
        self.owner.open_page("backup")
