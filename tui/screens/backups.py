"""The backups in var/backups by set: looked at, verified, noted, deleted, rolled back to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from tui.engine.copies import ONLY_THERE
from tui.engine.port import Latest
from tui.engine.verify_queue import Verifying
from tui.engine.views import BackupsView, BackupView, SetView
from tui.render import sets, text
from tui.render.listing import SORTS, SetRow, SetRows, rows_of, status_words, texts_of, title_fact
from tui.render.text import assemble
from tui.render.unfinished import NOT_OURS, left_over_details, left_over_line
from tui.screens.deletion import Doomed, ask_deletion
from tui.screens.filtered import FilteredPage
from tui.screens.note import ask_note, turn_mark
from tui.screens.open_inside import open_inside
from tui.screens.rollback_estimate import RollbackEstimates
from tui.widgets.entry import Entry
from tui.widgets.keys import HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows

LIMIT_S: Final = 10.0


class Backups(FilteredPage):
    """The list, and the facts of the row under the cursor."""

    CRUMB = "Backups"
    RESTS_S: ClassVar[float] = 0.4  # the cursor stands still so long before its set is looked at
    PURPOSE = """Enter shows the files of a set, Enter on a file what is inside. Verify, keep, note,
        copy and delete work on all that is marked with space, else on the row under the cursor.
        "not read": not yet again."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "roll_back", "Roll back", tooltip="Plan a rollback to this set."),
        Binding("equals_sign", "compare", "Compare", tooltip="Read all: what it would change."),
        Binding(
            "v", "verify", "Verify", tooltip="Read it again from end to end, in the background."
        ),
        Binding("e", "note", "Note", tooltip="Write what the sets are for."),
        Binding("k", "keep", "Keep", tooltip="Pruning leaves it. Again: keep it no more."),
        Binding("slash", "filter", "Filter", tooltip="Show what matches, while you type."),
        Binding("s", "sort", "Sort", tooltip="Newest, oldest, largest or worst first."),
        Binding("y", "copy", "Copy names", tooltip="Copy the names of its files."),
        Binding("right", "unfold(True)", "Files", tooltip="Show the files of the set."),
        Binding("left", "unfold(False)", "Fold", tooltip="Fold the files of the set away."),
        Binding("f5", "refresh_list", "Look again", tooltip="Read var/backups anew."),
        Binding("d", "delete", "Delete", tooltip="Delete it; asks first."),
    ]
    HINTS = (
        Hint(key="enter", words="Files"),
        Hint(key="r", words="Roll back"),
        Hint(key="v", words="Verify"),
        Hint(key="slash", words="Filter"),
        Hint(key="equals_sign", words="Compare"),
        Hint(key="e", words="Note"),
        Hint(key="k", words="Keep"),
        Hint(key="s", words="Sort"),
        HELP,
        Hint(key="escape", words="Back"),
        Hint(key="space", words="Mark"),
        Hint(key="d", words="Delete", last=True),
    )

    def __init__(self, key: str | None = None) -> None:
        super().__init__()
        self._wanted = "" if key is None else f"set {key}"
        self._backups: Latest[BackupsView] = Latest()
        self._known: BackupsView | None = None  # shown before it was read anew
        self._has_places = False  # of the list: asked for each row that is drawn
        self._texts: Mapping[str, str] = {}
        self._listing = SetRows()
        self._opened: set[str] = set()
        self._marks: set[str] = set()
        self._sort = SORTS[0]
        self._verifying: Verifying | None = None
        self._would: RollbackEstimates | None = None
        self._rests: Timer | None = None
        self._kept: Callable[[], None] | None = None  # a key pressed before the list was there

    def body(self) -> ComposeResult:
        """Show the list, and the set below or beside it."""
        with Container(id="list-and-set"):
            with Panel("BACKUPS", id="list-panel", classes="fills"):
                yield Entry(id="filter", placeholder="part of any column; Esc shows all again")
                yield Lines(id="list-head")
                yield Rows(self._line, id="list")
            with Panel("THE SET", id="details-panel"):
                yield Lines(id="details")

    def on_mount(self) -> None:
        """Read the list."""
        super().on_mount()
        owner = self.owner
        self.query_one("#filter", Input).display = False
        rows = self.query_one(Rows)
        rows.marked = lambda index: self._listing.items[index].key in self._marks
        rows.focus()
        self._would = RollbackEstimates(owner.engine, owner.questions, self._draw_details)
        self._verifying = Verifying(owner.engine, owner.questions, owner)
        if owner.listing is not None:  # of 2,000 sets, reading it anew takes a second
            self._backups.value = owner.listing
            self._listed(owner.listing)
            self._known = owner.listing
        self._reading = self.set_interval(0.5, self._show_verifying, pause=True)

    def on_unmount(self) -> None:
        """Let running looks end."""
        if self._would is not None:
            self._would.leave()

    def on_screen_resume(self) -> None:
        """Read the list again."""
        super().on_screen_resume()
        if self._known is not None and self.RESTS_S:
            self.set_timer(self.RESTS_S, self.action_refresh_list)  # once it is seen
        else:
            self.action_refresh_list()

    def on_resize(self) -> None:
        """Draw the set for the room that there is now."""
        self.call_after_refresh(self.redraw)

    def jobs_changed(self) -> None:
        """Read the list again: a job may have made another one."""
        self.action_refresh_list()

    def action_refresh_list(self) -> None:
        """Read var/backups anew."""
        owner = self.owner
        self._backups.ask(owner.questions, owner.engine.backups, self._listed, limit_s=LIMIT_S)

    def _listed(self, value: object) -> None:
        known, self._known = self._known, None
        if isinstance(value, BackupsView):
            self.owner.listing = value
            if value == known:
                return
            self._has_places = value.has_places
            self._texts = texts_of(value, lambda at: text.local_time(at, self.owner.zone))
        if self._would is not None:
            self._would.forget()
        self.redraw()
        self._rest_here()
        kept, self._kept = self._kept, None
        if kept is not None:
            kept()

    def _waits(self, action: Callable[[], None]) -> bool:
        """Return whether the list is still being read; the action is done when it is there."""
        if self._backups.value is None:
            self._kept = action
            self.owner.tell("Reading var/backups; then that is done.")
        return self._backups.value is None

    # Shown lists

    def _refused_there(self, backups: Iterable[BackupView]) -> bool:
        """Say so where some of these are not here."""
        if all(backup.origin is None for backup in backups):
            return False
        self.owner.refuse(ONLY_THERE)
        return True

    def item(self) -> SetRow | None:
        """Return the row under the cursor."""
        at = self.query_one(Rows).cursor
        return self._listing.items[at] if at < len(self._listing.items) else None

    def chosen_rows(self) -> tuple[SetRow, ...]:
        """Return the rows that are marked, else the one under the cursor."""
        here = self.item()
        return self._listing.marked(self._marks) or (() if here is None else (here,))

    def chosen(self) -> tuple[BackupView, ...]:
        """Return the backups of these rows."""
        rows = self.chosen_rows()
        named = {backup.name: backup for item in rows for backup in item.backups}
        return tuple(named.values())

    def _redraw(self) -> None:
        listing, rows = self._backups.value, self.query_one(Rows)
        here = self.item()
        key = self._wanted or ("" if here is None else here.key)
        if isinstance(listing, BackupsView):
            self._listing = rows_of(
                listing, self._texts, term=self._term, sort=self._sort, opened=self._opened
            )
            self._wanted = ""
        rows.show(len(self._listing.items), cursor=self._listing.place_of(key))
        fact = title_fact(self._backups.value, self._listing, self._term, self.owner.glyphs)
        self.query_one("#list-panel", Panel).name_it("BACKUPS", fact)
        zone, head = self.owner.zone, self.query_one("#list-head", Lines)
        head.show(lambda width: [sets.head_line(width, zone, places=self._has_places)])
        self._draw_details()
        self._draw_status()

    def _draw_status(self) -> None:
        marked, at = self._listing.marked(self._marks), self.query_one(Rows).cursor
        words = status_words(self._listing, at, self._sort, marked, self._term)
        self.rest(assemble((words, "$foreground-muted")))

    def _line(self, index: int, width: int) -> Content:
        owner, item = self.owner, self._listing.items[index]
        if item.one is None:
            return left_over_line(item, width, owner.glyphs)
        share = self._verifying.share(item.backups) if self._verifying is not None else None
        check = "" if share is None else f"read {share} %"
        if item.backup is None:
            look, places = (self.drawn_s, owner.zone, owner.glyphs), self._has_places
            return sets.set_line(item.one, width, *look, check=check, places=places)
        return sets.file_line(item.backup, width, owner.glyphs, check=check)

    def _draw_details(self) -> None:
        item, owner = self.item(), self.owner
        panel = self.query_one("#details-panel", Panel)
        when = ""
        if item is not None and item.one is not None:
            when = text.when(item.one.timestamp, owner.clock(), owner.zone).strip()
        panel.name_it("THE SET" if item is None or item.backup is None else "THE FILE", when)
        self.query_one("#details", Lines).show(self._details)

    def _details(self, width: int) -> list[Content]:
        place, item = self.place(width), self.item()
        if item is None:
            return []
        if item.one is None:
            running = self.owner.running_job is not None
            return left_over_details(item, place, self.owner.zone, running=running)
        would = self._would.lines(item.one, place) if self._would is not None else []
        brief = self.has_class("-narrow") and self.size.height < 30
        return sets.item_lines(item.one, item.backup, would, place, brief=brief)

    def _show_verifying(self) -> None:
        verifying = self._verifying
        if verifying is None or not self.in_front:
            return
        if verifying.moved():
            self.query_one(Rows).refresh()
            if verifying.finished():
                self.action_refresh_list()
        elif not verifying.busy:
            self._reading.pause()

    # Doing

    def on_rows_moved(self, _event: Rows.Moved) -> None:
        """Show the facts of the row."""
        self._draw_details()
        self._draw_status()
        self._rest_here()

    def _rest_here(self) -> None:
        if self._rests is not None:
            self._rests.stop()
        if self.RESTS_S:
            self._rests = self.set_timer(self.RESTS_S, self._look_at_set)
        else:
            self._look_at_set()

    def _look_at_set(self) -> None:
        item = self.item()
        if item is not None and item.one is not None and self._would is not None:
            self._would.look(item.one)

    def on_rows_opened(self, _event: Rows.Opened) -> None:
        """Open or close a set; of a file look inside."""
        item = self.item()
        if item is None:
            if not self._waits(lambda: self.query_one(Rows).action_choose()):
                self.owner.refuse("There is no backup.")
        elif item.one is not None and item.backup is not None:
            open_inside(self.app, item.one, item.backup)
        elif item.one is not None:
            self.action_unfold(item.one.key not in self._opened)

    def action_unfold(self, opened: bool) -> None:
        """Show the files of the set under the cursor, or fold them away."""
        item = self.item()
        if item is None or item.one is None:
            return
        self._wanted = f"set {item.one.key}"
        if opened:
            self._opened.add(item.one.key)
        else:
            self._opened.discard(item.one.key)
        self.redraw()

    def on_rows_marked(self, _event: Rows.Marked) -> None:
        """Mark or unmark, and go on to the next row."""
        item, rows = self.item(), self.query_one(Rows)
        if item is None or item.other:
            return
        self._marks ^= {item.key}
        rows.refresh()
        rows.action_step(1)
        self._draw_status()

    def action_sort(self) -> None:
        """Sort by the next order."""
        self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
        self.redraw()

    def action_back(self) -> None:
        """Take the filter away, then the marks, or leave."""
        if self.close_filter():
            return
        if self._marks:
            self._marks.clear()
            self.redraw()
            self.query_one(Rows).refresh()
        else:
            super().action_back()

    def action_roll_back(self) -> None:
        """Choose the set under the cursor for a rollback."""
        if (one := self._set_to_plan(self.action_roll_back)) is not None:
            self.owner.pick(one.key)

    def action_compare(self) -> None:
        """Read everything: the changes of a rollback to the set."""
        if (one := self._set_to_plan(self.action_compare)) is not None:
            self.owner.compare(one)

    def _set_to_plan(self, action: Callable[[], None]) -> SetView | None:
        item = self.item()
        if self._waits(action):
            return None
        if item is None or item.one is None:
            self.owner.refuse("There is no set under the cursor.")
            return None
        return item.one if self.owner.may_plan() else None

    def action_verify(self) -> None:
        """Read the chosen backups from end to end."""
        chosen = self.chosen()
        if self._refused_there(chosen):
            return
        if not self._waits(self.action_verify) and chosen and self._verifying is not None:
            self._verifying.start(chosen)
            self._reading.resume()
            self.query_one(Rows).refresh()

    def action_copy(self) -> None:
        """Copy the names of the chosen backups."""
        names = " ".join(text.clean(backup.name) for backup in self.chosen())
        if names:
            self.app.copy_to_clipboard(names)
            self.owner.tell(f"Copied, where the terminal allows it: {names}")

    def _sets_to_change(self) -> tuple[SetView, ...]:
        """Return the chosen sets; none, and say why, where nothing is written on them."""
        found = {row.one.key: row.one for row in self.chosen_rows() if row.one is not None}
        if not found:
            self.owner.refuse("There is no set under the cursor.")
        elif self.owner.may_change() and not self._refused_there(
            part for one in found.values() for part in one.backups
        ):
            return tuple(found.values())
        return ()

    def action_keep(self) -> None:
        """Mark the chosen sets to be kept, or take the marks off."""
        if not self._waits(self.action_keep) and (chosen := self._sets_to_change()):
            turn_mark(self, chosen, self.action_refresh_list)

    def action_note(self) -> None:
        """Write another note for the chosen sets."""
        if not self._waits(self.action_note) and (chosen := self._sets_to_change()):
            gone = Doomed(backups=tuple(part for one in chosen for part in one.backups)).gone
            ask_note(self, chosen, self.action_refresh_list, lambda: gone(self._backups.value))

    def action_delete(self) -> None:
        """Ask, then delete the chosen backups and unfinished files: all of them, or none."""
        if self._waits(self.action_delete):
            return
        chosen, backups = self.chosen_rows(), self.chosen()
        unfinished = tuple(row.unfinished for row in chosen if row.unfinished is not None)
        if chosen and not backups and not unfinished:
            self.owner.refuse(NOT_OURS)
        elif chosen and self.owner.may_start() and not self._refused_there(backups):
            doomed = Doomed(backups=backups, unfinished=unfinished)
            ask_deletion(self, doomed, lambda: self._backups.value, self._deleted)

    def _deleted(self) -> None:
        self._marks.clear()
        self.action_refresh_list()
