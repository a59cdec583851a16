"""How a command watches a job, with a client that plays a recorded stream."""

import io
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from core.cli.console import Console
from core.cli.following import ConsoleFollower, progress_text
from core.cli.interruptions import Interruptions, Stopped
from core.errors import JobNotFound
from core.event_lines import from_line
from core.events import (
    BackupStarted,
    Event,
    JobBegan,
    JobEnded,
    Kind,
    MaintenanceDisabled,
    MaintenanceEnabled,
    Operation,
    Outcome,
    Progressed,
    RecoveryBegan,
    Stamped,
    Step,
    StepStarted,
    Warned,
)
from core.jobs.state import fold

BEGAN = JobBegan(
    job_id="1",
    operation=Operation.BACKUP,
    kinds=(Kind.CODE,),
    timestamp=1,
    root="/",
    host="h",
    user="u",
    pid=1,
    command="",
)


def ended(exit_code: int = 0, outcome: Outcome = Outcome.DONE) -> JobEnded:
    return JobEnded(outcome=outcome, exit_code=exit_code, elapsed_s=1.0, closed_s=0.0)


class RecordedClient:
    """Plays events; callables among them are called in their turn, as a signal would arrive."""

    def __init__(self, *script: Event | Callable[[], None], refuses: bool = False) -> None:
        self._script = script
        self._refuses = refuses
        self.cancelled: list[str] = []

    def follow(
        self, _job_id: str, *, interval_s: float, sleep: Callable[[float], None]
    ) -> Iterator[Stamped]:
        seq = 0
        for item in self._script:
            if isinstance(item, Event):
                yield Stamped(seq=seq, time_s=float(seq), event=item)
                seq += 1
            else:
                item()
                sleep(interval_s)

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)
        if self._refuses:
            raise JobNotFound("No such job is running.")


class Watched:
    """One following of a script, with its output and exit code."""

    def __init__(
        self,
        *script: object,
        as_json: bool = False,
        cancels: bool = True,
        after_seq: int = -1,
        told: list[tuple[str, str]] | None = None,
    ) -> None:
        self.interruptions = Interruptions()
        self.client = RecordedClient(*script)  # type: ignore[arg-type]
        self.out, self.err = io.StringIO(), io.StringIO()
        console = Console(
            stdin=io.StringIO(),
            stdout=self.out,
            stderr=self.err,
            environ={},
            as_json=as_json,
        )
        follower = ConsoleFollower(
            self.client,  # type: ignore[arg-type]
            console,
            self.interruptions,
            cancels=cancels,
            told=told or (),
            sleep=lambda _s: None,
        )
        with self.interruptions.watch():
            self.code = follower.follow("1", after_seq=after_seq)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_exit_code_is_the_jobs() -> None:
    for code in (0, 1, 20, 130):
        assert Watched(BEGAN, ended(code)).code == code


def test_lines_come_in_order() -> None:
    watched = Watched(
        BEGAN,
        MaintenanceEnabled(already=False),
        BackupStarted(kind=Kind.CODE),
        MaintenanceDisabled(skipped=False),
        ended(),
    )
    assert watched.out.getvalue().splitlines() == [
        "Enabling maintenance mode",
        "Code backup is starting...",
        "Disabling maintenance mode",
    ]
    assert watched.err.getvalue() == ""


def test_json_is_the_stream_itself() -> None:
    watched = Watched(BEGAN, ended(), as_json=True)
    stamped = [from_line(line.encode()) for line in watched.out.getvalue().splitlines()]
    assert [one.event for one in stamped if one is not None] == [BEGAN, ended()]


def test_json_holds_nothing_that_a_terminal_would_obey() -> None:
    warned = Warned(code="x", message="\x9b2J", names=("\u202e", "caf\udce9"))
    watched = Watched(BEGAN, warned, ended(), as_json=True)
    assert watched.out.getvalue().isascii()
    assert from_line(watched.out.getvalue().splitlines()[1].encode()).event == warned


def test_the_first_ctrl_c_asks_the_job_to_cancel() -> None:
    watched = Watched(BEGAN, ctrl_c, ended(130, Outcome.CANCELLED))
    assert watched.client.cancelled == ["1"]
    assert watched.code == 130
    assert "Asking the job to cancel." in watched.err.getvalue()
    assert "Cancelled after 1.0 seconds" in watched.err.getvalue()


def test_a_cancel_that_comes_too_late_ends_as_the_job_does() -> None:
    watched = Watched(BEGAN, ctrl_c, ended(0))
    assert watched.code == 0


def test_the_second_ctrl_c_leaves_the_job_alone() -> None:
    watched = Watched(BEGAN, ctrl_c, ctrl_c, ended())
    assert watched.client.cancelled == ["1"]
    assert watched.code == 130
    assert "is being cancelled without this terminal: magerewind job:attach 1" in (
        watched.err.getvalue()
    )


def test_who_only_watches_cancels_nothing() -> None:
    watched = Watched(BEGAN, ctrl_c, ended(), cancels=False)
    assert watched.client.cancelled == []
    assert watched.code == 130
    assert "goes on without this terminal" in watched.err.getvalue()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGTERM, 143)])
def test_a_hang_up_detaches(number: signal.Signals, code: int) -> None:
    watched = Watched(BEGAN, lambda: os.kill(os.getpid(), number), ended())
    assert watched.client.cancelled == []
    assert watched.code == code


def test_a_runner_that_died_is_said_with_its_cure() -> None:
    watched = Watched(BEGAN)
    assert watched.code == 1
    assert "magerewind job:recover" in watched.err.getvalue()


def test_what_stood_beside_the_question_is_not_said_again() -> None:
    known = Warned(code="processes", message="Running on this store:", names=("cron",))
    new = Warned(code="changed", message="1 file changed meanwhile", names=("a",))
    watched = Watched(BEGAN, known, new, ended(), told=[(known.code, known.message)])
    assert watched.err.getvalue().splitlines() == ["Warning: 1 file changed meanwhile", "  a"]


def test_a_recovery_shows_what_is_new() -> None:
    watched = Watched(
        BEGAN,
        MaintenanceEnabled(already=False),
        RecoveryBegan(way="revert", host="h", user="u", pid=2),
        MaintenanceDisabled(skipped=False),
        ended(1, Outcome.REVERTED),
        after_seq=1,
    )
    assert watched.out.getvalue() == "Disabling maintenance mode\n"
    assert watched.err.getvalue().startswith("Recovering:")


def test_before_a_job_is_followed_a_signal_ends_the_command() -> None:
    interruptions = Interruptions()
    before = signal.getsignal(signal.SIGTERM)
    with interruptions.watch(), pytest.raises(Stopped) as caught:
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_nohup_keeps_its_way() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruptions().watch():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_progress_says_what_how_much_and_how_long() -> None:
    events = [
        BEGAN,
        StepStarted(step=Step.WRITE, kind=Kind.MEDIA, total_bytes=100_000_000),
        Progressed(
            step=Step.WRITE,
            kind=Kind.MEDIA,
            done_bytes=25_000_000,
            done_items=10,
            current="pub/media/a\x1b.jpg",
        ),
    ]
    state = fold(
        Stamped(seq=number, time_s=float(number), event=event)
        for number, event in enumerate(events)
    )
    assert progress_text(state) == (
        "Write media  25.0 MB of 100.0 MB, 25 %  25.0 MB/s  about 3 seconds left"
        "  pub/media/a\\x1b.jpg"
    )
    assert progress_text(fold([])) == ""
