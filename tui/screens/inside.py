"""Inside a backup: its directories open, its tables are listed, one part is compared or taken out.

Nothing here changes the store: `p` opens the plan of a rollback of that one part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content

from core.archive.tree.patterns import quoted
from core.events import Kind
from core.operations.requests import RollbackRequest
from tui.engine.plan_port import PAGE, InsideView
from tui.engine.views import BackupView, SetView
from tui.render import inside, text
from tui.render.text import assemble
from tui.screens.ask import Prompt
from tui.screens.difference_pane import DifferencePane
from tui.screens.page import Page
from tui.screens.rollback import Rollback
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows

_TITLES = {Kind.CODE: "Code", Kind.MEDIA: "Media", Kind.DB: "Database"}


class Inside(Page):
    """One set, part by part."""

    PURPOSE = """What a backup holds, without a rollback. Enter opens a directory; = compares the
        entry, or the table, under the cursor with the store now; x writes it into a directory
        outside the store; p plans a rollback of it alone."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("equals_sign,tab", "compare", "Diff", tooltip="Compare it with the store now."),
        Binding("x", "extract", "Extract", tooltip="Write it into a directory elsewhere."),
        Binding("p", "put_back", "Put back", tooltip="Plan a rollback of this one alone."),
        Binding("t", "turn", "Next part", tooltip="Go to code, media or the database."),
        Binding("right", "unfold(True)", "Open", show=False),
        Binding("left", "unfold(False)", "Fold", show=False),
    ]
    HINTS = (
        Hint(key="enter", words="Open"),
        Hint(key="equals_sign", words="Diff"),
        Hint(key="x", words="Extract"),
        Hint(key="p", words="Put back"),
        Hint(key="t", words="Next part"),
        BACK,
        HELP,
    )

    def __init__(self, one: SetView, backup: BackupView) -> None:
        super().__init__()
        self._set = one
        self._backup = backup
        self._children: dict[str, list[InsideView]] = {}
        self._unread: set[str] = set()
        self._open: set[str] = set()
        self._items: list[tuple[int, InsideView | str]] = []  # a text: of which there is more
        self._left = 0  # the question that counts

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
                yield Lines(self._draw_head, id="inside-head")
                yield Rows(self._line, id="inside-rows")
            yield DifferencePane()

    def on_mount(self) -> None:
        """Read the top."""
        super().on_mount()
        self.query_one("#plan-pane").display = True
        self._rows.focus()
        self._begin(self._backup)

    def on_unmount(self) -> None:
        """Let what is read end."""
        self._left += 1

    @property
    def _rows(self) -> Rows:
        return self.query_one("#inside-rows", Rows)

    @property
    def _difference(self) -> DifferencePane:
        return self.query_one(DifferencePane)

    @property
    def part(self) -> InsideView | None:
        """What the cursor is on."""
        at = self._rows.cursor
        value = self._items[at][1] if at < len(self._items) else None
        return value if isinstance(value, InsideView) else None

    def _begin(self, backup: BackupView) -> None:
        self._backup = backup
        self._children.clear()
        self._open.clear()
        self._unread.clear()
        self._left += 1
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
        is_open = value.path in self._open
        return inside.row(value, depth, width, self.owner.glyphs, is_open=is_open)

    def _seen(self) -> Iterator[tuple[int, InsideView | str]]:
        stack = [("", iter(self._children.get("", ())))]
        while stack:
            directory, parts = stack[-1]
            part = next(parts, None)
            depth = len(stack) - 1
            if part is None:
                stack.pop()
                if directory in self._unread:
                    yield depth, directory
                continue
            yield depth, part
            if part.kind == "directory" and part.path in self._open:
                stack.append((part.path, iter(self._children.get(part.path, ()))))

    def _list(self, cursor: int | None = None) -> None:
        self._items = list(self._seen())
        self._rows.show(len(self._items), cursor=cursor)
        self.query_one("#inside-head", Lines).show(self._draw_head)
        self._look()

    def _read(self, directory: str) -> None:
        """Read a directory aside, or more of it."""
        number, engine, name = self._left, self.owner.engine, self._backup.name
        known = self._children.get(directory, [])
        after = "" if not known else str(len(known)) if self._is_dump else known[-1].path

        def came(value: tuple[InsideView, ...] | Exception) -> None:
            if number != self._left:
                return
            if isinstance(value, Exception):
                self._name_it("cannot be read")
                self.owner.complain(value)
                return
            self._children.setdefault(directory, []).extend(value)
            (self._unread.add if len(value) == PAGE else self._unread.discard)(directory)
            self._open.add(directory)
            held = sum(map(len, self._children.values()))
            self._name_it(f"{text.count(held)} shown")
            self._list()

        def read() -> tuple[InsideView, ...]:
            return engine.inside.children(
                name, directory, after=after, stop=lambda: number != self._left
            )

        self.owner.errands.ask(read, came)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Open a directory, more of one, or the difference of a file."""
        if event.rows is not self._rows or not self._items:
            return
        value = self._items[self._rows.cursor][1]
        if isinstance(value, str):
            self._read(value)
        elif value.kind == "directory":
            self.action_unfold(value.path not in self._open)
        else:
            self.action_compare()

    def action_unfold(self, opens: bool) -> None:
        """Open or fold the directory under the cursor."""
        part = self.part
        if part is None or part.kind != "directory":
            return
        if not opens:
            self._open.discard(part.path)
        elif part.path not in self._children:
            self._read(part.path)
            return
        else:
            self._open.add(part.path)
        self._list()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Show what the cursor is on beside it."""
        if event.rows is self._rows:
            self._look()

    def on_resize(self, _event: events.Resize) -> None:
        """Show the difference where there is room for it now."""
        self.call_after_refresh(self._look)

    def action_turn(self) -> None:
        """Go to the next part of the set."""
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
        else:
            super().action_back()

    def action_extract(self) -> None:
        """Ask for a directory, and write the part into it, aside."""
        part, owner, name = self.part, self.owner, self._backup.name
        if part is None:
            return
        number = self._left

        def answered(to: str | None) -> None:
            to = os.path.expanduser((to or "").strip())
            if not to:
                return

            def done(value: tuple[int, int, int] | Exception) -> None:
                if isinstance(value, Exception):
                    owner.complain(value)
                    return
                files, size, left = value
                more = f"; {text.count(left)} left out" if left else ""
                owner.tell(f"{text.plural(files, 'file')}, {text.size(size)}, in {to}{more}")

            owner.errands.ask(
                lambda: owner.engine.inside.extract(
                    name, part.path, to, stop=lambda: number != self._left
                ),
                done,
            )

        lines = (f"{part.path} is written into this directory, which is outside the store:",)
        self.ask(Prompt(title="EXTRACT", lines=lines), answered)

    def action_put_back(self) -> None:
        """Plan a rollback of this one part."""
        part, backup, owner = self.part, self._backup, self.owner
        if part is None or not owner.may_plan():
            return
        if backup.kind is Kind.DB and part.kind != "table":
            owner.refuse("Only tables are put back one by one.")
        elif backup.kind is None:
            owner.refuse("An archive of several kinds is not rolled back.")
        elif backup.kind is Kind.DB:
            request = RollbackRequest(db_file=backup.name, only_table=(part.path,))
            self.app.push_screen(Rollback(request))
        else:
            only = (quoted(part.path),)
            code = backup.name if backup.kind is Kind.CODE else None
            media = backup.name if backup.kind is Kind.MEDIA else None
            request = RollbackRequest(code_file=code, media_file=media, only=only)
            self.app.push_screen(Rollback(request))
