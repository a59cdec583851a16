"""The application at a real pseudo-terminal: how soon it paints, answers, and what it writes.

`python tests/bench/bench_tui.py` prints one line a number. The job it shows is recorded and does
not end (ten progress events and twenty lines of log a second), so only the screens count.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.tui.at_a_terminal import ROOT, AtATerminal

PROGRAM = os.path.join(ROOT, "tests", "tui", "run_recorded.py")
SIZE = (80, 24)
TIMES = 10


def say(what: str, value: float, unit: str, goal: str) -> None:
    print(f"{what:<44} {value:10.2f} {unit:<8} goal {goal}")


def interpreter_s() -> float:
    """Return how long the interpreter takes to start and end with nothing to do."""
    took = []
    for _ in range(TIMES):
        began_s = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        took.append(time.monotonic() - began_s)
    return statistics.median(took)


def opened(*words: str) -> AtATerminal:
    child = AtATerminal([PROGRAM, *words], size=SIZE)
    child.until("running" if words else "118.0 GB of")
    return child


def first_paint_s() -> float:
    took = []
    for _ in range(TIMES):
        child = AtATerminal([PROGRAM], size=SIZE)
        child.until("BACKUPS")
        took.append(time.monotonic() - child.began_s)
        child.close()
    return statistics.median(took)


def cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def idle() -> tuple[float, float]:
    """Return bytes a second and share of a processor while nothing happens."""
    child = opened()
    child.read(2.0)
    before_s, seconds = cpu_s(child.process.pid), 10.0
    written = child.read(seconds)
    used_s = cpu_s(child.process.pid) - before_s
    child.close()
    return len(written) / seconds, 100 * used_s / seconds


def wire(keys: str) -> float:
    child = opened("flood")
    child.press(keys)
    child.until("MB/s")
    child.read(3.0)
    written = child.read(8.0)
    child.close()
    return len(written) / 8.0


def key_to_paint_ms() -> list[float]:
    """Return how long a key takes to show the help, while a job runs at full speed."""
    child = opened("flood")
    child.press("j")
    child.until("MB/s")
    took = []
    for _ in range(30):
        child.read(0.4)
        child.written = b""
        began_s = time.monotonic()
        child.press("?")
        while b"ON THIS SCREEN" not in child.written:
            child.read(0.001)
        took.append(1000 * (time.monotonic() - began_s))
        child.press("\x1b")
    child.close()
    return took


def memory() -> tuple[float, float]:
    """Return the resident mebibytes after fifty thousand events, and after a million."""
    child = opened("million")
    child.press("j")
    early = 0.0
    give_up = time.monotonic() + 600
    while time.monotonic() < give_up:
        child.read(0.5)
        child.written = child.written[-200_000:]
        counts = re.findall(rb"([0-9,]+) lines", child.written)
        lines = int(counts[-1].replace(b",", b"")) if counts else 0
        if lines >= 499_000:  # every second event is one, and the first are others
            break
        if not early and lines > 25_000:
            early = rss_mib(child.process.pid)
    late = rss_mib(child.process.pid)
    child.close()
    return early, late


def main() -> None:
    start_s = interpreter_s()
    say("first paint after the interpreter's start", first_paint_s() - start_s, "s", "< 0.5")
    keys = sorted(key_to_paint_ms())
    say("key to paint, a job at full speed, median", statistics.median(keys), "ms", "< 100")
    say("key to paint, a job at full speed, worst of 30", keys[-1], "ms", "< 100")
    wire_bytes, processor = idle()
    say("idle, on the wire", wire_bytes, "B/s", "0")
    say("idle, processor", processor, "%", "0")
    say("job at full speed, log folded, on the wire", wire("jl") / 1000, "kB/s", "< 3")
    say("job at full speed, log open, on the wire", wire("j") / 1000, "kB/s", "< 20")
    early, late = memory()
    say("memory after 50,000 events", early, "MiB", "")
    say("memory after 1,000,000 events", late, "MiB", "flat")


if __name__ == "__main__":
    main()
