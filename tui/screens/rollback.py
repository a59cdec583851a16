"""Rollback and undo, steps two to four: what will change, safety, confirmation by a typed name."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from core.errors import Cancelled, PlanChanged
from core.events import Kind
from core.operations.requests import RollbackRequest, UndoRequest
from core.text.orders import numbered, rollback_order
from tui.engine.port import Latest
from tui.engine.views import PlanView
from tui.render import text
from tui.render.plan import labelled, plan_lines
from tui.render.row import Row
from tui.render.text import assemble
from tui.screens.confirm import Confirm, ConfirmView
from tui.screens.page import Page
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
    ]
    HINTS = (
        Hint(key="n", words="Next"),
        Hint(key="f5", words="Plan anew"),
        Hint(key="y", words="Copy command"),
        BACK,
        HELP,
    )

    def __init__(self, request: RollbackRequest | UndoRequest) -> None:
        super().__init__()
        self._request = request
        self._plans: Latest[PlanView] = Latest(last_only=True)
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

    @property
    def typed_name(self) -> str:
        """What must be typed: a name that cannot be typed is typed as it is shown."""
        return text.clean(f"{self.owner.engine.host}/{self.owner.engine.name}")

    @property
    def _then(self) -> str:
        return "rollback" if self.undo else "backup"

    def crumb(self) -> str:
        """Say which step this is."""
        word = "Undo" if self.undo else "Roll back"
        first, count = (1, 2) if self.undo else (2, 3)
        return f"{word}  {self._step + first}/{count} {STEPS[self._step]}"

    def body(self) -> ComposeResult:
        """Show one of the two steps."""
        with VerticalScroll(id="step-0", classes="step"):
            yield Lines(self._draw_plan, id="plan")
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
        engine, request = self.owner.engine, self._request

        def report(done_bytes: int, _items: int, current: str) -> None:
            if self._gone or is_old():
                raise Cancelled("Nobody waits for this plan any more.")
            self._done_bytes, self._current = done_bytes, current

        self._plans.ask(
            self.owner.errands,
            lambda: engine.plan(request, report),
            lambda _value: self.redraw(),
            begun=True,
        )

    @property
    def _plan(self) -> PlanView | Exception | None:
        return self._plans.value

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
        title = " WHAT WILL CHANGE" if not self.undo else " WHAT THE UNDO WILL CHANGE"
        rows = [assemble((title, "bold $text-accent"))]
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
        rows.extend(plan_lines(plan, place, undo=self.undo))
        rows.append(Content(""))
        if plan.stops:
            rows.append(assemble((" This cannot be done now: see above.", "bold $text-error")))
        else:
            rows.append(assemble((" [n]", "bold $text-accent"), " next: safety"))
        return rows

    def _draw_safety(self, width: int) -> list[Content]:
        place = self.place(width)
        rows = [assemble((" SAFETY", "bold $text-accent"))]
        for sentence in self._sentences():
            folded = Content(sentence).wrap(max(20, width - 4))
            rows.extend(
                assemble(f" {place.glyphs.dot if not number else ' '} {row.plain.rstrip()}")
                for number, row in enumerate(folded)
            )
        rows.append(Content(""))
        plan = self._plan if isinstance(self._plan, PlanView) else None
        rows.extend(labelled("Order", numbered(self._order(plan)), place))
        rows.extend(labelled("Same as", self.owner.engine.command(self._request), place))
        rows.append(Content(""))
        return rows

    def _order(self, plan: PlanView | None) -> tuple[str, ...]:
        if isinstance(self._request, RollbackRequest):
            return rollback_order(self._request, self._request.kinds)
        kinds = () if plan is None else (*plan.files, *([Kind.DB] if plan.database_aside else []))
        return rollback_order(self._request, kinds)

    def _sentences(self) -> tuple[str, ...]:
        if isinstance(self._request, UndoRequest):
            return (
                "An undo deletes nothing: what it replaces is set aside, and can come back.",
                "The store is closed for the time of the renames only.",
            )
        with_database = self._request.db_file is not None
        closed = (
            "while the database is loaded and exchanged" if with_database else "for the renames"
        )
        return (
            "Nothing is deleted: whatever is replaced is set aside, and the undo brings it back.",
            f"Files are prepared while the store is open. It is closed {closed}.",
            "Until the commit, any failure brings the store back as it is now.",
            "No backup is ever deleted by a rollback.",
        )

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

    def confirm_view(self, plan: PlanView) -> ConfirmView:
        """Return what is asked before it runs."""
        owner, request = self.owner, self._request
        where = f"{owner.engine.host} {owner.engine.root}"
        listed = ", ".join(f"{text.count(number)} {what}" for what, number in plan.lost)
        lost = f"{listed} newer than the {self._then}" if listed else ""
        if isinstance(request, RollbackRequest):
            names = {kind: request.file_of(kind) for kind in Kind}
            files = tuple(f"{kind.value:<6} {name}" for kind, name in names.items() if name)
            closed = "while the database is loaded" if request.db_file else "for the renames only"
            return ConfirmView(
                title=f"ROLL BACK {where}",
                to=self._to([name for name in names.values() if name]),
                files=files,
                lost=lost,
                uncounted=plan.uncounted,
                closed=f"The store is closed {closed}.",
                undo="The undo is kept until you discard it.",
                typed=self.typed_name,
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
            closed="The store is closed for the renames only.",
            undo="An undo can itself be undone.",
            typed=self.typed_name,
            do="Undo the rollback",
        )

    def _to(self, names: list[str]) -> str:
        """Return the moment of the backups and their age."""
        moments = sorted({int(head) for name in names if (head := name.split("_")[0]).isdigit()})
        if not moments:
            return "To these backups"
        owner, at = self.owner, moments[0]
        what = "the set" if len(moments) == 1 else "backups of different moments, the oldest"
        when = f"{text.local_time(at, owner.zone)} {text.zone_name(owner.zone)}"
        return f"To {what} of {when}, {text.age(at, owner.clock())} ({at})"

    # Doing

    def _go(self, step: int) -> None:
        self._step = step
        self._show_step()

    def _show_step(self) -> None:
        for number in range(len(STEPS)):
            self.query_one(f"#step-{number}").display = number == self._step
        if self._step == 0:
            self.query_one("#step-0").focus()
        else:
            self.query_one("#choices", Form).focus()
        self.redraw()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Show the keys that mean something on this step."""
        if action == "next":
            return True
        if action in ("copy", "plan"):
            return self._step == (0 if action == "plan" else 1)
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

        self.app.push_screen(Confirm(self.confirm_view(plan)), answered)

    def _started(self, error: Exception | None) -> None:
        self._starting = False
        if isinstance(error, PlanChanged):
            self.action_plan()
        elif error is not None:
            self.redraw()
