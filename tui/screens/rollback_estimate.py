"""The estimated changes and losses of a rollback to a set: read in a thread, once a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual.content import Content

from core.events import Kind
from tui.engine.port import Engine, QuestionThreads
from tui.engine.views import ChangedPart, NewerView, SetView
from tui.render import sets
from tui.render.job import Canvas
from tui.render.text import assemble

LIMIT_S: Final = 40.0
_FILES: Final = (Kind.CODE, Kind.MEDIA)


class RollbackEstimates:
    """Answers by set. One set is looked at at a time; another one ends the look at the last."""

    def __init__(
        self, engine: Engine, questions: QuestionThreads, came: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._questions = questions
        self._came = came
        self._parts: dict[str, dict[Kind, ChangedPart | Exception | None]] = {}
        self._newer: dict[str, NewerView | Exception | None] = {}
        self._looks = 0

    def leave(self) -> None:
        """Let the running look end."""
        self._looks += 1

    def forget(self) -> None:
        """Look anew at every set: the store may be another one now."""
        self.leave()
        self._parts.clear()
        self._newer.clear()

    def look(self, one: SetView) -> None:
        """Look at a set, unless that was done."""
        if one.key in self._parts:
            return
        self._looks += 1
        number, key, at = self._looks, one.key, one.timestamp
        parts = self._parts[key] = {kind: None for kind in _FILES if one.of(kind) is not None}
        for kind in parts:
            self._look_at_files(one, kind, number)
        if one.of(Kind.DB) is not None:
            self._newer[key] = None

            def counted(value: NewerView | Exception) -> None:
                self._newer[key] = value
                self._came()

            engine = self._engine
            self._questions.ask(lambda: engine.newer(at), counted, limit_s=LIMIT_S)
        self._came()

    def _look_at_files(self, one: SetView, kind: Kind, number: int) -> None:
        backup, engine, parts = one.of(kind), self._engine, self._parts[one.key]
        if backup is None:
            return

        def came(value: ChangedPart | Exception) -> None:
            if number == self._looks:
                parts[kind] = value
                self._came()
            elif parts is self._parts.get(one.key):
                del self._parts[one.key]  # it was left: look again when it is come back to

        self._questions.ask(
            lambda: engine.changed(backup, lambda: number != self._looks), came, limit_s=LIMIT_S
        )

    def lines(self, one: SetView, place: Canvas) -> list[Content]:
        """Return the known estimate of a set."""
        head = assemble(
            ("SINCE THEN, ABOUT", "bold $title"), ("   [=] read everything", "$foreground-muted")
        )
        if one.key not in self._parts:
            return [head]
        newer = self._newer.get(one.key)
        rows = sets.would_lines(self._parts[one.key], newer, place)
        if one.key in self._newer and newer is None:
            rows.append(
                assemble(
                    f"{Kind.DB.value:<8}",
                    (f"  looking {place.glyphs.ellipsis}", "$foreground-muted"),
                )
            )
        return [head, sets.changed_head(), *rows]
