"""The backups in var/backups, by set: looked at, searched, verified, deleted, rolled back to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from core.backups.catalog import PartialBackup
from core.events import Kind
from tui.engine.port import Latest
from tui.engine.verify_queue import Verifying
from tui.engine.views import BackupsView, BackupView, SetView
from tui.render import text
from tui.render.plan import labelled
from tui.render.row import Row
from tui.render.text import assemble
from tui.render.unfinished import NOT_OURS, left_over_details, left_over_rows, unfinished_under
from tui.screens.ask import Ask
from tui.screens.page import Page
from tui.widgets.entry import Entry
from tui.widgets.form import Form
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines

LIMIT_S: Final = 10.0
NOTE_WIDTH: Final = 7  # cells of a note that are worth showing
SORTS: Final = ("newest", "oldest", "largest", "worst")
HEALTH_ORDER: Final = ("damaged", "unverified", "sound", "verified")
HEALTH_STYLES: Final = {"damaged": "bold $text-error", "verified": "$text-success"}


def needs_typing(backups: BackupsView, chosen: tuple[BackupView, ...]) -> tuple[Kind, ...]:
    """Return the kinds of which nothing good would be left without the chosen backups."""
    names = {backup.name for backup in chosen}
    kinds = {backup.kind for backup in chosen if backup.health != "damaged"}
    return tuple(
        kind
        for kind in Kind
        if kind in kinds and all(good.name in names for good in backups.good(kind))
    )


class Backups(Page):
    """The list, and what is known of the row under the cursor."""

    CRUMB = "Backups"
    PURPOSE = """Every backup in var/backups, grouped by the moment it was taken. Enter opens a set
        and shows its files; verify and delete work on the set or on the one file under the cursor.
        unverified means that nobody has read it again yet, not that it is bad; sound, that it was
        read whole and has no manifest. Unfinished files and what is no backup stand at the end."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "roll_back", "Roll back"),
        Binding("v", "verify", "Verify"),
        Binding("slash", "filter", "Filter"),
        Binding("s", "sort", "Sort"),
        Binding("f5", "refresh_list", "Look again"),
        Binding("d", "delete", "Delete"),
    ]
    HINTS = (
        Hint(key="enter", words="Open"),
        Hint(key="r", words="Roll back"),
        Hint(key="v", words="Verify"),
        Hint(key="slash", words="Filter"),
        Hint(key="s", words="Sort"),
        BACK,
        HELP,
        Hint(key="d", words="Delete", last=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self._listing: Latest[BackupsView] = Latest()
        self._open: set[int] = set()
        self._sort = SORTS[0]
        self._term = ""
        self._verifying: Verifying | None = None

    def body(self) -> ComposeResult:
        """Show the list, and the details below or beside it."""
        with Vertical(id="list"):
            yield Lines(self._draw_title, id="list-title")
            yield Entry(id="filter", placeholder="part of any column: enter filters, esc leaves")
            yield Form(id="sets")
        with VerticalScroll(id="details-side", can_focus=False):
            yield Lines(self._draw_details, id="details")

    def on_mount(self) -> None:
        """Read the list."""
        super().on_mount()
        self.query_one("#filter", Input).display = False
        self.query_one(Form).focus()
        self._verifying = Verifying(self.owner.engine, self.owner.errands, self.owner)
        self._reading = self.set_interval(0.5, self._show_verifying, pause=True)

    def on_screen_resume(self) -> None:
        """Read the list again."""
        super().on_screen_resume()
        self.action_refresh_list()

    def jobs_changed(self) -> None:
        """Read the list again: a job may have made another one."""
        self.action_refresh_list()

    def action_refresh_list(self) -> None:
        """Read var/backups anew."""
        owner = self.owner
        self._listing.ask(
            owner.errands, owner.engine.backups, lambda _value: self.redraw(), limit_s=LIMIT_S
        )

    # What is shown

    def sets(self) -> list[SetView]:
        """Return the sets that match the filter, in the chosen order."""
        if not isinstance(self._listing.value, BackupsView):
            return []
        found = [one for one in self._listing.value.sets if self._matches(one)]
        match self._sort:
            case "oldest":
                found.sort(key=lambda one: one.timestamp)
            case "largest":
                found.sort(key=lambda one: -one.size_bytes)
            case "worst":
                found.sort(key=lambda one: (HEALTH_ORDER.index(one.health), -one.timestamp))
            case _:
                found.sort(key=lambda one: -one.timestamp)
        return found

    def _matches(self, one: SetView) -> bool:
        when = text.local_time(one.timestamp, self.owner.zone)
        names = " ".join(backup.name for backup in one.backups)
        kinds = " ".join(kind.value for kind in one.kinds)
        everything = f"{when} {kinds} {one.health} {one.maker} {one.note} {names}"
        return all(word in everything.casefold() for word in self._term.casefold().split())

    def chosen(self) -> tuple[BackupView, ...]:
        """Return the backups under the cursor: a set's, or one."""
        key = self.query_one(Form).key
        for one in self.sets():
            if key == f"set {one.timestamp}":
                return one.backups
            for backup in one.backups:
                if key == f"file {backup.name}":
                    return (backup,)
        return ()

    def chosen_set(self) -> SetView | None:
        """Return the set under the cursor."""
        names = {backup.name for backup in self.chosen()}
        return next(
            (one for one in self.sets() if any(each.name in names for each in one.backups)), None
        )

    def _redraw(self) -> None:
        self.query_one("#list-title", Lines).show(self._draw_title)
        self.query_one(Form).fill(self._rows())
        self.query_one("#details", Lines).show(self._draw_details)

    def _rows(self) -> list[Row]:
        rows: list[Row] = []
        for one in self.sets():
            rows.append(self._set_row(one))
            if one.timestamp in self._open:
                rows.extend(self._file_row(backup) for backup in one.backups)
        if isinstance(self._listing.value, BackupsView):
            rows.extend(left_over_rows(self._listing.value, self._term, self.owner.glyphs))
        return rows

    def _set_row(self, one: SetView) -> Row:
        owner = self.owner

        def draw(width: int) -> Content:
            sign = "-" if one.timestamp in self._open else "+"
            line = f" {sign} {text.local_time(one.timestamp, owner.zone)}  "
            line += text.fit(text.age(one.timestamp, owner.clock()), 14, owner.glyphs)
            line += f" {text.fit(text.kinds_text(one.kinds), 13, owner.glyphs)}"
            line += text.right(text.size(one.size_bytes), 9) + "  "
            health = text.fit(self._health_words(one.backups, one.health), 12, owner.glyphs)
            rest = f"{one.note}  {one.maker}" if self.has_class("-wide") else one.note
            room = width - len(line) - len(health) - 1
            # A few letters tell nothing, and the details show it all.
            if room < NOTE_WIDTH:
                return assemble(line, (health.rstrip(), HEALTH_STYLES.get(one.health, "")))
            return assemble(
                line,
                (health, HEALTH_STYLES.get(one.health, "")),
                (" " + text.fit(text.clean(rest), room, owner.glyphs), "$foreground-muted"),
            )

        return Row(f"set {one.timestamp}", draw)

    def _file_row(self, backup: BackupView) -> Row:
        glyphs = self.owner.glyphs

        def draw(width: int) -> Content:
            health = self._health_words((backup,), backup.health)
            name = text.fit(text.clean(backup.name), max(20, width - 32), glyphs)
            return assemble(
                f"      {name} {text.right(text.size(backup.size_bytes), 9)}  ",
                (text.fit(health, 12, glyphs), HEALTH_STYLES.get(backup.health, "")),
            )

        return Row(f"file {backup.name}", draw)

    def _health_words(self, backups: tuple[BackupView, ...], health: str) -> str:
        running = self._verifying.share(backups) if self._verifying else None
        return health if running is None else f"reading {running:2d} %"

    def _draw_title(self, width: int) -> list[Content]:
        backups, glyphs = self._listing.value, self.owner.glyphs
        if backups is None:
            line = f" Reading var/backups {glyphs.ellipsis}"
        elif isinstance(backups, Exception):
            folded = text.fold(f"? {text.clean(getattr(backups, 'message', ''))}", width - 2)
            return [assemble((f" {row}", "bold $text-accent")) for row in folded]
        elif not backups.sets:
            line = " No backup files found. b on the first screen makes one."
        else:
            number = text.plural(len(backups.sets), "set")
            line = f" {len(self.sets())} of {number}" if self._term else f" {number}"
            line += f", {text.size(backups.size_bytes)}   sorted by {self._sort} first"
            line += f", {text.zone_name(self.owner.zone)}"
            line += f"   filter: {text.clean(self._term)}" if self._term else ""
        return [assemble((text.fit(line, width, glyphs), "bold $text-accent"))]

    def _draw_details(self, width: int) -> list[Content]:
        place = self.place(width)
        chosen, backups = self.chosen(), self._listing.value
        if not chosen and isinstance(backups, BackupsView):
            running = self.owner.running_job is not None
            key, zone = self.query_one(Form).key, self.owner.zone
            return left_over_details(backups, key, place, zone, running=running)
        if not chosen:
            return [Content("")]
        rows: list[Content] = []
        if len(chosen) > 1:
            rows = [assemble((" The set", "bold $text-accent"))]
            rows.extend(labelled("Name", str(chosen[0].timestamp), place))
        for backup in chosen:
            # Beside each other, names of a set differ in their ends only.
            name = backup.name.removeprefix(f"{chosen[0].timestamp}_" if len(chosen) > 1 else "")
            name = text.fit(text.clean(name), max(20, width - 24), place.glyphs)
            size = text.right(text.size(backup.size_bytes), 9)
            rows.append(assemble((f" {name} {size}  ", "bold"), backup.health))
            details = backup.details if len(chosen) == 1 else ()
            for label, words in details:
                rows.extend(labelled(label, words, place))
            for warning in backup.warnings[:5]:
                words = f"{place.glyphs.warning} {warning}"
                rows.extend(labelled("", words, place, "$text-warning"))
        first = chosen[0]
        if first.note:
            rows.extend(labelled("Note", first.note, place))
        rows.extend(labelled("Made by", first.maker or "unknown", place))
        return rows

    def _show_verifying(self) -> None:
        verifying = self._verifying
        if verifying is None or not self.in_front:
            return
        if verifying.moved():
            self.redraw()
            if verifying.finished():
                self.action_refresh_list()
        elif not verifying.busy:
            self._reading.pause()

    # Doing

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Open or close a set."""
        if event.key.startswith("set "):
            self._open ^= {int(event.key.removeprefix("set "))}
            self.redraw()

    def on_form_reached(self, _event: Form.Reached) -> None:
        """Show what is known of the row."""
        self.query_one("#details", Lines).show(self._draw_details)

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
        self.redraw()

    def action_filter(self) -> None:
        """Type what to filter by."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Filter by what was typed."""
        self._filter_by(event.value)

    def _filter_by(self, term: str) -> None:
        field = self.query_one("#filter", Input)
        field.value = term
        field.display = False
        self._term = term.strip()
        self.query_one(Form).focus()
        self.redraw()

    def action_back(self) -> None:
        """Take the filter away, or leave."""
        if self._term or self.query_one("#filter", Input).display:
            self._filter_by("")
        else:
            super().action_back()

    def action_roll_back(self) -> None:
        """Choose the set under the cursor for a rollback."""
        one = self.chosen_set()
        if one is None:
            self.owner.refuse("There is no backup to roll back to.")
        elif self.owner.may_plan():
            self.owner.pick(one.timestamp)

    def action_verify(self) -> None:
        """Read the chosen backups from end to end."""
        chosen = self.chosen()
        if chosen and self._verifying is not None:
            self._verifying.start(chosen)
            self._reading.resume()
            self.redraw()

    def action_delete(self) -> None:
        """Ask, then delete the chosen backups, or the unfinished file."""
        chosen, backups = self.chosen(), self._listing.value
        key = self.query_one(Form).key
        if key.startswith("other "):
            self.owner.refuse(NOT_OURS)
            return
        if not isinstance(backups, BackupsView) or not self.owner.may_start():
            return
        unfinished = unfinished_under(backups, key)
        if unfinished is not None:
            self._ask_unfinished(unfinished)
        if not chosen:
            return
        last = needs_typing(backups, chosen)
        single = len(chosen) == 1
        name = chosen[0].name if single else str(chosen[0].timestamp)
        when = text.local_time(chosen[0].timestamp, self.owner.zone)
        size = text.size(sum(backup.size_bytes for backup in chosen))
        lines = [f"{backup.name}  {text.size(backup.size_bytes)}" for backup in chosen]
        lines.append("")
        if last:
            kinds = " and ".join(kind.value for kind in last)
            lines.append(f"No other good backup of {kinds} is left then.")
        lines.append("What is deleted cannot be brought back.")

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._delete(chosen)

        title = f"Delete {'this backup' if single else 'this set'} of {when}, {size}?"
        self.app.push_screen(
            Ask(
                title=title,
                lines=lines,
                do="Delete",
                typed=name if last else "",
                danger=True,
            ),
            answered,
        )

    def _ask_unfinished(self, unfinished: PartialBackup) -> None:
        def answered(agreed: bool | None) -> None:
            if agreed:
                self._delete((unfinished,))

        size = text.size(unfinished.size_bytes)
        self.app.push_screen(
            Ask(
                title=f"Delete this unfinished file, {size}?",
                lines=[
                    unfinished.file_name,
                    "",
                    "It is what a backup that died has left: nothing can be rolled back to it.",
                ],
                do="Delete",
                danger=True,
            ),
            answered,
        )

    def _delete(self, chosen: Sequence[BackupView | PartialBackup]) -> None:
        engine = self.owner.engine

        def work() -> None:
            for one in chosen:
                if isinstance(one, PartialBackup):
                    engine.delete_unfinished(one)
                else:
                    engine.delete(one)

        def done(value: Exception | None) -> None:
            if isinstance(value, Exception):
                self.owner.complain(value)
            else:
                self.owner.tell(f"Deleted: {text.plural(len(chosen), 'file')}.")
            self.action_refresh_list()

        self.owner.errands.ask(work, done)
