"""The first screen: matters that need attention, the store, its backups, changes since, its jobs.

Below 100 columns everything is one stack with the facts in short; from 100 two columns of panels,
from 160 a third with the set under the cursor and the log of the last job.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from core.events import Kind
from tui.engine.views import (
    BackupsView,
    NewerView,
    SetView,
    StoreView,
)
from tui.render import days, facts, sets, text
from tui.render.concern import Concern, concern_lines
from tui.render.facts import Known
from tui.render.first_backup import first_steps
from tui.render.log import tail_lines
from tui.render.text import assemble
from tui.screens.attention import concerns_of
from tui.screens.home_facts import HomeFacts
from tui.screens.home_panels import fit_panels, home_body, narrow_panels, show_first
from tui.screens.lost_jobs import ask_maintenance, ask_repair, urgent_of
from tui.screens.page import Page
from tui.widgets.keys import HELP, Hint
from tui.widgets.lines import Draw, Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows


class Home(Page):
    """The first screen of the administrator."""

    PURPOSE = """The store at a glance. Facts are asked side by side: a question mark says what
        could not be found out, and why. What changed since the newest backup is a cheap look at
        times: about, until a plan has read everything. Keys that act on a message stand beside
        it."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stay", show=False),
        Binding("b", "open('backup')", "Back up", tooltip="Choose what to back up, and start."),
        Binding(
            "r",
            "roll_back",
            "Roll back",
            tooltip="Plan a rollback to the set under the cursor.",
        ),
        Binding(
            "equals_sign",
            "compare",
            "Compare",
            tooltip="Read everything: what a rollback to the set under the cursor would change.",
        ),
        Binding("h", "open('history')", "History", tooltip="All jobs of this store."),
        Binding("full_stop", "next_concern", "Next message", tooltip="Show the next message."),
        Binding("i", "recover", "Recover", tooltip="Bring an interrupted job to a known end."),
        Binding("m", "maintenance", "Maintenance off", tooltip="Open the store again; asks."),
        Binding("u", "open('undo')", "Undo", tooltip="Plan the undo of the last rollback or undo."),
        Binding("f5", "refresh_facts", "Look again", tooltip="Ask for every fact anew."),
        Binding("d", "open('discard')", "Discard the undo", tooltip="Free its space; asks first."),
    ]
    HINTS = (
        Hint(key="b", words="Back up"),
        Hint(key="r", words="Roll back"),
        Hint(key="enter", words="Open"),
        Hint(key="h", words="History"),
        Hint(key="j", words="Job"),
        Hint(key="tab", words="Next panel"),
        HELP,
        Hint(key="ctrl+p", words="Commands"),
        Hint(key="q", words="Quit", last=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self._concern = 0
        self._has_asked = False
        self._facts: HomeFacts

    def body(self) -> ComposeResult:
        """All panels; which of them are seen depends on the width."""
        yield from home_body(self._set_line, self._job_line, self.owner.glyphs)

    def on_mount(self) -> None:
        """Ask for all facts."""
        super().on_mount()
        self._facts = HomeFacts(
            self.owner.engine, self.owner.questions, self._came, self.owner.clock
        )
        self.query_one("#sets", Rows).focus()
        self.redraw()
        # After the first picture: the engine's modules are loaded by the first question.
        self.call_after_refresh(self._ask_for_facts)

    def on_unmount(self) -> None:
        """Let running looks end."""
        self._facts.gone = True

    def on_screen_resume(self) -> None:
        """Look again: another screen may have changed the facts."""
        super().on_screen_resume()
        if self._has_asked:
            self._ask_for_facts()

    def on_resize(self) -> None:
        """Other panels are seen now."""
        self.call_after_refresh(self.redraw)
        if self._has_asked and self._facts.log.value is None:
            self.call_after_refresh(self._ask_for_log)

    def jobs_changed(self) -> None:
        """Look again: a job that has begun or ended leaves traces everywhere."""
        self._facts.look_again()
        self._ask_for_facts()

    def action_stay(self) -> None:
        """Esc never ends the application."""

    def action_refresh_facts(self) -> None:
        """Look for jobs, and ask for every fact anew."""
        self._facts.look_again()
        self.owner.look_for_jobs()
        self._ask_for_facts()

    def _ask_for_facts(self) -> None:
        """Request all facts concurrently; the log of the last job only if it is visible."""
        self._has_asked = True
        owner = self.owner
        self._facts.ask(look=owner.running_job is None)
        self._ask_for_log()
        self.redraw()

    def _ask_for_log(self) -> None:
        """Request the log of the last job if it is visible."""
        if self.owner.jobs and not self.has_class("-narrow"):
            self._facts.ask_log(self.owner.jobs[0].job_id)

    def _came(self) -> None:
        """Take in the meaning of a fact for all screens, and draw."""
        store, owner = self._facts.store.value, self.owner
        if isinstance(self._facts.backups.value, BackupsView):
            owner.listing = self._facts.backups.value
        if isinstance(store, StoreView) and store.read_only and not owner.read_only:
            owner.read_only = store.read_only
            self.refresh_bar()
        self.redraw()

    # Shown facts

    def known(self) -> Known:
        """Return the answers as far as they came."""
        owner, undo = self.owner, self.owner.undoable_job
        return Known(
            store=self._facts.store.value,
            database=self._facts.database.value,
            space=self._facts.space.value,
            backups=self._facts.backups.value,
            maintenance=owner.maintenance,
            broken=None if owner.health is None else bool(owner.health.broken),
            undo_bytes=0 if undo is None else undo.undo_bytes,
            told=() if owner.health is None else owner.health.reasons,
        )

    def sets(self) -> tuple[SetView, ...]:
        """Return the sets, newest first."""
        listing = self._facts.backups.value
        return listing.sets if isinstance(listing, BackupsView) else ()

    def concerns(self) -> list[Concern]:
        """Return the matters that need attention, worst first."""
        return concerns_of(
            self.owner, self._facts.store.value, self._facts.backups.value, self._facts.lost.value
        )

    def _set_line(self, index: int, width: int) -> Content:
        owner = self.owner
        one = self.sets()[index]
        return sets.set_line(one, width, self.drawn_s, owner.zone, owner.glyphs)

    def _job_line(self, index: int, width: int) -> Content:
        owner = self.owner
        return facts.job_line(owner.jobs[index], width, self.drawn_s, owner.zone)

    def _redraw(self) -> None:
        self._draw_attention()
        owner, known = self.owner, self.known()
        wide = self.has_class("-wide") or self.has_class("-huge")
        if wide:
            self._show("store", lambda width: facts.store_lines(known, self.place(width)))
            self._show("space", lambda width: facts.space_lines(known, self.place(width)))
            self._show("changed", self._draw_changed)
            self._show("days", self._draw_days)
            self._show("jobs-head", lambda width: [facts.job_head(width, owner.zone)])
            self.query_one("#jobs", Rows).show(len(owner.jobs))
            self._panel("jobs-panel").name_it("RECENT JOBS", "" if owner.jobs else "none yet")
        else:
            self._show("brief", self._draw_brief)
            self._show("jobs-brief", self._draw_jobs_brief)
        self._draw_sets()
        if wide:
            show_first(self, is_empty=self._facts.is_empty, jobs=len(owner.jobs))
            self._show("first", lambda width: first_steps(self.place(width)))
            self._draw_set()
            fit_panels(self, sets=len(self.sets()), jobs=len(owner.jobs))
            self._draw_log()
        else:
            narrow_panels(self)

    def _show(self, name: str, draw: Draw) -> None:
        self.query_one(f"#{name}", Lines).show(draw)

    def _panel(self, name: str) -> Panel:
        return self.query_one(f"#{name}", Panel)

    def _draw_sets(self) -> None:
        listing, found = self._facts.backups.value, self.sets()
        total = f"{text.plural(len(found), 'set')}, {text.size(sum(s.size_bytes for s in found))}"
        if listing is None:
            total = f"reading {self.owner.glyphs.ellipsis}"
        elif isinstance(listing, Exception):
            total = "? " + text.clean(getattr(listing, "message", "cannot be read"))
        elif not found:
            total = "none yet: [b] makes the first one"
        self._panel("sets-panel").name_it("BACKUPS", total)
        self._show("sets-head", self._draw_sets_head)
        self.query_one("#sets", Rows).show(len(found))

    def _draw_sets_head(self, width: int) -> list[Content]:
        """Return the heads of the columns, or what a first backup would be."""
        if self._facts.is_empty:
            brief = self.has_class("-narrow")
            return self._facts.first_lines(self.place(width), self.owner.zone, brief=brief)
        return [sets.head_line(width, self.owner.zone)] if self.sets() else [Content("")]

    def _draw_attention(self) -> None:
        concerns = self.concerns()
        panel = self._panel("attention")
        panel.display = bool(concerns)
        panel.set_class(any(one.broken for one in concerns), "broken")
        if not concerns:
            return
        self._concern %= len(concerns)
        number = len(concerns)
        fact = f"{self._concern + 1} of {number}   [.] next message" if number > 1 else ""
        panel.name_it("NEEDS ATTENTION", fact)
        height = max(3, self.size.height // 6)
        self._show(
            "concerns",
            lambda width: concern_lines(concerns, self._concern, width, height, self.owner.glyphs),
        )

    def _draw_changed(self, width: int) -> list[Content]:
        newest, place = self._facts.newest(), self.place(width)
        if not newest:
            words = (
                "no backup to compare with" if self._facts.backups.value else place.glyphs.ellipsis
            )
            return [assemble((words, "$foreground-muted"))]
        since = max(backup.timestamp for backup in newest.values())
        moment = text.when(since, place.now_s, self.owner.zone).strip()
        self._panel("changed-panel").name_it(f"CHANGED SINCE {moment}", "about")
        newer = (
            self._facts.newer.value if Kind.DB in newest else NewerView(uncounted=("no backup",))
        )
        return facts.changed_lines(self._facts.parts(), newer, place)

    def _draw_days(self, width: int) -> list[Content]:
        owner, found = self.owner, self.sets()
        now_s, zone = owner.clock(), owner.zone
        return [
            days.strip_line(days.day_states(found, now_s, zone), width, owner.glyphs),
            days.dates_line(now_s, zone, width),
            days.newest_line(found, now_s),
        ]

    def _draw_brief(self, width: int) -> list[Content]:
        owner, place = self.owner, self.place(width)
        rows = facts.brief_lines(self.known(), place)
        newest = self._facts.newest()
        if newest:
            newer = self._facts.newer.value
            words = facts.changed_brief(self._facts.parts(), newer, place)
            since = text.when(
                max(backup.timestamp for backup in newest.values()), place.now_s, owner.zone
            ).strip()
            rows += facts.fact("CHANGED", f"since {since}, about: {words}", place)
        states = days.day_states(self.sets(), owner.clock(), owner.zone)
        label = (f"{'30 DAYS':<{facts.LABEL}}", "$foreground-muted")
        rows.append(assemble(label, days.strip_line(states, width - facts.LABEL, owner.glyphs)))
        return rows

    def _draw_jobs_brief(self, width: int) -> list[Content]:
        return [facts.jobs_brief(self.owner.jobs, self.place(width), self.owner.zone)]

    def _draw_set(self) -> None:
        """Show the set under the cursor in the panel that is there for it."""
        chosen = self._here()
        name = "set-3" if self.has_class("-huge") else "set-2"
        when = (
            ""
            if chosen is None
            else text.when(chosen.timestamp, self.owner.clock(), self.owner.zone)
        )
        self._panel(f"{name}-panel").name_it("THE SET", when.strip())
        self._show(name, lambda width: [] if chosen is None else self._set_block(chosen, width))

    def _draw_log(self) -> None:
        log, glyphs, zone = self._facts.log.value, self.owner.glyphs, self.owner.zone
        rows = log if isinstance(log, tuple) else ()
        for name in ("log-3", "log-below"):
            block = self.query_one(f"#{name}", Lines)

            def draw(width: int, block: Lines = block) -> list[Content]:
                return tail_lines(rows, width, block.size.height, glyphs, zone)

            block.show(draw)

    def _set_block(self, one: SetView, width: int) -> list[Content]:
        place = self.place(width)
        return [*sets.about_lines(one, place), Content(""), *sets.part_lines(one, place)]

    # Doing

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Show the set under the cursor where there is a panel for it."""
        if event.rows.id == "sets" and not self.has_class("-narrow"):
            self._draw_set()

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Open the set, or the job, that the cursor is on."""
        owner = self.owner
        if event.rows.id == "jobs":
            if event.index < len(owner.jobs):
                owner.show_job(owner.jobs[event.index].job_id)
            return
        found = self.sets()
        owner.show_backups(found[event.index].key if event.index < len(found) else None)

    def action_next_concern(self) -> None:
        """Show the next message first."""
        self._concern += 1
        self._draw_attention()

    def _here(self) -> SetView | None:
        """Return the set under the cursor."""
        found, cursor = self.sets(), self.query_one("#sets", Rows).cursor
        return found[cursor] if cursor < len(found) else None

    def action_compare(self) -> None:
        """Plan a rollback to the set under the cursor, which reads everything."""
        one = self._here()
        if one is None:
            self.owner.refuse("There is no backup to compare with.")
        elif self.owner.may_plan():
            self.owner.compare(one)

    def action_roll_back(self) -> None:
        """Plan a rollback to the set under the cursor.

        Of a store that is down, with the cursor where it was at first, it is the one that the
        message offers: of the broken parts alone.
        """
        owner, one, listing = self.owner, self._here(), self._facts.backups.value
        health, first = owner.health, self.query_one("#sets", Rows).cursor == 0
        offered = first and health is not None and bool(health.broken and health.way_back)
        if one is None and isinstance(listing, BackupsView):
            owner.refuse("There is no backup to roll back to.")
        elif owner.may_plan():
            owner.pick(None if one is None or offered else one.key)

    def action_open(self, key: str) -> None:
        """Put the screen of an action on top, or say why not."""
        self.owner.open_page(key)

    def action_recover(self) -> None:
        """Recover an interrupted job, or one whose memory is gone."""
        lost = urgent_of(self._facts.lost.value)
        if self.owner.interrupted_job is None and lost is not None:
            if self.owner.may_start():
                ask_repair(self, lost, lambda: self._facts.lost.value)
        else:
            self.owner.open_page("recover")

    def action_maintenance(self) -> None:
        """Ask whether to turn maintenance mode off."""
        if not self.owner.maintenance:
            self.owner.refuse("Maintenance mode is off.")
            return
        if not self.owner.may_start():
            return
        ask_maintenance(self, self._facts.lost.value, self.action_refresh_facts)
