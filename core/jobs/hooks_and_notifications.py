"""The steps around the work of a job: hooks, notifications, metrics.

    begin   notify of the start in the background; hooks `before`, whose failure ends the job
    end     hooks after the work, with the store open again; a failure is a warning
    tell    when the end is on disk: the receivers, all at once, and the file of metrics

None of it delays a proven state: the work is over before `end`, and a kill there leaves only steps
that a recovery runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.config.job_settings import JobSettings, from_json
from core.errors import ForeignState, MagerewindError, reason_of
from core.events import Kind, Operation, Outcome, Warned
from core.jobs.facts import JobFacts
from core.operations import job_files
from core.operations.context import JobContext
from core.operations.hooks import JobHooks
from core.operations.records import WorkFinished
from core.operations.results import JobResult


class HooksAndNotifications:
    """Hooks, notifications and metrics of one job. `facts` sees its events."""

    def __init__(
        self, context: JobContext, settings: JobSettings, facts: JobFacts, start: Mapping[str, Any]
    ) -> None:
        from core.notify.send import Notifications  # noqa: PLC0415 - most jobs have no receivers

        self._context = context
        self._settings = settings
        self._facts = facts
        self._start = dict(start)
        self._hooks = JobHooks(context=context, hooks=settings.hooks)
        self._sending = Notifications(settings.receivers, context.environ)

    def begin(self) -> None:
        """Notify of the start, and run the hooks `before`. Raises HookFailed, Cancelled."""
        self._sending.start(self._start, ())
        self._hooks.run_before(self._start)

    def end_left_over_hook(self) -> None:
        """Kill the hook that a dead runner has left running."""
        self._hooks.end_left_over()

    @property
    def worked(self) -> WorkFinished | None:
        """How the work ended, where a dead runner got that far."""
        return self._context.journal.newest(WorkFinished)

    def end(self, ending: JobResult, *, elapsed_s: float, closed_s: float) -> None:
        """Run the hooks after the work; a failure is a warning. Never raises MagerewindError."""
        context, hooks = self._context, self._settings.hooks
        if not (hooks.on_success or hooks.on_failure or hooks.after):
            return
        try:
            if ending.outcome is not Outcome.CLOSED and not context.journal.has(WorkFinished):
                context.journal.write(
                    WorkFinished(
                        outcome=ending.outcome,
                        exit_code=ending.exit_code,
                        message=ending.message,
                        undo_kept=ending.undo_kept,
                    )
                )
            self._hooks.run_end(ending.outcome, self._end_facts(ending, elapsed_s, closed_s))
        except (OSError, MagerewindError) as error:
            warned = Warned(code="hook", message=f"Hooks were not run: {reason_of(error)}")
            context.say(warned)

    def _end_facts(self, ending: JobResult, elapsed_s: float, closed_s: float) -> dict[str, Any]:
        return self._facts.of_end(
            self._start,
            outcome=ending.outcome,
            exit_code=ending.exit_code,
            elapsed_s=elapsed_s,
            closed_s=closed_s,
            now_s=self._context.clock(),
        )

    def tell(self, ending: JobResult, *, elapsed_s: float, closed_s: float) -> None:
        """Notify of the end, within ten seconds; failures are stated in the stream only."""
        facts = self._end_facts(ending, elapsed_s, closed_s)
        problems = self._sending.end(facts, tuple(self._facts.messages))
        file = self._settings.metrics_file
        if file is not None:
            from core.notify.metrics import write_metrics  # noqa: PLC0415 - as above

            try:
                write_metrics(file, self._context.store.backups, facts, self._context.clock())
            except (OSError, MagerewindError) as error:
                problems = (*problems, f"Metrics were not written: {reason_of(error)}")
        for problem in problems:
            self._context.emit(Warned(code="notify", message=problem))


def hooks_and_notifications_of(
    context: JobContext,
    facts: JobFacts,
    operation: Operation,
    kinds: Sequence[Kind],
    began_s: float,
) -> HooksAndNotifications | None:
    """Return those of a job, as configured when it was started; None without any."""
    try:
        settings = from_json(context.directory.read(job_files.SETTINGS))
    except FileNotFoundError:
        return None
    except (ForeignState, ValueError, MagerewindError) as error:
        message = f"The settings of the job cannot be read; no hook is run: {reason_of(error)}"
        context.say(Warned(code="settings", message=message))
        return None
    start = facts.of_start(context.job_id, operation, kinds, began_s)
    start["store"] = settings.store
    return HooksAndNotifications(context, settings, facts, start)
