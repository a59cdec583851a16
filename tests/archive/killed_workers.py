"""Events of worker processes: their number, and their ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from core.archive.workers import child
from core.archive.workers.pool import Task, Worker, WorkerPool

LAST_WORDS = pytest.mark.parametrize("last_words", ["", "ab", "\\x05\\0\\0\\0ab"])


def on_cores(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have as many cores, and a child for every tree if there is one for it."""
    monkeypatch.setattr(child, "WORTHWHILE", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(number)))


def dies_at_once(monkeypatch: pytest.MonkeyPatch, last_words: str) -> None:
    """Have every child end as soon as it has said this."""
    start = subprocess.Popen
    says = f"import sys; sys.stdout.buffer.write(b'{last_words}')"
    monkeypatch.setattr(
        subprocess, "Popen", lambda _command, **rest: start([sys.executable, "-c", says], **rest)
    )


class Killed:
    """Kills a child at one of the moments that it counts."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.came = 0

    def at_an_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Kill a child when this many answers of children have been taken."""
        receive = Worker.receive

        def counted(worker: Worker[Any]) -> int | None:
            self.came += 1
            if self.came == self.after:
                os.kill(worker.process.pid, signal.SIGKILL)
            return receive(worker)

        monkeypatch.setattr(Worker, "receive", counted)

    def at_a_step_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Kill the first child after so many parts of batches that this process is at."""
        step = WorkerPool.step

        def then_killed(pool: WorkerPool[Any], task: Task[Any]) -> None:
            step(pool, task)
            if task.source is not None and not task.done:
                self.came += 1
                if self.came == self.after and pool._workers:
                    os.kill(pool._workers[0].process.pid, signal.SIGKILL)

        monkeypatch.setattr(WorkerPool, "step", then_killed)
