"""Rollback and undo: one screen that chooses, plans and shows; the last question is put over it.

look at var/backups and the configuration    the first choice
plan in a background thread                   a new choice cancels the older plan
tree, difference, losses, time closed         a left out part makes another plan
confirm                                       starts exactly the plan that is shown
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from msgspec.structs import replace
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content

from core.errors import Cancelled, PlanChanged
from core.events import Kind
from core.operations.requests import RollbackRequest, UndoRequest
from tui.engine.plan_model import Place, PlanModel, opened_at_first
from tui.engine.port import Latest
from tui.engine.views import PlanView
from tui.render import text
from tui.render.choice import choice_lines
from tui.render.plan import failed_lines, head_lines, planning_lines, tail_lines
from tui.render.text import assemble
from tui.screens.choosing import Choosing
from tui.screens.confirm import Confirm
from tui.screens.plan_options import OptionsPanel
from tui.screens.plan_pane import PlanPane
from tui.screens.plan_words import confirm_view, facts_lines, order, takes_words, undo_words
from tui.screens.write_plan import write_plan
from tui.widgets.key_lines import KeyLines
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel

_TREE_KEYS: Final = {"enter", "space", "slash", "c", "tab", "equals_sign"}
_OPENS: Final = ("--map-collations", "--partial", "--keep-stripped", "--whole")
_CONFIRM: Final = Hint(key="n", words="Confirm")
_ANEW: Final = Hint(key="f5", words="Plan anew")
_LAST: Final = (
    *(BACK, HELP),
    *(Hint(key="y", words="Copy command"), Hint(key="b", words="Back up first")),
)


class Rollback(Choosing):
    """One choice and its plan, confirmed, and then run exactly as it was shown."""

    PURPOSE = """Nothing is changed before you have typed host and store in the last question. What
        runs then is what is shown here; if the store or a backup is another one by then, the job
        refuses and the plan is made anew. The undo keeps everything that is replaced. All parts
        come into force together or not at all."""
    AUTO_FOCUS = ""  # the tree gets the keys once it is there; a hidden line would swallow them
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Confirm", tooltip="Ask the last question, and start."),
        Binding("w", "write", "Write to a file", tooltip="Write the whole list to a file."),
        Binding("y", "copy", "Copy command", tooltip="Copy the equal command line."),
        Binding("b", "back_up", "Back up first", tooltip="Take a fresh backup before."),
        Binding("f5", "plan", "Plan anew", tooltip="Read the backups and the store again."),
    ]
    HINTS = (
        _CONFIRM,
        Hint(key="enter", words="Open"),
        Hint(key="space", words="Leave out"),
        Hint(key="slash", words="Find"),
        Hint(key="tab", words="Diff"),
        Hint(key="c", words="Only what goes"),
        Hint(key="w", words="Write"),
        *_LAST,
        _ANEW,
    )
    WAIT_HINTS = (
        _CONFIRM,
        Hint(key="less_than_sign", words="Older"),
        Hint(key="greater_than_sign", words="Newer"),
        Hint(key="o", words="Options"),
        *_LAST[:2],
        _ANEW,
        *_LAST[2:],
    )
    OPTION_HINTS = (
        _CONFIRM,
        Hint(key="space", words="Choose"),
        Hint(key="left", words="Older"),
        Hint(key="right", words="Newer"),
        Hint(key="o", words="Fold"),
        *_LAST,
    )

    def __init__(
        self, request: RollbackRequest | UndoRequest | None = None, *, chosen: str | None = None
    ) -> None:
        super().__init__(request, chosen=chosen)
        self._plans: Latest[PlanModel] = Latest(last_only=True)
        self._confirms = False  # as soon as the plan is there
        self._gone = False
        self._done_bytes = 0
        self._current = ""
        self._began_s = 0.0
        self._starting = False
        self._hinted: Sequence[Hint] = ()

    @property
    def _title(self) -> str:
        return "UNDO" if self.undo else "ROLL BACK TO"

    def hints(self) -> Sequence[Hint]:
        """Return the keys of the tree, or of the options; no question where there is none."""
        hints = self.HINTS if self.has_class("-planned") else self.WAIT_HINTS
        if self.query("#choices:focus"):
            hints = self.OPTION_HINTS
        return [one for one in hints if one.key != "n" or not self.refusal()]

    def crumb(self) -> str:
        """Say which step this is."""
        return f"{'Undo' if self.undo else 'Roll back'}  1 PLAN  2 confirm"

    def body(self) -> ComposeResult:
        """Show the choice, the plan with its difference or the options, and its needs."""
        with Panel(self._title, id="choice-panel"):
            yield KeyLines(self._draw_choice, id="choice")
        with Container(id="plan-below"):
            with VerticalScroll(id="plan-head", can_focus=False):
                yield Lines(self._draw_waiting, id="plan")
            yield PlanPane("WHAT THE UNDO CHANGES" if self.undo else "WHAT CHANGES")
            yield OptionsPanel()
        yield Lines(self._draw_facts, id="facts")

    def on_mount(self) -> None:
        """Look at the existing backups, then make the plan."""
        super().on_mount()
        self._began_s = self.owner.clock()
        self._planning = self.set_interval(0.5, self._show_planning)
        self.redraw()
        self._look()

    def on_unmount(self) -> None:
        """Let the planning thread end."""
        self._gone = True

    # The plan

    def on_plan_pane_left_out(self, event: PlanPane.LeftOut) -> None:
        """Plan without a part, or with it again."""
        part, back = event.part, event.back
        if part is None:
            self.action_kind(event.kind.value)
            return
        self._change(lambda one: one.with_again(part) if back else one.without(part))

    def forget_plan(self) -> None:
        """Leave the plan that is shown or made: it is wanted no more."""
        self._confirms = False
        self._plans.begin()
        self._began_s, self._done_bytes, self._current = self.owner.clock(), 0, ""

    def action_plan(self) -> None:
        """Make the plan in a background thread; an unfinished one is abandoned."""
        if isinstance(self._looks.value, Exception) or self.request is None:
            self._plans.begin()
            self.redraw()
            if isinstance(self._looks.value, Exception):
                self._looks = Latest()
                self._look()
            return
        is_old = self._plans.begin()
        self._planning.resume()
        self._began_s, self._done_bytes, self._current = self.owner.clock(), 0, ""
        engine, request, opened = self.owner.engine, self.request, self._remembered()

        def report(done_bytes: int, _items: int, current: str) -> None:
            if self._gone or is_old():
                raise Cancelled("Nobody waits for this plan any more.")
            self._done_bytes, self._current = done_bytes, current

        def make() -> PlanModel:
            return opened_at_first(engine.plan(request, report), engine.planned.children, opened)

        self._plans.ask(self.owner.questions, make, self._planned, begun=True)
        self.redraw()

    def _remembered(self) -> set[Place]:
        """Return the open directories of the shown plan, to be open in the next one too."""
        model = self.query_one(PlanPane).model
        return set() if model is None else set(model.opened)

    def _planned(self, value: PlanModel | Exception) -> None:
        if isinstance(value, PlanModel) and self._choice is not None:
            value.left = self._choice.left
        self._open_needed_options(value)
        self.redraw()
        if not isinstance(value, PlanModel):
            return
        if self.is_current and not self.query("#choices:focus"):
            self.query_one(PlanPane).focus_tree()
        if self._confirms and self.is_current:
            self._confirms = False
            self.action_next()

    def _open_needed_options(self, value: PlanModel | Exception) -> None:
        """Open the options where the plan needs one of them."""
        if isinstance(value, PlanModel):
            hints = [one.hint or "" for one in value.plan.stops]
        else:
            hints = [getattr(value, "hint", None) or ""]
        if any(word in hint for hint in hints for word in _OPENS) and self._choice is not None:
            self.add_class("-options")

    @property
    def _plan(self) -> PlanView | Exception | None:
        looked = self._looks.value
        if isinstance(looked, Exception):
            return looked
        value = self._plans.value
        return value.plan if isinstance(value, PlanModel) else value

    def _show_planning(self) -> None:
        if self._plan is not None or not (self._plans.pending or self._looks.pending):
            self._planning.pause()
        elif self.in_front:
            self.query_one("#plan", Lines).show(self._draw_waiting)
            self.query_one("#facts", Lines).show(self._draw_facts)

    def refusal(self) -> str:
        """Return why one cannot go on, or an empty text."""
        if isinstance(self._plan, Exception):
            return "There is no plan: F5 makes it anew."
        if self._choice is not None and self._choice.request is None:
            return "Choose at least one of code, media, db: [1] [2] [3]."
        stops = self._plan.stops if self._plan is not None else ()
        if not stops and self._plan is not None and self._plan.changes_nothing:
            return f"Nothing differs: there is nothing to {'undo' if self.undo else 'roll back'}."
        return stops[0].message if stops else ""

    # Drawing

    def _redraw(self) -> None:
        model, pane = self._plans.value, self.query_one(PlanPane)
        self.set_class(isinstance(model, PlanModel), "-planned")
        self.set_class(isinstance(self._plan, Exception), "-failed")
        self._name_choice()
        for name, draw in (
            ("#choice", self._draw_choice),
            ("#plan", self._draw_waiting),
            ("#facts", self._draw_facts),
        ):
            self.query_one(name, Lines).show(draw)
        if isinstance(model, PlanModel):
            pane.show(model, self._draw_tail, self._names())
        request = self.request
        if self._choice is not None and request is not None:
            steps = order(request, model.plan if isinstance(model, PlanModel) else None)
            place = self.place(self.size.width)
            self.query_one(OptionsPanel).show(self._choice, place, self.owner.zone, steps)
        self.refresh_bar()
        if self._hinted != (hinted := self.hints()):
            self._hinted = hinted
            self.refresh_bindings()

    def _name_choice(self) -> None:
        moments = () if self._choice is None else self._choice.moments
        fact = str(moments[0]) if len(moments) == 1 else ""
        self.query_one("#choice-panel", Panel).name_it(
            "UNDO" if self.undo else "ROLL BACK TO", fact
        )

    def _draw_choice(self, width: int) -> list[Content]:
        place, plan = self.place(width), self._plan
        rows: list[Content] = []
        if self._choice is not None:
            rows = choice_lines(self._choice, place, self.owner.zone)
        elif self.undo:
            rows = [assemble((text.fit(undo_words(self.owner), width, place.glyphs), "bold"))]
        if isinstance(plan, PlanView):
            rows += head_lines(plan, place, undo=self.undo)
        return rows or [assemble(("Reading var/backups", "$foreground-muted"))]

    def _draw_waiting(self, width: int) -> list[Content]:
        """Return the lines in place of a missing plan."""
        place, plan = self.place(width), self._plan
        if isinstance(plan, PlanView):
            return []
        if isinstance(plan, Exception):
            return failed_lines(plan, place)
        if self._choice is not None and self._choice.request is None:
            words = " Nothing is chosen: [1] code, [2] media, [3] db."
            return [Content(""), assemble((words, "$text-warning"))]
        took_s = self.owner.clock() - self._began_s
        return planning_lines(self._done_bytes, self._current, took_s, place)

    def _draw_tail(self, width: int) -> list[Content]:
        plan = self._plan
        if not isinstance(plan, PlanView):
            return []
        return tail_lines(plan, self.place(width), undo=self.undo, zone=self.owner.zone)

    def _draw_facts(self, width: int) -> list[Content]:
        request, plan = self.request, self._plan
        if request is None:
            return []
        takes, style = takes_words(request, plan, self._done_bytes)
        command = self.owner.engine.command(request)
        return facts_lines(takes, style, command, self.place(width))

    def _names(self) -> dict[Kind, str]:
        """Return the backups that the entries can be compared with."""
        request = self.request
        if not isinstance(request, RollbackRequest) or request.repository is not None:
            return {}
        return {kind: name for kind in Kind if (name := request.file_of(kind))}

    # Doing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Offer no choice for an undo."""
        return not (self.undo and action in ("other", "kind", "options", "back_up"))

    def on_key(self, event: events.Key) -> None:
        """Say why a key of the tree has to wait."""
        waits = self._plan is None and self.request is not None and self.dialog is None
        if waits and event.key in _TREE_KEYS:
            event.stop()
            event.prevent_default()
            self.owner.tell("The plan is still being made; this key works when it is there.")

    def action_options(self) -> None:
        """Open the options, or fold them away."""
        if self._choice is None:
            self.owner.refuse("Reading var/backups: a moment.")
            return
        self.toggle_class("-options")
        if self.has_class("-options"):
            self.query_one(OptionsPanel).focus_form()
        elif isinstance(self._plans.value, PlanModel):
            self.query_one(PlanPane).focus_tree()

    def action_next(self) -> None:
        """Ask the last question, where the plan allows it; else once the plan is there."""
        reason = self.refusal()
        if reason:
            self.owner.refuse(reason)
        elif self._plan is None:
            self._confirms = True
            self.owner.tell("The plan is still being made; the question comes when it is there.")
        else:
            self._confirm()

    def action_copy(self) -> None:
        """Copy the equal command line to the clipboard of the terminal."""
        if self.request is None:
            self.owner.refuse("Nothing is chosen.")
            return
        command = self.owner.engine.command(self.request)
        self.app.copy_to_clipboard(text.clean(command))
        self.owner.tell(f"Copied, where the terminal allows it: {command}")

    def action_write(self) -> None:
        """Ask for a file, and write the whole list to it."""
        if isinstance(self._plan, PlanView):
            write_plan(self)
        else:
            self.owner.refuse("There is no plan to write yet.")

    def action_back(self) -> None:
        """Fold the options away, or leave."""
        if self.has_class("-options"):
            self.action_options()
        else:
            super().action_back()

    def _confirm(self) -> None:
        """Ask by a dialog over the plan, and start exactly that plan."""
        plan, request = self._plan, self.request
        if not isinstance(plan, PlanView) or request is None:
            return

        def answered(agreed: bool | None) -> None:
            if agreed and not self._starting and self.owner.may_start():
                self._starting = True
                asked = replace(request, confirmed_plan=plan.fingerprint or None)
                self.owner.begin(asked, self._started)

        question = Confirm(confirm_view(self.owner, request, plan))
        self.ask(question, answered, ended=self.question_ended)

    def _started(self, error: Exception | None) -> None:
        self._starting = False
        if isinstance(error, PlanChanged):
            self.action_plan()
        elif error is not None:
            self.redraw()
