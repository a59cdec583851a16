"""Measuring commands side by side: elapsed time and peak memory of their processes together.

A run is marked by an environment variable, by which its processes are found also when they have
left their parent, as a job does. Runs of a pair alternate, so that a busy machine hurts both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from msgspec import Struct, field

_MARK = "MAGEREWIND_BENCH_RUN"
# Little memory comes and goes in a tenth of a second, and what this takes is taken from who has use
# for all processors.
_INTERVAL_S = 0.1


class Work(Struct, frozen=True, kw_only=True):
    """A command to measure, what to do before each run and after it (neither is measured)."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] = lambda: None
    restore: Callable[[], None] = lambda: None
    closed: Callable[[], float] | None = None  # for how long the last run kept the store closed


class Run(Struct, frozen=True, kw_only=True):
    """One run: seconds, and the most that its processes took together, in bytes.

    Of each process its high-water mark counts for as long as it lives.
    """

    elapsed_s: float
    peak_bytes: int
    closed_s: float | None = None


class Pair(Struct, frozen=True, kw_only=True):
    """Our work beside that of another tool, and the ratio of times to reach, if one is set."""

    ours: Work
    theirs: Work
    target: float | None = None
    closed_target: float | None = None  # of the time that the store is closed


class Outcome(Struct, frozen=True, kw_only=True):
    """The runs of a pair."""

    pair: Pair
    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Return the median of the ratios of the paired runs."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return statistics.median(ours.elapsed_s / theirs.elapsed_s for ours, theirs in pairs)

    @property
    def closed_ratio(self) -> float | None:
        """Return the same of the time that the store is closed, where that was measured."""
        pairs = zip(self.ours, self.theirs, strict=True)
        ratios = [a.closed_s / b.elapsed_s for a, b in pairs if a.closed_s is not None]
        return statistics.median(ratios) if ratios else None


class _Sampler:
    """Watches the memory of the processes that carry a mark, until it is stopped."""

    def __init__(self, mark: str) -> None:
        self._mark = f"{_MARK}={mark}".encode()
        self._marked: set[int] = set()
        self._peak = 0
        self._strangers: set[int] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(_INTERVAL_S):
            pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
            now = sum(self._high_water(pid) for pid in pids if pid not in self._strangers)
            self._peak = max(self._peak, now)

    def _high_water(self, pid: int) -> int:
        try:
            if pid not in self._marked:
                with open(f"/proc/{pid}/environ", "rb") as source:
                    if self._mark not in source.read().split(b"\0"):
                        self._strangers.add(pid)
                        return 0
                self._marked.add(pid)
            with open(f"/proc/{pid}/status", "rb") as source:
                for line in source:
                    if line.startswith(b"VmHWM:"):
                        return int(line.split()[1]) * 1024
        except OSError:
            pass
        return 0

    def stop(self) -> int:
        """Stop, and return the peak in bytes."""
        self._ended.set()
        self._thread.join()
        return self._peak


def run_once(work: Work) -> Run:
    """Run a command once. Raises CalledProcessError, with its output, when it fails."""
    work.prepare()
    os.sync()
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    sampler = _Sampler(mark)
    began = time.perf_counter()
    done = subprocess.run(
        work.command,
        env={**os.environ, _MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    elapsed = time.perf_counter() - began
    peak = sampler.stop()
    if done.returncode:
        raise SystemExit(f"{work.name} failed ({done.returncode}):\n{done.stdout[-2000:]}")
    closed = work.closed() if work.closed is not None else None
    work.restore()
    return Run(elapsed_s=elapsed, peak_bytes=peak, closed_s=closed)


def run_pair(pair: Pair, *, rounds: int) -> Outcome:
    """Run both works of a pair in turn, `rounds` times after one round that only warms up."""
    outcome = Outcome(pair=pair)
    run_once(pair.ours)
    run_once(pair.theirs)
    for _ in range(rounds):
        outcome.ours.append(run_once(pair.ours))
        outcome.theirs.append(run_once(pair.theirs))
    return outcome


def _median(runs: list[Run]) -> tuple[float, float]:
    return (
        statistics.median(run.elapsed_s for run in runs),
        statistics.median(run.peak_bytes for run in runs) / 2**20,
    )


def as_row(outcome: Outcome) -> str:
    """Return a row of a Markdown table."""
    ours_s, ours_mib = _median(outcome.ours)
    theirs_s, theirs_mib = _median(outcome.theirs)
    target = outcome.pair.target
    judged = "" if target is None else f"≤ {target:.2f} {'✓' if outcome.ratio <= target else '✗'}"
    row = (
        f"| {outcome.pair.ours.name} | {outcome.pair.theirs.name} | {ours_s:.2f} | {theirs_s:.2f} |"
        f" **{outcome.ratio:.2f}** | {judged} | {ours_mib:.0f} | {theirs_mib:.0f} |"
    )
    closed, wanted = outcome.closed_ratio, outcome.pair.closed_target
    if closed is None or wanted is None:
        return row
    seconds = statistics.median(run.closed_s or 0.0 for run in outcome.ours)
    return row + (
        f"\n| the same, closed | | {seconds:.2f} | {theirs_s:.2f} | **{closed:.2f}** |"
        f" ≤ {wanted:.2f} {'✓' if closed <= wanted else '✗'} | | |"
    )


HEADER = (
    "| work | beside | ours s | theirs s | ratio | wanted | ours MiB | theirs MiB |\n"
    "|---|---|---:|---:|---:|---|---:|---:|"
)
