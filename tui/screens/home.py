"""The first screen: the store, its backups, what needs attention, what can be done."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from tui.engine.port import Latest, TimeLimit
from tui.engine.views import BackupsView, DatabaseView, LostView, SpaceView, StoreView
from tui.render import text
from tui.render.row import Row
from tui.render.text import assemble
from tui.screens.attention import attention_of
from tui.screens.lost import ask_repair, maintenance_question, urgent_of
from tui.screens.page import Page
from tui.widgets.form import Form
from tui.widgets.keys import HELP, Hint
from tui.widgets.lines import Lines

LABEL: Final = 14
DATABASE_LIMIT_S: Final = 15.0
FILES_LIMIT_S: Final = 10.0
_MUTED: Final = "$foreground-muted"
_WARNING: Final = "$text-warning"


class Home(Page):
    """What the administrator sees first."""

    PURPOSE = """The store at a glance. Facts are asked side by side: a question mark says what
        could not be found out, and why. Move with the arrow keys and press enter, or press the key
        that stands beside an action."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stay", show=False),
        Binding("b", "choose('backup')", "Back up"),
        Binding("l", "choose('backups')", "Backups"),
        Binding("r", "choose('rollback')", "Roll back"),
        Binding("h", "choose('history')", "History"),
        Binding("i", "choose('recover')", "Recover"),
        Binding("u", "choose('undo')", "Undo the last rollback"),
        Binding("m", "choose('open')", "Turn maintenance mode off"),
        Binding("f5", "refresh_facts", "Look again"),
        Binding("d", "choose('discard')", "Discard the undo"),
    ]
    HINTS = (
        Hint(key="b", words="Back up"),
        Hint(key="r", words="Roll back"),
        Hint(key="enter", words="Open"),
        Hint(key="h", words="History"),
        HELP,
        Hint(key="q", words="Quit", last=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self._store: Latest[StoreView] = Latest()
        self._database: Latest[DatabaseView] = Latest()
        self._space: Latest[SpaceView] = Latest()
        self._backups: Latest[BackupsView] = Latest()
        self._lost: Latest[tuple[LostView, ...]] = Latest()
        self._urgent = ""
        self._has_asked = False

    def body(self) -> ComposeResult:
        """Two columns where there is room."""
        with VerticalScroll(id="home", can_focus=False), Horizontal(classes="columns"):
            with Vertical(classes="column"):
                yield Lines(self._draw_store, id="store")
                yield Lines(self._draw_attention, id="attention")
                yield Form(id="actions")
            with Vertical(classes="column second"):
                yield Lines(self._draw_backups, id="backups")
                yield Lines(self._draw_jobs, id="jobs")

    def on_mount(self) -> None:
        """Ask for all facts."""
        super().on_mount()
        self.query_one(Form).focus()
        self.redraw()
        # After the first picture: the engine's modules are loaded by the first question.
        self.call_after_refresh(self._ask_for_facts)

    def on_screen_resume(self) -> None:
        """Look again: another screen may have changed what is shown."""
        super().on_screen_resume()
        if self._has_asked:
            self._ask_for_facts()

    def jobs_changed(self) -> None:
        """Look again: a job that has begun or ended leaves traces everywhere."""
        self._ask_for_facts()

    def action_stay(self) -> None:
        """Esc never ends the application."""

    def action_refresh_facts(self) -> None:
        """Look for jobs, and ask for every fact anew."""
        self.owner.look_for_jobs()
        self._ask_for_facts()

    def _ask_for_facts(self) -> None:
        """Ask for every fact, side by side."""
        self._has_asked = True
        engine, errands = self.owner.engine, self.owner.errands

        def store_changed(value: StoreView | Exception) -> None:
            if isinstance(value, StoreView):
                if value.read_only and not self.owner.read_only:
                    self.owner.read_only = value.read_only
                self.refresh_bar()
            self.redraw()

        def changed(_value: object) -> None:
            self.redraw()

        self._store.ask(errands, engine.store, store_changed, limit_s=FILES_LIMIT_S)
        self._space.ask(errands, engine.space, changed, limit_s=FILES_LIMIT_S)
        self._backups.ask(errands, engine.backups, changed, limit_s=FILES_LIMIT_S)
        self._database.ask(errands, engine.database, changed, limit_s=DATABASE_LIMIT_S)
        self._lost.ask(errands, engine.lost, changed, limit_s=DATABASE_LIMIT_S)
        self.redraw()

    def _redraw(self) -> None:
        self.query_one("#store", Lines).show(self._draw_store)
        self.query_one("#attention", Lines).show(self._draw_attention)
        self.query_one("#backups", Lines).show(self._draw_backups)
        self.query_one("#jobs", Lines).show(self._draw_jobs)
        form, rows = self.query_one(Form), self._actions()
        form.fill(rows)
        urgent = rows[1].key
        if urgent != self._urgent:
            # What has become the most urgent is under the cursor; enter does it.
            self._urgent = urgent
            form.move_to(urgent)

    # Drawing

    def _fact(self, label: str, value: str, width: int, style: str = "") -> Content:
        room = max(8, width - LABEL - 1)
        return assemble(
            (" " + text.fit(label, LABEL, self.owner.glyphs), "$foreground-muted"),
            (text.fit(text.clean(value), room, self.owner.glyphs), style),
        )

    def _folded(self, label: str, value: str, width: int, style: str) -> list[Content]:
        """Return a fact in as many rows as it takes: of what is wrong nothing is cut."""
        rows = text.fold(text.clean(value), width - LABEL - 1)
        return [
            assemble(
                (" " + text.fit("" if number else label, LABEL, self.owner.glyphs), _MUTED),
                (row, style),
            )
            for number, row in enumerate(rows)
        ]

    def _unknown(self, label: str, value: Exception | None, width: int) -> list[Content]:
        if value is None:
            return [self._fact(label, self.owner.glyphs.ellipsis, width)]
        if isinstance(value, TimeLimit):
            return [self._fact(label, "? no answer within the time limit", width, _WARNING)]
        said = [getattr(value, "message", str(value)), getattr(value, "hint", None) or ""]
        return self._folded(label, f"? {' '.join(filter(None, said))}", width, _WARNING)

    def _draw_store(self, width: int) -> list[Content]:
        owner = self.owner
        rows = [self._title("STORE")]
        rows.append(self._fact("Root", owner.engine.root, width, "bold"))
        store = self._store.value
        if isinstance(store, StoreView):
            version = " ".join(part for part in (store.version, store.edition) if part)
            rows.append(self._fact("Magento", version or "version not known", width))
            rows.append(self._fact("Mode", f"{store.mode or '?'}, owner {store.owner}", width))
        else:
            rows.extend(self._unknown("Magento", store, width))
            rows.append(self._fact("Mode", owner.glyphs.ellipsis, width))
        rows.extend(self._maintenance(width))
        database = self._database.value
        if isinstance(database, DatabaseView):
            rows.append(self._fact("Database", database.where, width))
            rows.extend(self._database_size(database, width))
        else:
            unknown = self._unknown("Database", database, width)
            rows.extend(unknown if len(unknown) > 1 else [*unknown, Content("")])
        space = self._space.value
        if isinstance(space, SpaceView):
            value = f"{text.size(space.free_bytes)} of {text.size(space.total_bytes)}"
            rows.append(self._fact("Free space", value, width))
        else:
            rows.extend(self._unknown("Free space", space, width))
        if not self.has_class("-wide"):
            rows.extend(self._backups_in_short(width))
        return rows

    def _database_size(self, database: DatabaseView, width: int) -> list[Content]:
        if database.problem is not None:
            return self._folded("", f"? {database.problem}", width, _WARNING)
        tables = text.plural(database.tables or 0, "table")
        return [self._fact("", f"{text.size(database.size_bytes)} in {tables}", width)]

    def _maintenance(self, width: int) -> list[Content]:
        state = self.owner.maintenance
        if state is None:
            return [self._fact("Maintenance", self.owner.glyphs.ellipsis, width)]
        if not state:
            return self._serving(width)
        store = self._store.value
        value = "ON: the store is closed to customers"
        if isinstance(store, StoreView) and store.addresses:
            value += f", except {store.addresses}"
        return self._folded("Maintenance", value, width, "$text-error bold")

    def _serving(self, width: int) -> list[Content]:
        """Return that nothing closes the store, and what keeps it from serving nevertheless."""
        health = self.owner.health
        if health is None:
            return [self._fact("Maintenance", "off", width)]
        if health.broken:
            value = f"off, but the store is DOWN: {health.words}"
            return self._folded("Maintenance", value, width, "$text-error bold")
        return [self._fact("Maintenance", "off: the store is open", width)]

    def _backups_in_short(self, width: int) -> list[Content]:
        owner, backups = self.owner, self._backups.value
        if not isinstance(backups, BackupsView):
            return [*self._unknown("Backups", backups, width), Content("")]
        if not backups.sets:
            none = self._fact("Backups", "none yet: b makes the first one", width)
            return [none, Content("")]
        newest = backups.sets[0]
        when = f"{text.local_time(newest.timestamp, owner.zone)} {text.zone_name(owner.zone)}"
        ago = text.age(newest.timestamp, owner.clock())
        kinds = " ".join(kind.value for kind in newest.kinds)
        number = text.plural(len(backups.sets), "set")
        total = f"{number}, {text.size(backups.size_bytes)} in var/backups"
        return [
            self._fact("Backups", total, width),
            self._fact("", f"newest {ago}, {when}: {kinds}", width),
        ]

    def _draw_backups(self, width: int) -> list[Content]:
        owner, backups = self.owner, self._backups.value
        rows = [self._title(f"BACKUPS  times are {text.zone_name(owner.zone)}")]
        if not isinstance(backups, BackupsView):
            return [*rows, *self._unknown("", backups, width)]
        if not backups.sets:
            return [*rows, assemble((" none yet: b makes the first one", "$foreground-muted"))]
        for one in backups.sets[:8]:
            when = text.local_time(one.timestamp, owner.zone)
            rest = f"{text.fit(text.kinds_text(one.kinds), 14, owner.glyphs)} "
            rest += f"{text.right(text.size(one.size_bytes), 8)}  {one.health}"
            rows.append(assemble(" ", text.fit(f"{when}  {rest}", width - 1, owner.glyphs)))
        more = len(backups.sets) - 8
        if more > 0:
            rows.append(assemble((f" and {more} more", "$foreground-muted")))
        sets = text.plural(len(backups.sets), "set")
        rows.append(assemble((f" {sets}, {text.size(backups.size_bytes)}", "$foreground-muted")))
        return rows

    def _draw_jobs(self, width: int) -> list[Content]:
        owner = self.owner
        if not self.has_class("-wide"):
            return []
        rows = [Content(""), self._title("RECENT JOBS")]
        for job in owner.jobs[:8]:
            when = text.began_time(job, owner.zone)
            words = text.fit(text.OPERATION_WORDS[job.operation], 17, owner.glyphs)
            line = f"{when}  {words} {text.job_outcome(job)}"
            rows.append(assemble(" ", text.fit(line, width - 1, owner.glyphs)))
        if not owner.jobs:
            rows.append(assemble((" none yet", "$foreground-muted")))
        return rows

    def _title(self, words: str) -> Content:
        return assemble((f" {words}", "bold $text-accent"))

    def attention(self) -> list[tuple[str, str]]:
        """Return what needs attention, as text and style, worst first."""
        return attention_of(self.owner, self._store.value, self._backups.value, self._lost.value)

    def _draw_attention(self, width: int) -> list[Content]:
        found = self.attention()
        if not found:
            return [Content("")]
        rows = [Content("")] if self.has_class("-wide") else []
        rows.append(self._title("ATTENTION"))
        sign = self.owner.glyphs.warning
        for words, style in found:
            folded = text.fold(words, width - 3)
            rows.extend(
                assemble((f" {' ' if number else sign} {row}", style))
                for number, row in enumerate(folded)
            )
        return rows

    def _actions(self) -> list[Row]:
        owner = self.owner
        locked = ""
        if owner.interrupted_job is not None:
            locked = "A job was interrupted: recover it first (i)."
        elif owner.running_job is not None:
            locked = "A job is running: j shows it."
        planned = locked  # what shows a plan before it starts anything
        if owner.read_only:
            locked = f"Read-only: {owner.read_only}."
        rows: list[Row] = [self._heading()]
        if owner.interrupted_job is not None:
            rows.append(self._action("recover", "i", "Recover the interrupted job"))
        elif owner.running_job is None and urgent_of(self._lost.value) is not None:
            rows.append(self._action("recover", "i", "Recover a job without its memory", locked))
        if owner.running_job is not None:
            rows.append(self._action("job", "j", "Show the running job"))
        if owner.maintenance and owner.running_job is None:
            rows.append(self._action("open", "m", "Turn maintenance mode off", locked))
        rows.append(self._action("backup", "b", "Back up the store", planned))
        rows.append(self._action("backups", "l", "Backups: browse, verify, delete"))
        none = isinstance(self._backups.value, BackupsView) and not self._backups.value.sets
        reason = planned or ("There is no backup to roll back to." if none else "")
        rows.append(self._action("rollback", "r", "Roll the store back to a backup", reason))
        if owner.undoable_job is not None:
            rows.append(self._action("undo", "u", "Undo the last rollback", planned))
            rows.append(self._action("discard", "d", "Discard the undo and free its space", locked))
        rows.append(self._action("history", "h", "History of jobs"))
        rows.append(self._action("quit", "q", "Quit"))
        return rows

    def _heading(self) -> Row:
        return Row("heading", lambda _width: self._title("WHAT TO DO"), heading=True)

    def _action(self, key: str, shortcut: str, words: str, refusal: str = "") -> Row:
        glyphs = self.owner.glyphs

        def draw(width: int) -> Content:
            style = "$foreground-muted" if refusal else ""
            label = f"   {shortcut}  {words}" + ("  (not now)" if refusal else "")
            return assemble((text.fit(label, width, glyphs), style))

        return Row(key, draw, refusal=refusal)

    # Doing

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Do what the row says."""
        self.action_choose(event.key)

    def action_choose(self, key: str) -> None:
        """Do what an action of the list does, unless it is refused there."""
        row = next((row for row in self._actions() if row.key == key), None)
        absent = {
            "recover": "No job was interrupted.",
            "undo": "No rollback keeps an undo.",
            "discard": "No rollback keeps an undo.",
            "open": "Maintenance mode is off.",
        }
        if row is None:
            self.owner.refuse(absent.get(key, "Not now."))
        elif row.refusal:
            self.owner.refuse(row.refusal)
        else:
            self._open(key)

    def _open(self, key: str) -> None:
        owner, lost = self.owner, urgent_of(self._lost.value)
        match key:
            case "job":
                owner.action_job()
            case "quit":
                owner.action_leave()
            case "recover" if owner.interrupted_job is None and lost is not None:
                ask_repair(self, lost)
            case "open":
                self._turn_maintenance_off()
            case _:
                owner.open_page(key)

    def _turn_maintenance_off(self) -> None:
        def answered(agreed: bool | None) -> None:
            if agreed:
                self.owner.errands.ask(self.owner.engine.open_store, opened, limit_s=FILES_LIMIT_S)

        def opened(value: object) -> None:
            if isinstance(value, Exception):
                self.owner.complain(value)
            self.action_refresh_facts()

        self.app.push_screen(maintenance_question(self._lost.value), answered)
