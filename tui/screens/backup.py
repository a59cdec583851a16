"""Back up: the choice of kinds, the needs, the order of the steps, and the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from core.events import Kind
from core.operations.findings import Level
from core.operations.requests import BackupRequest
from core.text.orders import backup_order, numbered
from tui.engine.port import Latest, TimeLimit
from tui.engine.views import BackupCheckView, Estimate
from tui.render import text
from tui.render.plan import finding_sign
from tui.render.row import Row
from tui.render.text import assemble
from tui.screens.ask import Prompt
from tui.screens.page import Page
from tui.widgets.form import Form
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines

CHECK_LIMIT_S: Final = 60.0
STRIP_EXAMPLE: Final = "@sessions @log @trade"


class Backup(Page):
    """Choose, check, start."""

    CRUMB = "Back up"
    PURPOSE = """Choose what to back up with the space bar. Sizes are measured, archive sizes and
        times are estimated from earlier backups (a tilde marks an estimate). The store is closed
        while a backup is taken, so that its parts belong together, unless you keep it open."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "start", "Start", tooltip="Start the backup that is chosen here."),
        Binding("a", "all", "All", tooltip="Choose code, media and db, or none."),
        Binding("e", "note", "Note", tooltip="Write what this backup is for."),
        Binding("y", "copy", "Copy command", tooltip="Copy the equal command line."),
        Binding("f5", "check", "Check again", tooltip="Measure and check anew."),
    ]
    HINTS = (
        Hint(key="b", words="Start the backup"),
        Hint(key="space", words="Choose"),
        Hint(key="a", words="All"),
        Hint(key="e", words="Note"),
        Hint(key="y", words="Copy command"),
        Hint(key="f5", words="Check again"),
        BACK,
        HELP,
    )

    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[Kind] = set(Kind)
        self.verify = True
        self.keep_open = False
        self.exclude: tuple[str, ...] = ()
        self.strip: tuple[str, ...] = ()
        self.note = ""
        self._checks: Latest[BackupCheckView] = Latest(last_only=True)
        self._starting = False

    def body(self) -> ComposeResult:
        """Show the form, and its consequences."""
        with VerticalScroll(id="backup", can_focus=False), Horizontal(classes="columns"):
            with Vertical(classes="column"):
                yield Form(id="form")
            with Vertical(classes="column second"):
                yield Lines(self._draw_outlook, id="outlook")

    def on_mount(self) -> None:
        """Ask for the facts known beforehand."""
        super().on_mount()
        asked = self.owner.engine.defaults
        self.kinds = set(asked.kinds)
        self.verify, self.keep_open, self.note = asked.verify, asked.keep_open, asked.note
        self.exclude, self.strip = asked.exclude, asked.strip
        self.query_one(Form).focus()
        self.redraw()
        self.action_check()

    def request(self) -> BackupRequest | None:
        """Return the request that would be started, or None while nothing is chosen."""
        if not self.kinds:
            return None
        return replace(
            self.owner.engine.defaults,
            kinds=tuple(self.kinds),
            verify=self.verify,
            keep_open=self.keep_open,
            exclude=self.exclude,
            strip=self.strip,
            note=self.note,
        )

    def action_check(self) -> None:
        """Measure and check, aside; only the answer to the last question counts."""
        self._checks.begin()
        self.redraw()
        # All kinds are asked for, so that a kind shows its size before it is chosen.
        request = BackupRequest(kinds=tuple(Kind), keep_open=self.keep_open, exclude=self.exclude)
        engine = self.owner.engine
        self._checks.ask(
            self.owner.errands,
            lambda: engine.check_backup(request),
            lambda _value: self.redraw(),
            limit_s=CHECK_LIMIT_S,
            begun=True,
        )

    @property
    def _check(self) -> BackupCheckView | Exception | None:
        return self._checks.value

    def refusal(self) -> str:
        """Return why the backup cannot be started now, or an empty text."""
        if not self.kinds:
            return "Nothing is chosen: take at least one of code, media, db."
        if self._check is None:
            return "Still checking; a moment."
        if isinstance(self._check, BackupCheckView):
            stops = [one for one in self._check.stops if one.kind is None or one.kind in self.kinds]
            if stops:
                return stops[0].message
        return f"Read-only: {self.owner.read_only}." if self.owner.read_only else ""

    # Drawing

    def _redraw(self) -> None:
        self.query_one(Form).fill(self._rows())
        self.query_one("#outlook", Lines).show(self._draw_outlook)

    def _rows(self) -> list[Row]:
        rows = [self._heading("what", "WHAT                entries      size    backup     time")]
        rows.extend(Row(kind.value, self._kind_row(kind)) for kind in Kind)
        rows.append(self._heading("options", "OPTIONS"))
        rows.append(self._box("verify", self.verify, "Verify: read every backup again"))
        rows.append(
            self._box("keep_open", self.keep_open, "Keep the store open (parts may not match)")
        )
        rows.append(self._field("exclude", "Exclude", " ".join(self.exclude), "nothing more"))
        rows.append(self._field("strip", "Strip rows", " ".join(self.strip), "of no table"))
        rows.append(self._field("note", "Note", self.note, "none"))
        rows.append(self._start_row())
        return rows

    def _heading(self, key: str, words: str) -> Row:
        return Row(key, lambda _width: assemble((f" {words}", "bold $text-accent")), heading=True)

    def _kind_row(self, kind: Kind) -> Callable[[int], Content]:
        def draw(width: int) -> Content:
            glyphs = self.owner.glyphs
            box = glyphs.on if kind in self.kinds else glyphs.off
            estimate, known = Estimate(), isinstance(self._check, BackupCheckView)
            if isinstance(self._check, BackupCheckView):
                estimate = self._check.estimates.get(kind, Estimate())
            items = text.count(estimate.items) if known else glyphs.ellipsis
            if kind is Kind.DB and estimate.items is not None:
                items = f"~{items} rows"  # which the server guesses
            line = f"   {box} {kind.value:<6} "
            line += text.right(items, 16)
            line += text.right(text.size(estimate.size_bytes) if known else "", 10)
            if known:
                # A question mark: there is no earlier backup of this kind to tell.
                size, took = estimate.backup_bytes, estimate.elapsed_s
                line += text.right("?" if size is None else f"~{text.size(size)}", 10)
                line += text.right("?" if took is None else f"~{text.duration(took)}", 9)
            return assemble((text.fit(line, width, glyphs), "bold" if kind in self.kinds else ""))

        return draw

    def _box(self, key: str, ticked: bool, words: str) -> Row:
        glyphs = self.owner.glyphs
        box = glyphs.on if ticked else glyphs.off
        return Row(key, lambda width: Content(text.fit(f"   {box} {words}", width, glyphs)))

    def _field(self, key: str, label: str, value: str, empty: str) -> Row:
        glyphs = self.owner.glyphs

        def draw(width: int) -> Content:
            shown = text.clean(value) if value else f"({empty})"
            room = max(8, width - 18)
            style = "" if value else "$foreground-muted"
            return assemble(f"       {label:<10} ", (text.fit(shown, room, glyphs), style))

        return Row(key, draw)

    def _start_row(self) -> Row:
        refusal = self.refusal()
        words = "Start the backup" if not self._starting else "Starting"
        style = "$foreground-muted" if refusal else "bold $text-success"
        label = f"     [b] {words}" + ("  (not now)" if refusal else "")
        glyphs = self.owner.glyphs
        return Row(
            "start",
            lambda width: assemble((text.fit(label, width, glyphs), style)),
            refusal=refusal,
        )

    def _draw_outlook(self, width: int) -> list[Content]:
        rows: list[Content] = []
        rows.extend(self._findings(width))
        rows.extend(self._space(width))
        rows.extend(self._closed_for(width))
        rows.extend(self._order(width))
        request = self.request()
        if request is not None:
            command = self.owner.engine.command(request)
            rows.append(
                assemble(
                    (" Same as  ", "$foreground-muted"),
                    text.fit(text.clean(command), max(10, width - 10), self.owner.glyphs),
                )
            )
        return rows

    def _findings(self, width: int) -> list[Content]:
        check, glyphs = self._check, self.owner.glyphs
        if check is None:
            return [assemble((f" Checking {glyphs.ellipsis}", "$foreground-muted"))]
        if isinstance(check, TimeLimit):
            return [
                assemble((" ? The check took too long; the job checks again.", "$text-warning"))
            ]
        if isinstance(check, Exception):
            said = [getattr(check, "message", str(check)), getattr(check, "hint", None) or ""]
            words = text.clean(" ".join(filter(None, said)))
            folded = text.fold(words, width - 4)
            return [
                assemble((f" {' ' if number else '?'} {row}", "$text-warning"))
                for number, row in enumerate(folded)
            ]
        rows = []
        for finding in check.findings[:6]:
            sign, style = finding_sign(finding, glyphs)
            message = text.clean(finding.message)
            for number, row in enumerate(text.fold(message, width - 4)):
                rows.append(assemble((f" {' ' if number else sign} {row}", style)))
            if finding.hint and finding.level is Level.STOP:
                rows.extend(
                    assemble((f"   {row}", "$foreground-muted"))
                    for row in text.fold(text.clean(finding.hint), width - 4)
                )
        return rows

    def _space(self, width: int) -> list[Content]:
        check = self._check
        if not isinstance(check, BackupCheckView) or check.free_bytes is None:
            return [Content("")]
        needed = sum(
            estimate.backup_bytes or estimate.size_bytes or 0
            for kind, estimate in check.estimates.items()
            if kind in self.kinds
        )
        enough = needed <= check.free_bytes
        glyphs = self.owner.glyphs
        verdict = f"{glyphs.ok} enough" if enough else f"{glyphs.failed} NOT ENOUGH"
        line = f"{text.size(check.free_bytes)} free, about {text.size(needed)} needed  {verdict}"
        style = "" if enough else "bold $text-error"
        return [
            assemble(
                (" Space    ", "$foreground-muted"),
                (text.fit(line, max(8, width - 10), glyphs), style),
            )
        ]

    def _closed_for(self, width: int) -> list[Content]:
        check = self._check
        if not isinstance(check, BackupCheckView) or not self.kinds:
            return []
        took = [check.estimates.get(kind, Estimate()).elapsed_s for kind in self.kinds]
        if self.keep_open:
            words = "not at all: what changes meanwhile may not match"
        elif any(seconds is None for seconds in took):
            words = "how long is not known yet: earlier backups tell"
        else:
            words = f"for about {text.duration(sum(seconds or 0.0 for seconds in took))}"
        return [
            assemble(
                (" Closed   ", "$foreground-muted"),
                text.fit(words, max(8, width - 10), self.owner.glyphs),
            )
        ]

    def _order(self, width: int) -> list[Content]:
        steps = backup_order(self.kinds, verify=self.verify, keep_open=self.keep_open)
        rows = Content(numbered(steps)).wrap(max(20, width - 10))
        found = []
        for number, row in enumerate(rows):
            label = " Order    " if not number else " " * 10
            found.append(assemble((label, "$foreground-muted"), row.plain.rstrip()))
        return found

    # Doing

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Tick, fill in, or start."""
        match event.key:
            case "verify":
                self.verify = not self.verify
            case "keep_open":
                self.keep_open = not self.keep_open
            case "note":
                self.action_note()
            case "exclude":
                self._prompt_exclude()
            case "strip":
                self._prompt_strip()
            case "start":
                if not event.ticked:
                    self.action_start()
            case kind:
                self.kinds ^= {Kind(kind)}
        self.redraw()

    def action_all(self) -> None:
        """Choose all kinds, or none when all are chosen."""
        self.kinds = set() if self.kinds == set(Kind) else set(Kind)
        self.redraw()

    def action_note(self) -> None:
        """Write a note for the manifest."""

        def done(value: str | None) -> None:
            if value is not None:
                self.note = value.strip()
                self.redraw()

        lines = ["What this backup is for. It is kept in the manifest and shown in the list."]
        self.ask(Prompt(title="Note", lines=lines, value=self.note), done)

    def _prompt_exclude(self) -> None:
        def done(value: str | None) -> None:
            if value is not None:
                self.exclude = tuple(value.replace(",", " ").split())
                self.action_check()

        lines = [
            "Leave out what these patterns match, besides what is documented:",
            "whole paths from the root with * and **, or @media-cache, @tmp, @node_modules.",
            "The manifest remembers them. Separate them with spaces.",
        ]
        self.ask(Prompt(title="Exclude", lines=lines, value=" ".join(self.exclude)), done)

    def _prompt_strip(self) -> None:
        def done(value: str | None) -> None:
            if value is not None:
                self.strip = tuple(value.replace(",", " ").split())
                self.redraw()

        lines = [
            "Dump these tables without their rows: names, or groups as in magerun2,",
            f"such as {STRIP_EXAMPLE}. A rollback to such a backup empties them.",
        ]
        self.ask(Prompt(title="Strip rows", lines=lines, value=" ".join(self.strip)), done)

    def action_copy(self) -> None:
        """Copy the equal command line to the clipboard of the terminal."""
        request = self.request()
        if request is None:
            self.owner.refuse("Nothing is chosen.")
            return
        command = self.owner.engine.command(request)
        self.app.copy_to_clipboard(text.clean(command))
        self.owner.tell(f"Copied, where the terminal allows it: {command}")

    def action_start(self) -> None:
        """Start the backup and show its job."""
        reason = self.refusal()
        if reason:
            self.owner.refuse(reason)
            return
        request = self.request()
        if request is None or self._starting or not self.owner.may_start():
            return
        self._starting = True
        self.redraw()
        self.owner.begin(request, self._started)

    def _started(self, error: Exception | None) -> None:
        self._starting = False
        if error is not None:
            self.redraw()
