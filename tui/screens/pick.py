"""Rollback, the first of four steps: which set, or which single files, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from core.errors import UsageError
from core.events import Kind
from core.operations.requests import RollbackRequest
from tui.engine.copies import located
from tui.engine.views import BackupsView, BackupView
from tui.render import text
from tui.render.row import Row
from tui.render.text import assemble
from tui.screens.page import Page
from tui.widgets.form import Form
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines

LIMIT_S: Final = 10.0


class Pick(Page):
    """Choose what to roll back to."""

    CRUMB = "Roll back  1/3 pick"
    PURPOSE = """Nothing is changed before the last of the four steps. Choose code, media and db
        with the space bar; the arrow keys left and right take another backup of the kind under the
        cursor. All parts come into force together or not at all."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Next", tooltip="See what will change; nothing is changed yet."),
        Binding("less_than_sign,left", "other(1)", "Older", tooltip="Take an older backup."),
        Binding("greater_than_sign,right", "other(-1)", "Newer", tooltip="Take a newer backup."),
    ]
    HINTS = (
        Hint(key="n", words="Next: what will change"),
        Hint(key="space", words="Choose"),
        Hint(key="less_than_sign", words="Older"),
        Hint(key="greater_than_sign", words="Newer"),
        BACK,
        HELP,
    )

    def __init__(self, timestamp: int | None = None) -> None:
        super().__init__()
        self._timestamp = timestamp
        self._backups: BackupsView | Exception | None = None
        self.files: dict[Kind, BackupView] = {}
        self.kinds: set[Kind] = set()
        self.keep_env = False
        self.flush = True
        self.partial = False
        self.map_collations = False
        self.keep_stripped = False

    def body(self) -> ComposeResult:
        """Show the form."""
        with VerticalScroll(id="pick", can_focus=False):
            yield Form(id="form")
            yield Lines(self._draw_after, id="after")

    def on_mount(self) -> None:
        """Read the list of backups."""
        super().on_mount()
        self.query_one(Form).focus()
        self.owner.errands.ask(self.owner.engine.backups, self._listed, limit_s=LIMIT_S)

    def _listed(self, value: BackupsView | Exception) -> None:
        self._backups = value
        if isinstance(value, BackupsView):
            self._take_set(value)
        self.redraw()

    def _take_set(self, backups: BackupsView) -> None:
        """Begin with the wanted set, else the newest good backup of each kind."""
        for one in backups.sets:
            if one.timestamp == self._timestamp:
                self.files = {kind: backup for kind in Kind if (backup := one.of(kind))}
                self.kinds = set(self.files)
        health = self.owner.health
        if self._timestamp is None and health is not None and health.way_back:
            # What is broken is begun with: that is what the message on the first screen offers.
            wanted = set((health.backups or {}).values())
            for backup in (backup for one in backups.sets for backup in one.backups):
                if backup.name in wanted and backup.kind is not None:
                    self.files[backup.kind] = backup
                    self.kinds.add(backup.kind)
        for kind in Kind:
            good = backups.good(kind)
            if kind not in self.files and good:
                self.files[kind] = good[0]
        if self._timestamp is None and backups.sets and not self.kinds:
            newest = max(
                (file.timestamp for file in self.files.values()), default=backups.sets[0].timestamp
            )
            self.kinds = {kind for kind, file in self.files.items() if file.timestamp == newest}

    def request(self) -> RollbackRequest | None:
        """Return what is chosen, or None while nothing is. Raises UsageError."""
        names = {kind: self.files[kind].name for kind in self.kinds if kind in self.files}
        if not names:
            return None
        request = RollbackRequest(
            code_file=names.get(Kind.CODE),
            media_file=names.get(Kind.MEDIA),
            db_file=names.get(Kind.DB),
            keep_env=self.keep_env,
            flush=self.flush,
            partial=self.partial,
            map_collations=self.map_collations,
            keep_stripped=self.keep_stripped and self._stripped(),
        )
        return located(request, (self.files[kind] for kind in names))

    def refusal(self) -> str:
        """Return why there is nothing to go on with, or an empty text."""
        try:
            request = self.request()
        except UsageError as error:
            return error.message
        return "" if request else "Choose at least one of code, media, db."

    def _stripped(self) -> bool:
        chosen = self.files.get(Kind.DB) if Kind.DB in self.kinds else None
        return chosen is not None and chosen.stripped

    # Drawing

    def _redraw(self) -> None:
        self.query_one(Form).fill(self._rows())
        self.query_one("#after", Lines).show(self._draw_after)

    def _heading(self, key: str, words: str) -> Row:
        return Row(key, lambda _width: assemble((f" {words}", "bold $text-accent")), heading=True)

    def _rows(self) -> list[Row]:
        if not isinstance(self._backups, BackupsView):
            value = self._backups
            words = "Reading var/backups" if value is None else getattr(value, "message", "?")
            folded = text.fold(text.clean(words), (self.size.width or 80) - 4)
            return [self._heading(f"wait {number}", row) for number, row in enumerate(folded)]
        rows = [self._heading("what", "ROLL BACK")]
        rows.extend(Row(kind.value, self._kind_row(kind), refusal=self._why(kind)) for kind in Kind)
        rows.append(self._heading("options", "OPTIONS"))
        rows.append(self._box("keep_env", self.keep_env, "Keep the present app/etc/env.php"))
        rows.append(self._box("flush", self.flush, "Flush the caches before opening"))
        rows.append(
            self._box("partial", self.partial, "Only what the backups hold: remove nothing")
        )
        rows.append(
            self._box("map_collations", self.map_collations, "Map collations this server lacks")
        )
        if self._stripped():
            words = "Keep the present rows of tables it has none of"
            rows.append(self._box("keep_stripped", self.keep_stripped, words))
        refusal = self.refusal()
        style = "$foreground-muted" if refusal else "bold $text-success"
        glyphs = self.owner.glyphs
        label = "     n  Next: see what will change"
        rows.append(
            Row(
                "next",
                lambda width: assemble((text.fit(label, width, glyphs), style)),
                refusal=refusal,
            )
        )
        return rows

    def _why(self, kind: Kind) -> str:
        return "" if kind in self.files else f"There is no backup of {kind.value}."

    def _kind_row(self, kind: Kind) -> Callable[[int], Content]:
        def draw(width: int) -> Content:
            owner = self.owner
            backup = self.files.get(kind)
            box = owner.glyphs.on if kind in self.kinds else owner.glyphs.off
            if backup is None:
                line = f"   {box} {kind.value:<6} no backup of this kind"
                return assemble((text.fit(line, width, owner.glyphs), "$foreground-muted"))
            when = text.local_time(backup.timestamp, owner.zone)
            ago = text.fit(text.age(backup.timestamp, owner.clock()), 15, owner.glyphs)
            size = text.right(text.size(backup.size_bytes), 9)
            place = f"  in {', '.join(backup.where)}" if backup.origin else ""
            line = f"   {box} {kind.value:<6} {when}  {ago} {size}  {backup.health}{place}"
            style = "bold" if kind in self.kinds else ""
            if backup.health == "damaged":
                style = "bold $text-error"
            return assemble((text.fit(line, width, owner.glyphs), style))

        return draw

    def _box(self, key: str, ticked: bool, words: str) -> Row:
        glyphs = self.owner.glyphs
        box = glyphs.on if ticked else glyphs.off
        return Row(key, lambda width: Content(text.fit(f"   {box} {words}", width, glyphs)))

    def _draw_after(self, width: int) -> list[Content]:
        glyphs = self.owner.glyphs
        rows = [Content("")]
        for kind in Kind:
            if kind in self.kinds and kind in self.files:
                name = text.fit(f"   {text.clean(self.files[kind].name)}", width, glyphs)
                rows.append(assemble((name, "$foreground-muted")))
        moments = {self.files[kind].timestamp for kind in self.kinds if kind in self.files}
        if len(moments) > 1:
            words = f" {glyphs.warning} These backups are of different moments: they may not match."
            rows.append(assemble((text.fit(words, width, glyphs), "$text-warning")))
        rows.append(Content(""))
        rows.append(
            assemble(
                (" The next step reads the backups and the store; nothing is changed yet.", "")
            )
        )
        return rows

    # Doing

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Tick, or go on."""
        match event.key:
            case "keep_env":
                self.keep_env = not self.keep_env
            case "flush":
                self.flush = not self.flush
            case "partial":
                self.partial = not self.partial
            case "map_collations":
                self.map_collations = not self.map_collations
            case "keep_stripped":
                self.keep_stripped = not self.keep_stripped
            case "next":
                self.action_next()
            case kind:
                self.kinds ^= {Kind(kind)}
        self.redraw()

    def action_other(self, step: int) -> None:
        """Take the next older (1) or newer (-1) backup of the kind under the cursor."""
        key = self.query_one(Form).key
        backups = self._backups
        if key not in set(Kind) or not isinstance(backups, BackupsView):
            self.owner.refuse("Put the cursor on code, media or db first.")
            return
        kind = Kind(key)
        known = [backup for one in backups.sets for backup in one.backups if backup.kind is kind]
        if kind not in self.files:
            self.owner.refuse(self._why(kind))
            return
        place = known.index(self.files[kind]) + step
        if not 0 <= place < len(known):
            self.owner.refuse(f"There is no {'older' if step > 0 else 'newer'} backup of {kind}.")
            return
        self.files[kind] = known[place]
        self.kinds.add(kind)
        self.redraw()

    def action_next(self) -> None:
        """Go on to what will change."""
        refusal = self.refusal()
        request = None if refusal else self.request()
        if request is None:
            self.owner.refuse(refusal)
        else:
            from tui.screens.rollback import Rollback  # noqa: PLC0415 - loaded when it is needed

            self.app.push_screen(Rollback(request))
