"""Directories of a backup being compared with the store, the one asked for last first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from tui.engine.inside_port import StandingView
from tui.engine.port import Engine, QuestionThreads

_AT_ONCE: Final = 2  # comparisons


class StandingQueue:
    """The queue for one backup; `leave` ends it, and nothing comes back afterwards.

    `found` gets relations of parts to the store as they become known, `ended` the end of each
    comparison: None, or its error.
    """

    def __init__(
        self,
        engine: Engine,
        questions: QuestionThreads,
        name: str,
        found: Callable[[tuple[StandingView, ...]], object],
        ended: Callable[[Exception | None], object],
    ) -> None:
        self._engine = engine
        self._questions = questions
        self._name = name
        self._found = found
        self._ended = ended
        self._waiting: list[str] = []
        self._for_hits: set[str] = set()
        self._begun: set[str] = set()
        self._running = 0
        self._left = False

    @property
    def busy(self) -> bool:
        """Whether something is being compared."""
        return self._running > 0

    def leave(self) -> None:
        """End the comparisons."""
        self._left = True

    def opened(self, directory: str) -> None:
        """Compare a directory that was opened, unless that was done already."""
        if directory not in self._begun:
            self._for_hits.discard(directory)
            self._waiting.append(directory)
            self._next()

    def hit(self, paths: Iterable[str]) -> None:
        """Compare the directories of what a search has found, and no more those of the last one."""
        self._waiting = [one for one in self._waiting if one not in self._for_hits]
        parents = dict.fromkeys(path.rpartition("/")[0] for path in paths)
        fresh = [one for one in parents if one not in self._begun and one not in self._waiting]
        self._for_hits = set(fresh)
        self._waiting += reversed(fresh)
        self._next()

    def _next(self) -> None:
        while self._waiting and self._running < _AT_ONCE and not self._left:
            directory = self._waiting.pop()
            self._begun.add(directory)
            self._running += 1
            self._ask(directory)

    def _ask(self, directory: str) -> None:
        engine, name = self._engine, self._name

        def found(views: tuple[StandingView, ...]) -> None:
            if not self._left:
                self._found(views)

        def over(value: Exception | None) -> None:
            if self._left:
                return
            self._running -= 1
            self._next()
            self._ended(value)

        handed = self._questions.handed(found)
        self._questions.ask(
            lambda: engine.inside.standing(name, directory, found=handed, stop=lambda: self._left),
            over,
        )
