"""The programs that the configuration runs around a job: before it, and after its end.

    before       one after the other, before anything is checked or closed; a failure ends the job
    on_success   or on_failure, and then
    after        at every end, unless the store is left closed; a failure is a warning

Each gets the job as JSON on its standard input, an allow-listed environment, no terminal, and a
time after which it is killed with all that it has started. The journal records those that ran, so a
recovery runs the rest: never a second `before`, and never one that has ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct

from core.account.walk import open_to_all
from core.config.fields import OperationHooks
from core.errors import Cancelled, HookFailed
from core.events import HookRan, Outcome, Warned
from core.magento.child import account_of, process_start, run_child
from core.operations.context import JobContext
from core.operations.records import HookBegun, HookEnded, begin_of

BEFORE: Final = "before"
AFTER: Final = "after"
_OUTPUT_BYTES: Final = 16 << 10  # of each program, kept in the job's log
_WORDS_SHOWN: Final = 200
_VARIABLE: Final = "MAGEREWIND_HOOK_"  # no variable that our own commands obey


class JobHooks(Struct, frozen=True, kw_only=True):
    """The programs around one job. Each of them gets `facts`."""

    context: JobContext
    hooks: OperationHooks

    def run_before(self, facts: Mapping[str, Any]) -> None:
        """Run the hooks `before`. Raises HookFailed, Cancelled."""
        for number, command in enumerate(self.hooks.before):
            failure = self._run(BEFORE, number, command, facts, cancels=True)
            if failure is not None:
                raise HookFailed(
                    f"The job was stopped by a hook: {failure} The store was not closed.",
                    hint=f"Its output is in {self.context.file('job.log').path}",
                )

    def run_end(self, outcome: Outcome, facts: Mapping[str, Any]) -> None:
        """Run the hooks after the work; a failure is a warning."""
        good = outcome in {Outcome.DONE, Outcome.WARNINGS}
        moment = "on_success" if good else "on_failure"
        self._run_all(moment, self.hooks.on_success if good else self.hooks.on_failure, facts)
        # While the store is neither old nor new, nothing may work on it: the recovery runs these.
        if outcome is not Outcome.CLOSED and self._was_begun():
            self._run_all(AFTER, self.hooks.after, facts)

    def _was_begun(self) -> bool:
        """Whether the first of `before` was begun, where there is one."""
        begun = any(one.moment == BEFORE for one in self.context.journal.each(HookBegun))
        return begun or not self.hooks.before

    def end_left_over(self) -> None:
        """Kill the program that ran when the job's process died, if it still does."""
        ended = {(one.moment, one.number) for one in self.context.journal.each(HookEnded)}
        begin = begin_of(self.context.journal.records)
        if begin is None or begin.host != self.context.host:
            return
        for one in self.context.journal.each(HookBegun):
            running = one.started != 0 and process_start(one.pid) == one.started
            if (one.moment, one.number) not in ended and running:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(one.pid, signal.SIGKILL)

    def _run_all(
        self, moment: str, commands: tuple[tuple[str, ...], ...], facts: Mapping[str, Any]
    ) -> None:
        ended = {(one.moment, one.number) for one in self.context.journal.each(HookEnded)}
        for number, command in enumerate(commands):
            if (moment, number) in ended:
                continue
            failure = self._run(moment, number, command, facts)
            if failure is not None:
                self.context.say(Warned(code="hook", message=f"A hook {moment}: {failure}"))

    def _run(
        self,
        moment: str,
        number: int,
        command: tuple[str, ...],
        facts: Mapping[str, Any],
        *,
        cancels: bool = False,
    ) -> str | None:
        """Run one program to its end; return its failure as a sentence, None for success."""
        context = self.context
        began_s = context.clock()
        status: int | None = None
        outcome = Outcome.FAILED
        try:
            failure, status = self._run_child(moment, number, command, facts, cancels=cancels)
            outcome = Outcome.DONE if failure is None else Outcome.FAILED
        except Cancelled:
            outcome = Outcome.CANCELLED
            raise
        finally:
            begun = context.journal.each(HookBegun)
            started = any(one.pid for one in begun if (one.moment, one.number) == (moment, number))
            context.journal.write(HookEnded(moment=moment, number=number))
            context.emit(
                HookRan(
                    moment=moment,
                    command=command[0],
                    outcome=outcome,
                    exit_code=status,
                    elapsed_s=max(0.0, context.clock() - began_s),
                    started=started,
                )
            )
        return failure

    def _refused(self, program: str) -> str | None:
        """Return why a program is not run; one of the store itself is its owner's to keep."""
        root = self.context.store.root
        if not program.startswith("/") or program.startswith(f"{root}/"):
            return None
        with suppress(OSError):  # it is named when it cannot be run
            return open_to_all(program)
        return None

    def _run_child(
        self,
        moment: str,
        number: int,
        command: tuple[str, ...],
        facts: Mapping[str, Any],
        *,
        cancels: bool,
    ) -> tuple[str | None, int | None]:
        context = self.context
        refused = self._refused(command[0])
        if refused is not None:
            context.journal.write(HookBegun(moment=moment, number=number, pid=0, started=0))
            return f"{command[0]} is not run: {refused}.", None

        def started(pid: int) -> None:
            begun = HookBegun(moment=moment, number=number, pid=pid, started=process_start(pid))
            context.journal.write(begun)

        told = {**facts, "moment": moment}
        variables = _variables(told)
        try:
            done = run_child(
                command,
                cwd=context.store.root,
                environ={**context.environ, **variables},
                account=account_of(os.geteuid(), os.getegid()),
                timeout_s=self.hooks.timeout,
                limit_bytes=_OUTPUT_BYTES,
                feed=json.dumps(told).encode() + b"\n",
                merge_errors=True,
                variables=variables,
                started=started,
                poll=context.cancellation.check if cancels else None,
                keep_last=True,
                leave_rest=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            context.journal.write(HookBegun(moment=moment, number=number, pid=0, started=0))
            return f"{command[0]} cannot be run: {reason}.", None
        words = _log(moment, command[0], done.output)
        if done.timed_out:
            limit = self.hooks.timeout
            return f"{command[0]} did not end in {limit} s, and was killed.", None
        if done.status != 0:
            said = f": {words}" if words else ""
            return f"{command[0]} failed (exit code {done.status}){said}.", done.status
        return None, done.status


def _variables(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts that a program without a reader of JSON may want."""
    return {
        f"{_VARIABLE}{name.upper()}": str(facts[name])
        for name in ("moment", "operation", "outcome", "store", "root", "job_id")
        if name in facts and "\0" not in str(facts[name])
    }


def _log(moment: str, program: str, output: bytes) -> str:
    """Write a program's output to the job's log; return its last line, shortened."""
    text = output.decode("utf-8", "replace").strip()
    with suppress(OSError, ValueError):  # a full disk
        sys.stderr.write(f"Hook {moment}: {program}\n{text}{chr(10) if text else ''}")
        sys.stderr.flush()
    last = text.rpartition("\n")[2].strip()
    return last if len(last) <= _WORDS_SHOWN else f"{last[:_WORDS_SHOWN]}..."
