"""The application on recorded values, as a program: `run_recorded.py [run|flood|million|fault]`."""

from __future__ import annotations

import itertools
import os
import sys
import time

from core.events import Kind, Noted, Progressed, Stamped, Step
from tests.tui.recorded import RecordedEngine, RecordedStream
from tests.tui.recorded_values import backup_stream
from tests.tui.scenes import BACKUP
from tui.app import terminal


class Flood(RecordedStream):
    """A backup at full speed: ten progress events and twenty log lines a second, without an end."""

    def __init__(self) -> None:
        super().__init__([])
        start_s = time.time() - 161
        head = backup_stream()
        self.waiting = [
            Stamped(seq=one.seq, time_s=start_s + one.time_s - head[0].time_s, event=one.event)
            for one in head
        ]
        self._numbers = itertools.count(len(head))
        self._last_s = time.time()
        self._done = 12_000_000_000

    def poll(self) -> list[Stamped]:
        found, self.waiting = self.waiting, []
        now_s = time.time()
        while self._last_s + 0.05 < now_s:
            self._last_s += 0.05
            number = next(self._numbers)
            self._done += 6_500_000
            current = f"pub/media/catalog/product/cache/{number * 7919:032x}/b/l/blue_{number}.jpg"
            note = Noted(code="file", message=f"A line of the log about {current}")
            progress = Progressed(
                step=Step.WRITE,
                kind=Kind.MEDIA,
                done_bytes=self._done,
                total_bytes=38_400_000_000,
                done_items=380_000 + number,
                total_items=1_204_877,
                current=current,
            )
            for event in (note, progress) if number % 2 else (note,):
                found.append(Stamped(seq=number, time_s=self._last_s, event=event))
        return found


class Million(Flood):
    """A million events as fast as they are taken, progress and lines of the log in turns."""

    LENGTH = 1_000_000
    AT_ONCE = 5_000

    def poll(self) -> list[Stamped]:
        found, self.waiting = self.waiting, []
        now_s = time.time()
        for _ in range(self.AT_ONCE):
            number = next(self._numbers)
            if number > self.LENGTH:
                break
            current = f"pub/media/catalog/product/{number:012x}.jpg"
            if number % 2:
                event: Noted | Progressed = Noted(code="file", message=f"A line about {current}")
            else:
                event = Progressed(
                    step=Step.WRITE,
                    kind=Kind.MEDIA,
                    done_bytes=number * 30_000,
                    total_bytes=38_400_000_000,
                    done_items=number,
                    current=current,
                )
            found.append(Stamped(seq=number, time_s=now_s, event=event))
        return found


class FaultyEngine(RecordedEngine):
    """Raises, with a password in its hands, what nobody expects."""

    def command(self, request: object) -> str:
        password = "hunter2-in-a-local"
        raise RuntimeError(f"unexpected: {password}")


def main() -> int:
    words = sys.argv[1:]
    looks = terminal.look(os.environ, encoding="utf-8")
    terminal.prepare(os.environ, looks)
    from tui.app.shutdown import run_application

    engine = FaultyEngine() if "fault" in words else RecordedEngine()
    if "run" in words or "flood" in words:
        engine.run()
    if "flood" in words:
        engine.streams[BACKUP] = Flood()
    if "million" in words:
        engine.run()
        engine.streams[BACKUP] = Million()
    return run_application(engine, looks)


if __name__ == "__main__":
    sys.exit(main())
