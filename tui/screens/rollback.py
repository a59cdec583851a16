"""Rollback and undo, steps two to four: changes, safety, confirmation by a typed name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from core.errors import Cancelled, PlanChanged
from core.events import Kind
from core.operations.leave_out import leave_out, take_in
from core.operations.requests import RollbackRequest, UndoRequest
from core.text.orders import numbered
from tui.engine.plan_model import Place, PlanModel, opened_at_first
from tui.engine.port import Latest
from tui.engine.views import PlanView
from tui.render import text
from tui.render.plan import head_lines, labelled, room_words, tail_lines
from tui.render.row import Row
from tui.render.text import assemble
from tui.screens.confirm import Confirm
from tui.screens.page import Page
from tui.screens.plan_pane import PlanPane
from tui.screens.rollback_words import (
    closed_words,
    confirm_view,
    order,
    sentences,
    to_words,
)
from tui.screens.write_plan import write_plan
from tui.widgets.form import Form
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines

STEPS: Final = ("what will change", "safety")


class Rollback(Page):
    """One plan, shown, confirmed, and then run exactly as it was shown."""

    PURPOSE = """Nothing is changed before you have typed the store's name on the last step. What
        runs then is what is shown here; if the store or a backup is another one by then, the job
        refuses and the plan is made anew. The undo keeps everything that is replaced."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Next", tooltip="Go one step on."),
        Binding("f5", "plan", "Plan anew", tooltip="Read the backups and the store again."),
        Binding("y", "copy", "Copy command", tooltip="Copy the equal command line."),
        Binding("w", "write", "Write to a file", tooltip="Write the whole list to a file."),
    ]
    HINTS = (
        Hint(key="n", words="Next"),
        Hint(key="enter", words="Open"),
        Hint(key="space", words="Leave out"),
        Hint(key="slash", words="Find"),
        Hint(key="tab", words="Diff"),
        Hint(key="c", words="Only what goes"),
        BACK,
        HELP,
        Hint(key="w", words="Write"),
        Hint(key="y", words="Copy command"),
        Hint(key="f5", words="Plan anew"),
    )
    SAFETY_HINTS = (
        Hint(key="n", words="Next"), Hint(key="y", words="Copy command"), BACK, HELP,
    )  # fmt: skip

    def __init__(self, request: RollbackRequest | UndoRequest) -> None:
        super().__init__()
        self._request = request
        self._plans: Latest[PlanModel] = Latest(last_only=True)
        self._left: list[str] = []  # paths that were left out here
        self._step = 0
        self._gone = False
        self._done_bytes = 0
        self._current = ""
        self._began_s = 0.0
        self._starting = False

    @property
    def undo(self) -> bool:
        """Whether this is an undo."""
        return isinstance(self._request, UndoRequest)

    def hints(self) -> Sequence[Hint]:
        """Return the keys of the step that is shown."""
        return self.SAFETY_HINTS if self._step else self.HINTS

    def crumb(self) -> str:
        """Say which step this is."""
        word = "Undo" if self.undo else "Roll back"
        first, count = (1, 2) if self.undo else (2, 3)
        return f"{word}  {self._step + first}/{count} {STEPS[self._step]}"

    def body(self) -> ComposeResult:
        """Show one of the two steps."""
        title = "WHAT THE UNDO WILL CHANGE" if self.undo else "WHAT WILL CHANGE"
        with Vertical(id="step-0", classes="step"):
            with VerticalScroll(id="plan-head", can_focus=False):
                yield Lines(self._draw_plan, id="plan")
            yield PlanPane(title)
            yield Lines(self._draw_facts, id="facts")
        with Vertical(id="step-1", classes="step"):
            yield Lines(self._draw_safety, id="safety")
            yield Form(id="choices")

    def on_mount(self) -> None:
        """Make the plan."""
        super().on_mount()
        self._began_s = self.owner.clock()
        self._planning = self.set_interval(0.5, self._show_planning)
        self._show_step()
        self.action_plan()

    def on_unmount(self) -> None:
        """Let the planning thread end."""
        self._gone = True

    # The plan

    def action_plan(self) -> None:
        """Make the plan, aside."""
        is_old = self._plans.begin()
        self._planning.resume()
        self._done_bytes, self._current = 0, ""
        self._go(0)
        engine, request, opened = self.owner.engine, self._request, self._remembered()

        def report(done_bytes: int, _items: int, current: str) -> None:
            if self._gone or is_old():
                raise Cancelled("Nobody waits for this plan any more.")
            self._done_bytes, self._current = done_bytes, current

        def make() -> PlanModel:
            return opened_at_first(engine.plan(request, report), engine.planned.children, opened)

        self._plans.ask(self.owner.errands, make, self._planned, begun=True)

    def _remembered(self) -> set[Place]:
        """Return the open directories of the shown plan, to be open in the next one too."""
        model = self.query_one(PlanPane).model
        return set() if model is None else set(model.opened)

    def _planned(self, value: PlanModel | Exception) -> None:
        if isinstance(value, PlanModel) and isinstance(self._request, RollbackRequest):
            value.left = tuple(self._left)
        self.redraw()
        if isinstance(value, PlanModel) and self._step == 0 and self.is_current:
            self.query_one(PlanPane).focus_tree()

    @property
    def _plan(self) -> PlanView | Exception | None:
        value = self._plans.value
        return value.plan if isinstance(value, PlanModel) else value

    def _show_planning(self) -> None:
        if self._plan is not None:
            self._planning.pause()
        elif self.in_front:
            self.query_one("#plan", Lines).show(self._draw_plan)

    def refusal(self) -> str:
        """Return why one cannot go on, or an empty text."""
        if self._plan is None:
            return "The plan is still being made."
        if isinstance(self._plan, Exception):
            return "There is no plan: F5 makes it anew."
        stops = self._plan.stops
        return stops[0].message if stops else ""

    # Drawing

    def _redraw(self) -> None:
        self.query_one("#plan", Lines).show(self._draw_plan)
        self.query_one("#facts", Lines).show(self._draw_facts)
        model, pane = self._plans.value, self.query_one(PlanPane)
        pane.display = isinstance(model, PlanModel)
        if isinstance(model, PlanModel):
            pane.show(model, self._draw_tail, self._names())
        self.query_one("#safety", Lines).show(self._draw_safety)
        self.query_one("#choices", Form).fill(self._choices())
        self.refresh_bar()

    def _draw_plan(self, width: int) -> list[Content]:
        place, plan = self.place(width), self._plan
        if plan is None:
            current = text.fit_end(text.clean(self._current), max(8, width - 4), place.glyphs)
            elapsed = text.duration(self.owner.clock() - self._began_s)
            words = f" Reading the backups and the store {place.glyphs.ellipsis}"
            return [
                assemble((words, "bold $text-accent")),
                assemble(f" {text.size(self._done_bytes)} read, {elapsed}"),
                assemble((f"   {current}", "$foreground-muted")),
                Content(""),
                assemble((" The store stays open; nothing is changed.", "$foreground-muted")),
            ]
        rows: list[Content] = []
        if isinstance(plan, Exception):
            message = text.clean(getattr(plan, "message", f"{type(plan).__name__}: {plan}"))
            folded = Content(message).wrap(max(20, width - 4))
            rows = [assemble((" NO ROLLBACK IS POSSIBLE LIKE THIS", "bold $text-error"))]
            sign = place.glyphs.failed
            rows.extend(
                assemble((f" {sign if not number else ' '} {row.plain.rstrip()}", "$text-error"))
                for number, row in enumerate(folded)
            )
            hint = getattr(plan, "hint", None)
            if hint:
                folded = Content(text.clean(hint)).wrap(max(20, width - 4))
                rows.extend(assemble(f"   {row.plain.rstrip()}") for row in folded)
            rows.extend(
                (Content(""), assemble(" Nothing was changed. [F5] tries again, [Esc] goes back."))
            )
            return rows
        if isinstance(self._request, RollbackRequest):
            to = to_words(self.owner, self._request)
            rows.append(assemble((f" {text.fit(to, width - 2, place.glyphs).rstrip()}", "bold")))
        return rows + head_lines(plan, place, undo=self.undo)

    def _draw_tail(self, width: int) -> list[Content]:
        plan = self._plan
        return (
            tail_lines(plan, self.place(width), undo=self.undo)
            if isinstance(plan, PlanView)
            else []
        )

    def _draw_facts(self, width: int) -> list[Content]:
        plan = self._plan
        if not isinstance(plan, PlanView):
            return []
        glyphs = self.owner.glyphs
        words = f" {closed_words(self._request)} {room_words(plan)} Undo is kept."
        command = text.clean(self.owner.engine.command(self._request))
        same = text.fit(f"Same as: {command}", max(8, width - 10), glyphs).rstrip()
        if plan.stops:
            first = (" This cannot be done now: see above.", "bold $text-error")
        else:
            first = (text.fit(words, width, glyphs), "")
        return [assemble(first), assemble((f" {same}", "$foreground-muted"), "  [y] copy")]

    def _names(self) -> dict[Kind, str]:
        """Return the backups that the entries can be compared with."""
        request = self._request
        if not isinstance(request, RollbackRequest) or request.repository is not None:
            return {}
        return {kind: name for kind in Kind if (name := request.file_of(kind))}

    def _draw_safety(self, width: int) -> list[Content]:
        place = self.place(width)
        rows = [assemble((" SAFETY", "bold $text-accent"))]
        for sentence in sentences(self._request):
            folded = Content(sentence).wrap(max(20, width - 4))
            rows.extend(
                assemble(f" {place.glyphs.dot if not number else ' '} {row.plain.rstrip()}")
                for number, row in enumerate(folded)
            )
        rows.append(Content(""))
        plan = self._plan if isinstance(self._plan, PlanView) else None
        rows.extend(labelled("Order", numbered(order(self._request, plan)), place))
        rows.extend(labelled("Same as", self.owner.engine.command(self._request), place))
        rows.append(Content(""))
        return rows

    def _choices(self) -> list[Row]:
        glyphs = self.owner.glyphs

        def row(key: str, words: str, style: str = "") -> Row:
            return Row(key, lambda width: assemble((text.fit(f"   {words}", width, glyphs), style)))

        enough = "an undo can itself be undone" if self.undo else "undo is kept"
        rows = [row("next", f"n  Continue ({enough})", "bold")]
        if not self.undo:
            rows.append(row("backup", "b  Take a fresh backup first, then come back here"))
        rows.append(row("leave", "   Leave: nothing happens"))
        return rows

    # Doing

    def _go(self, step: int) -> None:
        self._step = step
        self._show_step()

    def _show_step(self) -> None:
        for number in range(len(STEPS)):
            self.query_one(f"#step-{number}").display = number == self._step
        if self._step == 0:
            self.query_one(PlanPane).focus_tree()
        else:
            self.query_one("#choices", Form).focus()
        self.redraw()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Show the keys that mean something on this step."""
        if action == "next":
            return True
        if action in ("plan", "write"):
            return self._step == 0
        return True

    def action_next(self) -> None:
        """Go one step on, where the plan allows it."""
        reason = self.refusal()
        if reason:
            self.owner.refuse(reason)
        elif self._step < len(STEPS) - 1:
            self._go(self._step + 1)
        else:
            self._confirm()

    def action_copy(self) -> None:
        """Copy the equal command line to the clipboard of the terminal."""
        command = self.owner.engine.command(self._request)
        self.app.copy_to_clipboard(text.clean(command))
        self.owner.tell(f"Copied, where the terminal allows it: {command}")

    def action_write(self) -> None:
        """Ask for a file, and write the whole list to it."""
        if isinstance(self._plan, PlanView):
            write_plan(self)

    def on_plan_pane_left_out(self, event: PlanPane.LeftOut) -> None:
        """Make the plan again without an entry, or with it again."""
        request = self._request
        if not isinstance(request, RollbackRequest):
            self.owner.refuse("An undo brings all back: nothing is left out of it.")
            return
        if event.back:
            self._left.remove(event.path)
            self._request = take_in(request, [event.path])
        else:
            self._left.append(event.path)
            self._request = leave_out(request, [event.path])
        self.action_plan()

    def action_back(self) -> None:
        """Go one step back, or leave at the first."""
        if self._step:
            self._go(self._step - 1)
        else:
            super().action_back()

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Go on, take a backup first, or leave."""
        match event.key:
            case "next":
                self.action_next()
            case "backup":
                self.owner.open_page("backup")
            case _:
                self.app.pop_screen()

    def on_key(self, event: events.Key) -> None:
        """Take b on the safety step as its choice."""
        if event.key == "b" and self._step == 1 and not self.undo:
            event.stop()
            self.owner.open_page("backup")

    def _confirm(self) -> None:
        """Ask by a dialog over the plan, and start exactly that plan."""
        plan = self._plan
        if not isinstance(plan, PlanView):
            return

        def answered(agreed: bool | None) -> None:
            if agreed and not self._starting and self.owner.may_start():
                self._starting = True
                request = replace(self._request, confirmed_plan=plan.fingerprint or None)
                self.owner.begin(request, self._started)

        self.ask(Confirm(confirm_view(self.owner, self._request, plan)), answered)

    def _started(self, error: Exception | None) -> None:
        self._starting = False
        if isinstance(error, PlanChanged):
            self.action_plan()
        elif error is not None:
            self.redraw()
