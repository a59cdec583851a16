"""Back up: the choice of kinds, the needs, the order of the steps, and the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content

from core.backups.names import Naming
from core.backups.remarks import NOTE_LIMIT
from core.compression import OF_DUMPS, Compression
from core.events import Kind
from core.operations.requests import BackupRequest
from core.repository.settings import Repository
from tui.engine.port import Latest
from tui.engine.views import BackupCheckView, EstimateView
from tui.render import text
from tui.render.left_out import last_lines, left_out_lines
from tui.render.outlook import outlook_lines
from tui.render.row import Row
from tui.render.text import assemble
from tui.screens.ask import Prompt
from tui.screens.page import Page
from tui.widgets.form import Form
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel

CHECK_LIMIT_S: Final = 60.0
STRIP_EXAMPLE: Final = "@sessions @log @trade"
_FRAMES: Final = 4  # rows of two panels, one above the other
_WORTH: Final = 4  # rows that are worth a panel


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
        self.compress = Compression.NONE
        self.exclude: tuple[str, ...] = ()
        self.strip: tuple[str, ...] = ()
        self.note = ""
        self._to = 0  # which of `_ways`
        self._checks: Latest[BackupCheckView] = Latest(last_only=True)
        self._starting = False

    def body(self) -> ComposeResult:
        """Show the form, and its consequences."""
        with VerticalScroll(id="backup", can_focus=False), Container(id="backup-columns"):
            with Vertical(id="backup-choice"):
                with Panel("BACK UP", hint="[space] choose  [b] start", id="backup-form"):
                    yield Form(id="form")
                with Panel("LEFT OUT", id="backup-left-out", classes="fills wide"):
                    yield Lines(self._draw_left_out, id="left-out")
            with Vertical(id="backup-needs"):
                with Panel("WHAT IT TAKES", id="backup-outlook"):
                    yield Lines(self._draw_outlook, id="outlook")
                with Panel("LAST BACKUP OF EACH PART", id="backup-last", classes="fills wide"):
                    yield Lines(self._draw_last, id="last")

    def on_mount(self) -> None:
        """Ask for the facts known beforehand."""
        super().on_mount()
        asked = self.owner.engine.defaults
        self.kinds = set(asked.kinds)
        self.verify, self.keep_open, self.note = asked.verify, asked.keep_open, asked.note
        self.exclude, self.strip, self.compress = asked.exclude, asked.strip, asked.compress
        self.query_one(Form).focus()
        self.redraw()
        self.action_check()

    def on_resize(self) -> None:
        """Show the panels that there is room for now."""
        self.call_after_refresh(self.redraw)

    def request(self) -> BackupRequest | None:
        """Return the request that would be started, or None while nothing is chosen."""
        if not self.kinds:
            return None
        asked = self.owner.engine.defaults
        _words, repositories, local = self._ways()[self._to]
        return replace(
            asked,
            repositories=repositories,
            local=local,
            kinds=tuple(self.kinds),
            compress=self.compress,
            # A level is one of the way that it was given for.
            compress_level=asked.compress_level if self.compress is asked.compress else None,
            verify=self.verify,
            keep_open=self.keep_open,
            exclude=self.exclude,
            strip=self.strip,
            note=self.note,
        )

    def _ways(self) -> list[tuple[str, tuple[Repository, ...], bool]]:
        """Return where a backup can go, in words, the configured way first."""
        asked = self.owner.engine.defaults
        names = ", ".join(one.name for one in asked.repositories)
        ways = [(f"here, then {names}", asked.repositories, True)] if names else []
        ways.append(("here", (), True))
        ways += [(f"{one.name} alone", (one,), False) for one in asked.repositories]
        return ways

    def action_check(self) -> None:
        """Measure and check in a background thread; only the newest answer is used."""
        self._checks.begin()
        self.redraw()
        # All kinds are asked for, so that a kind shows its size before it is chosen.
        request = BackupRequest(
            kinds=tuple(Kind),
            keep_open=self.keep_open,
            exclude=self.exclude,
            compress=self.compress,
        )
        engine = self.owner.engine
        self._checks.ask(
            self.owner.questions,
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
        self.query_one("#left-out", Lines).show(self._draw_left_out)
        self.query_one("#last", Lines).show(self._draw_last)
        # Only whole panels: their frames alone would say nothing.
        room = self.query_one("#backup").size.height - _FRAMES
        needs = self.query_one("#outlook", Lines).count
        for name, taken in (("#backup-last", needs), ("#backup-left-out", len(self._rows()))):
            self.query_one(name).set_class(room - taken < _WORTH, "no-room")

    def _rows(self) -> list[Row]:
        heads = zip(("ENTRIES", "SIZE", "BACKUP", "TIME"), (12, 10, 10, 8), strict=True)
        columns = "".join(text.right(word, width) for word, width in heads)
        rows = [self._heading("what", f"{'PART':<13}{columns}")]
        rows.extend(Row(kind.value, self._kind_row(kind)) for kind in Kind)
        rows.append(self._heading("options", "OPTIONS"))
        rows.append(self._box("verify", self.verify, "Verify: read every backup again"))
        rows.append(
            self._box("keep_open", self.keep_open, "Keep the store open (parts may not match)")
        )
        rows.append(self._compress_row())
        ways = self._ways()
        if len(ways) > 1:
            rows.append(self._field("to", "Goes to", ways[self._to][0], ""))
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
            estimate, known = EstimateView(), isinstance(self._check, BackupCheckView)
            if isinstance(self._check, BackupCheckView):
                estimate = self._check.estimates.get(kind, EstimateView())
            items = text.count(estimate.items) if known else glyphs.ellipsis
            if kind is Kind.DB and estimate.items is not None:
                items = f"~{items} rows"  # which the server guesses
            line = f"   {box} {kind.value:<6} "
            line += text.right(items, 12)
            line += text.right(text.size(estimate.size_bytes) if known else "", 10)
            if known:
                # A question mark: there is no earlier backup of this kind to tell.
                size, took = estimate.backup_bytes, estimate.elapsed_s
                line += text.right("?" if size is None else f"~{text.size(size)}", 10)
                line += text.right("?" if took is None else f"~{text.duration(took)}", 8)
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

    def _compress_row(self) -> Row:
        """Return the three ways to compress a dump, the chosen one marked."""
        glyphs, muted = self.owner.glyphs, "$foreground-muted"

        def draw(_width: int) -> Content:
            parts: list[text.Part] = [f"       {'Compress':<10} "]
            for one in OF_DUMPS:
                chosen = one is self.compress
                box = glyphs.on if chosen else glyphs.off
                parts.append((f"{box} {one.value}  ", "" if chosen else muted))
            return assemble(*parts, ("the dump", muted))

        plain = self.owner.engine.defaults.naming is Naming.MAGENTO
        why = "Magento's own commands take no compressed dump (names = magento)." if plain else ""
        return Row("compress", draw, refusal=why)

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
        request = self.request()
        command = "" if request is None else self.owner.engine.command(request)
        listed = not self.has_class("-narrow")
        return outlook_lines(request, self._check, command, self.place(width), listed=listed)

    def _draw_left_out(self, width: int) -> list[Content]:
        asked = replace(self.owner.engine.defaults, exclude=self.exclude, strip=self.strip)
        return left_out_lines(asked, self.place(width))

    def _draw_last(self, width: int) -> list[Content]:
        return last_lines(self.owner.listing, self.place(width), self.owner.zone)

    # Doing

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Tick, fill in, or start."""
        match event.key:
            case "verify":
                self.verify = not self.verify
            case "keep_open":
                self.keep_open = not self.keep_open
            case "compress":
                self.compress = OF_DUMPS[(OF_DUMPS.index(self.compress) + 1) % len(OF_DUMPS)]
                self.action_check()
            case "to":
                self._to = (self._to + 1) % len(self._ways())
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
                self.note = value.strip()[:NOTE_LIMIT]
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
