"""What both parts of the benchmark do with the store: run our commands, find and remove backups."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable

OURS = (sys.executable, "-I", "-m", "core")


def ours(root: str, command: str, *words: str) -> list[str]:
    """Return the command line of one of our commands on the store at `root`."""
    return [*OURS, command, f"--root={root}", "--quiet", *words]


def without(worker: str, root: str, command: str, *words: str) -> list[str]:
    """Return the same command line without one kind of worker process (`without_worker`)."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "without_worker.py")
    return [sys.executable, "-I", script, worker, command, f"--root={root}", "--quiet", *words]


def shell(script: str, **paths: str) -> list[str]:
    """Return a shell command; `{name}` in it stands for a quoted path."""
    return ["sh", "-c", script.format_map({key: shlex.quote(v) for key, v in paths.items()})]


def do(root: str, command: str, *words: str) -> None:
    """Run one of our commands, unmeasured."""
    subprocess.run(ours(root, command, *words), stdin=subprocess.DEVNULL, check=True)


def backups(root: str) -> list[str]:
    """Return the names of the listed backups, oldest first."""
    directory = os.path.join(root, "var/backups")
    return sorted(name for name in os.listdir(directory) if not name.startswith("."))


def remove_newest_backup(root: str) -> None:
    """Remove the newest backup with its manifest."""
    name = backups(root)[-1]
    directory = os.path.join(root, "var/backups")
    os.unlink(os.path.join(directory, name))
    for beside in (f".{name}.manifest.json", f".{name}.index"):
        path = os.path.join(directory, beside)
        if os.path.exists(path):
            os.unlink(path)


def closed_s(root: str) -> float:
    """Return for how long the newest job kept the store closed, in seconds."""
    listed = subprocess.run(
        [*OURS, "job:list", f"--root={root}", "--json"], capture_output=True, check=True
    )
    jobs = [json.loads(line) for line in listed.stdout.splitlines()]
    newest = max((one for one in jobs if "job_id" in one), key=lambda one: str(one["job_id"]))
    return float(newest["closed_s"])


def discard_undo(root: str) -> Callable[[], None]:
    """Return what frees the undo of the last rollback."""
    return lambda: do(root, "job:discard", "--yes")
