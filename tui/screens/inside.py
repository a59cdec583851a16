"""Inside a backup: its directories open, its tables are listed, one part is compared or taken out.

Nothing here changes the store: `p` opens the plan of a rollback of that one part.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content

from core.errors import Cancelled
from core.events import Kind
from tui.engine.inside_port import HITS, PAGE, InsideView, StandingView
from tui.engine.inside_tree import InsideTree, Row
from tui.engine.port import Latest
from tui.engine.standing_queue import StandingQueue
from tui.engine.views import BackupView, SetView
from tui.render import inside, text
from tui.render.text import assemble
from tui.screens.difference_pane import DifferencePane
from tui.screens.inside_acts import ask_extract, put_back
from tui.screens.page import Page
from tui.screens.table_rows import TableRows
from tui.widgets.entry import Entry
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows

_MANY: Final = {True: "tables", False: "entries"}
_TITLES: Final = {Kind.CODE: "Code", Kind.MEDIA: "Media", Kind.DB: "Database"}


class Inside(Page):
    """One set, part by part."""

    PURPOSE = """What a backup holds, without a rollback, and how it stands to the store now: of a
        directory what a rollback would bring (+), change (~) and remove (-). Enter opens a
        directory, or the rows of a table; = compares what is under the cursor with the store; x
        writes it into a directory outside the store; p plans a rollback of it alone."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("equals_sign,tab", "compare", "Diff", tooltip="Compare it with the store now."),
        Binding("x", "extract", "Extract", tooltip="Write it into a directory elsewhere."),
        Binding("p", "put_back", "Put back", tooltip="Plan a rollback of this one alone."),
        Binding("slash", "find", "Find", tooltip="Show what has a word in its path."),
        Binding("c", "changes", "Only changes", tooltip="Hide what is the same as in the store."),
        Binding("t", "turn", "Next part", tooltip="Go to code, media or the database."),
        Binding("right", "unfold(True)", "Open", show=False),
        Binding("left", "unfold(False)", "Fold", show=False),
    ]
    HINTS = (
        Hint(key="enter", words="Open"),
        Hint(key="equals_sign", words="Diff"),
        Hint(key="t", words="Part"),
        Hint(key="slash", words="Find"),
        Hint(key="p", words="Put back"),
        Hint(key="x", words="Extract"),
        Hint(key="c", words="Only changes"),
        BACK,
        HELP,
    )

    def __init__(self, one: SetView, backup: BackupView) -> None:
        super().__init__()
        self._set = one
        self._backup = backup
        self._tree = InsideTree(tables=backup.kind is Kind.DB)
        self._items: list[Row] = []
        self._left = 0  # the question that counts
        self._queue: StandingQueue | None = None
        self._search: Latest[tuple[int, tuple[InsideView, ...]]] = Latest(last_only=True)

    @property
    def _is_dump(self) -> bool:
        return self._backup.kind is Kind.DB

    def crumb(self) -> str:
        """Say which set this is."""
        when = text.when(self._set.timestamp, self.owner.clock(), self.owner.zone)
        return f"Backups > {when.strip()}"

    def body(self) -> ComposeResult:
        """Show the tree, and the difference beside it or instead of it."""
        with Vertical(id="plan-pane"), Container(id="plan-columns"):
            with Panel("INSIDE", id="plan-tree", classes="fills"):
                yield Entry(placeholder="a part of the path", id="find")
                yield Lines(self._draw_head, id="inside-head")
                yield Rows(self._line, id="inside-rows")
            yield DifferencePane()

    def on_mount(self) -> None:
        """Read the top."""
        super().on_mount()
        self.query_one("#plan-pane").display = True
        self.query_one("#find").display = False
        self._rows.focus()
        self._begin(self._backup)

    def on_unmount(self) -> None:
        """Let running reads and comparisons end."""
        self._left += 1
        if self._queue is not None:
            self._queue.leave()
        self._search.begin()

    @property
    def _rows(self) -> Rows:
        return self.query_one("#inside-rows", Rows)

    @property
    def _difference(self) -> DifferencePane:
        return self.query_one(DifferencePane)

    @property
    def part(self) -> InsideView | None:
        """The part under the cursor."""
        at = self._rows.cursor
        value = self._items[at][1] if at < len(self._items) else None
        return value if isinstance(value, InsideView) else None

    def _begin(self, backup: BackupView) -> None:
        self._backup = backup
        self._tree = InsideTree(tables=backup.kind is Kind.DB)
        self._left += 1
        if self._queue is not None:
            self._queue.leave()
        owner = self.owner
        self._queue = StandingQueue(
            owner.engine, owner.questions, backup.name, self._stands, self._compared
        )
        if backup.kind is not None:
            self._difference.names = {backup.kind: backup.name}
        self._name_it(f"reading {self.owner.glyphs.ellipsis}")
        self._list(0)
        self._read("")

    def _name_it(self, fact: str) -> None:
        kinds = [one.kind for one in self._set.backups if one.kind is not None]
        words = (
            f"[{_TITLES[kind]}]" if kind is self._backup.kind else _TITLES[kind] for kind in kinds
        )
        self.query_one("#plan-tree", Panel).name_it("  ".join(words) or self._backup.name, fact)

    # Rows

    def _draw_head(self, width: int) -> list[Content]:
        return [inside.head(width, tables=self._is_dump)]

    def _line(self, index: int, width: int) -> Content:
        depth, value = self._items[index]
        if isinstance(value, str):
            words = f"{'  ' * depth}{self.owner.glyphs.ellipsis} more: Enter shows them"
            return assemble((text.fit(words, width, self.owner.glyphs), "$foreground-muted"))
        tree = self._tree
        return inside.row(
            value,
            tree.standing(value),
            depth,
            width,
            self.owner.glyphs,
            is_open=tree.is_open(value),
            whole=tree.hits is not None,
        )

    def _list(self, cursor: int | None = None) -> None:
        """Show the present knowledge; the cursor stays on its part."""
        before = self.part
        self._items = self._tree.rows()
        if cursor is None and before is not None:
            paths = (
                at
                for at, (_, one) in enumerate(self._items)
                if isinstance(one, InsideView) and one.path == before.path
            )
            cursor = next(paths, None)
        self._rows.show(len(self._items), cursor=cursor)
        self.query_one("#inside-head", Lines).show(self._draw_head)
        self._tell()
        self._look()

    def _tell(self) -> None:
        """Say in the title how much is known."""
        known, differ, waiting = self._tree.counts
        words = f"{text.plural(known, 'table' if self._is_dump else 'entry', _MANY[self._is_dump])}"
        if self._tree.hits is not None:
            words = f"{text.count(known)} found"
        if waiting and self._queue is not None and self._queue.busy:
            words += f", comparing {self.owner.glyphs.ellipsis}"
        elif not waiting:
            words += f", {differ} differ" if differ else ", all the same"
        self._name_it(words + (", only changes" if self._tree.only_changes else ""))

    def _read(self, directory: str) -> None:
        """Read a directory, or more of it, in a thread; then compare it with the store."""
        number, engine, name = self._left, self.owner.engine, self._backup.name
        after, is_first = self._tree.behind(directory), not self._tree.is_known(directory)

        def came(value: tuple[InsideView, ...] | Exception) -> None:
            if number != self._left:
                return
            if isinstance(value, Exception):
                self._name_it("cannot be read")
                self.owner.complain(value)
                return
            self._tree.add(directory, value, more=len(value) == PAGE)
            self._list()
            if is_first and self._backup.kind is not None and self._queue is not None:
                self._queue.opened(directory)
                self._tell()

        def read() -> tuple[InsideView, ...]:
            return engine.inside.children(
                name, directory, after=after, stop=lambda: number != self._left
            )

        self.owner.questions.ask(read, came)

    def _stands(self, views: tuple[StandingView, ...]) -> None:
        self._tree.stand(views)
        self._list()

    def _compared(self, error: Exception | None) -> None:
        if error is not None:
            self.owner.complain(error)
        self._tell()

    # Searching, and hiding equal parts

    def action_changes(self) -> None:
        """Hide equal parts, or show them again."""
        self._tree.only_changes = not self._tree.only_changes
        self._list()

    def action_find(self) -> None:
        """Open the field."""
        field = self.query_one("#find", Entry)
        field.display = True
        field.focus()

    def on_input_changed(self, event: Entry.Changed) -> None:
        """Show parts with the word: of a dump at once, of an archive when the index is read."""
        word = event.value.strip()
        if self._is_dump:
            self._tree.word = word.casefold()
            self._list(0)
            return
        is_old = self._search.begin()
        if not word:
            self._tree.hits = None
            self._list(0)
            return
        engine, name = self.owner.engine, self._backup.name
        self._search.ask(
            self.owner.questions,
            lambda: engine.inside.found(name, word, stop=is_old),
            self._found,
            begun=True,
        )

    def _found(self, value: tuple[int, tuple[InsideView, ...]] | Exception) -> None:
        if isinstance(value, Cancelled):
            return
        if isinstance(value, Exception):
            self.owner.complain(value)
            return
        count, self._tree.hits = value
        if self._backup.kind is not None and self._queue is not None:
            self._queue.hit(one.path for one in self._tree.hits)
        self._list(0)
        if count > len(self._tree.hits):
            self.owner.tell(f"{text.count(count)} found; the first {text.count(HITS)} are shown.")

    def on_input_submitted(self, _event: Entry.Submitted) -> None:
        """Go to the search result."""
        self._rows.focus()

    def _close_find(self) -> bool:
        """Take the search away; return whether there was one."""
        field = self.query_one("#find", Entry)
        if not field.display:
            return False
        field.value = ""
        field.display = False
        self._rows.focus()
        return True

    # Moving

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Open a directory, more of one, or the difference of a file."""
        if event.rows is not self._rows or not self._items:
            return
        value = self._items[self._rows.cursor][1]
        if isinstance(value, str):
            self._read(value)
        elif value.kind == "directory":
            self.action_unfold(not self._tree.is_open(value))
        elif value.kind == "table" and not self._tree.is_only_now(value):
            self.app.push_screen(TableRows(self._backup.name, value.path, self.crumb()))
        else:
            self.action_compare()

    def action_unfold(self, opens: bool) -> None:
        """Open or fold the directory under the cursor."""
        part = self.part
        if part is None or part.kind != "directory":
            return
        if opens and not self._tree.is_known(part.path):
            self._read(part.path)
            return
        self._tree.unfold(part.path, opens=opens)
        self._list()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Show the part under the cursor beside the list."""
        if event.rows is self._rows:
            self._look()

    def on_resize(self, _event: events.Resize) -> None:
        """Show the difference where there is room for it now."""
        self.call_after_refresh(self._look)

    def on_panel_title_clicked(self, event: Panel.TitleClicked) -> None:
        """Go to the part that was clicked."""
        word = event.panel.title_at(event.at)
        for one in self._set.backups:
            if one.kind is not None and one is not self._backup and _TITLES[one.kind] == word:
                self._close_find()
                self._begin(one)

    def action_turn(self) -> None:
        """Go to the next part of the set."""
        self._close_find()
        parts = [one for one in self._set.backups if one.kind is not None]
        if self._backup in parts and len(parts) > 1:
            self._begin(parts[(parts.index(self._backup) + 1) % len(parts)])
        else:
            self.owner.refuse("This set has one part only.")

    # One part

    def _look(self) -> None:
        part, pane = self.part, self.query_one("#plan-pane")
        if not (
            self.has_class("-wide") or self.has_class("-huge") or pane.has_class("-difference")
        ):
            return
        is_one = part is not None and part.kind in ("file", "table")
        if part is None or self._backup.kind is None or not is_one:
            self._difference.look(None)
        else:
            self._difference.look((self._backup.kind, part.path))

    def action_compare(self) -> None:
        """Go to the difference, or back."""
        if self._difference.has_focus_within:
            self.action_back()
        elif self.part is not None:
            self.query_one("#plan-pane").add_class("-difference")
            self._look()
            self._difference.focus_rows()

    def action_back(self) -> None:
        """Leave the difference, or this screen."""
        if self._difference.has_focus_within:
            self.query_one("#plan-pane").remove_class("-difference")
            self._rows.focus()
        elif not self._close_find():
            super().action_back()

    def action_extract(self) -> None:
        """Ask for a directory, and write the part into it, in a background thread."""
        part, number = self.part, self._left
        if part is not None and self._tree.is_only_now(part):
            self.owner.refuse("It is only in the store: the backup has nothing to extract.")
        elif part is not None:
            ask_extract(self, self._backup.name, part, stop=lambda: number != self._left)

    def action_put_back(self) -> None:
        """Plan a rollback of this one part."""
        if self.part is not None:
            put_back(self, self._backup, self.part)
