"""A command in the foreground watches its job: lines as they come, and its exit code at the end.

The job runs in a process and a session of its own, so nothing that happens here can harm it. The
first Ctrl-C asks it to cancel, the second only stops the watching; a hang-up stops the watching.
Lines that cannot be written are lost to the watcher; the job and its exit code do not change.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Collection
from typing import Final

from core.cli.console import Console
from core.cli.interruptions import Interruptions
from core.errors import MagerewindError
from core.event_lines import to_line
from core.events import Event, Noted, RollbackPlanned, Stamped, Warned
from core.jobs.client import Client
from core.jobs.state import JobState, StepState
from core.text import numbers
from core.text.lines import NAMES_SHOWN, Narrator, error, note, warning
from core.text.printable import printable, shortened
from core.text.steps import step_label

POLL_S: Final = 0.02


class _Detached(Exception):
    """The watching ends before the job does."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


def _totals(step: StepState) -> str:
    done = numbers.size(step.done_bytes)
    if step.total_bytes:
        share = numbers.percent(step.done_bytes, step.total_bytes)
        done = f"{done} of {numbers.size(step.total_bytes)}, {share}"
    return done


def progress_text(state: JobState) -> str:
    """Return how far the running step has come, in one line; empty between steps."""
    step = state.current_step
    if step is None:
        return ""
    parts = [step_label(step.step, step.kind)]
    if step.done_bytes:
        parts.append(_totals(step))
    if state.rate and step.done_bytes:
        parts.append(numbers.rate(state.rate))
    remaining_s = state.remaining_s
    if remaining_s is not None and step.done_bytes:
        about = f"about {numbers.roughly(remaining_s)}"
        parts.append(f"store opens in {about}" if state.opens else f"{about} left")
    if step.current:
        parts.append(shortened(step.current, 60))
    return "  ".join(parts)


class ConsoleFollower:
    """Shows one job from its first event, or from the one after `after_seq`, to its end."""

    def __init__(
        self,
        client: Client,
        console: Console,
        interruptions: Interruptions,
        *,
        verbose: int = 0,
        cancels: bool = True,
        told: Collection[tuple[str, str]] = (),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._console = console
        self._interruptions = interruptions
        self._verbose = verbose
        self._cancels = cancels  # Ctrl-C asks the job to cancel; else it only stops the watching
        self._told = frozenset(told)  # code and message of findings shown before the start
        self._sleep = sleep
        self._asked = False

    def follow(self, job_id: str, *, after_seq: int = -1) -> int:
        """Show the job and return its exit code, or that of the signal that ended the watching."""
        narrator = Narrator(names_shown=None if self._verbose else NAMES_SHOWN)
        try:
            with self._interruptions.following():
                for stamped in self._client.follow(
                    job_id, interval_s=POLL_S, sleep=lambda time_s: self._wait(job_id, time_s)
                ):
                    self._show(narrator, stamped, after_seq)
                    self._look(job_id)
        except _Detached as detached:
            self._console.end_progress()
            self._console.say_what_was_lost()
            self._say_detached(job_id)
            return detached.code
        self._console.end_progress()
        self._console.say_what_was_lost()
        return self._result(job_id, narrator.state)

    def _show(self, narrator: Narrator, stamped: Stamped, after_seq: int) -> None:
        lines = narrator.tell(stamped)
        if stamped.seq <= after_seq:
            return
        if self._console.as_json:
            # The line of the stream, with nothing in it that a terminal would obey.
            self._console.print_json(json.loads(to_line(stamped)))
        elif self._verbose or not self._was_told(stamped.event):
            self._console.say(*lines)
        width = shutil.get_terminal_size().columns
        self._console.progress(progress_text(narrator.state), width=width)

    def _was_told(self, event: Event) -> bool:
        """Return whether a person has just read it beside the question."""
        if isinstance(event, Warned | Noted):
            return (event.code, event.message) in self._told
        return isinstance(event, RollbackPlanned)

    def _wait(self, job_id: str, time_s: float) -> None:
        self._look(job_id)
        self._sleep(time_s)
        self._look(job_id)

    def _look(self, job_id: str) -> None:
        """Do the acts that the received signals ask for."""
        if self._interruptions.gone is not None:
            raise _Detached(128 + self._interruptions.gone)
        asked = self._interruptions.asked
        if asked > 1 or (asked and not self._cancels):
            raise _Detached(130)
        if asked and not self._asked:
            self._asked = True
            self._console.say(
                note("Asking the job to cancel. Ctrl-C again stops watching and leaves it to that.")
            )
            try:
                self._client.cancel(job_id)
            except MagerewindError as failure:
                self._console.say(warning(failure.message))

    def _say_detached(self, job_id: str) -> None:
        goes_on = "is being cancelled" if self._asked else "goes on"
        self._console.say(
            note(f"The job {goes_on} without this terminal: magerewind job:attach {job_id}")
        )

    def _result(self, job_id: str, state: JobState) -> int:
        if state.ended is not None:
            return state.ended.exit_code
        self._console.say(
            error(f"The process of job {printable(job_id)} is gone before the job's end."),
            note("magerewind job:recover brings the store back to a whole state."),
        )
        return 1
