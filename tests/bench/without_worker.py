"""Run one of our commands as if one kind of worker process did not exist, to see what it is worth.

    python -I tests/bench/without_worker.py {count,pack,plan,recheck,index} COMMAND WORDS...

`index` is no worker: backups of files are then written without theirs.

The job that the command starts is run in the same way.
"""

from __future__ import annotations

import sys
from typing import Any

from core.archive.create import count, write_archive
from core.archive.plan import live_entries
from core.archive.workers import child, pool
from core.jobs import client
from core.operations import backup

WORKERS = ("count", "pack", "plan", "recheck", "index")


def take_away(worker: str) -> None:
    """Let this process start no worker of one kind; it does all by itself then."""
    if worker == "count":
        count.child = _Alone()  # type: ignore[assignment]
    elif worker == "pack":
        write_archive.pack_pool = _alone(write_archive.pack_pool)
    elif worker == "plan":
        live_entries.read_ahead_pool = _alone(live_entries.read_ahead_pool, rechecks=False)
    elif worker == "recheck":
        live_entries.read_ahead_pool = _alone(live_entries.read_ahead_pool, rechecks=True)
    elif worker == "index":
        written = backup.write_archive
        backup.write_archive = lambda *arguments, **named: written(
            *arguments, **{**named, "index_fd": -1}
        )
    else:
        raise SystemExit(f"no worker: {worker}")


class _Alone:
    """The module of child processes, on a machine where none is worthwhile."""

    @staticmethod
    def is_worthwhile(_selection: object) -> bool:
        return False


def _alone(make: Any, *, rechecks: bool | None = None) -> Any:
    """Return what makes a pool without workers; of a recheck, or of a plan, where that is said."""

    def made(*arguments: Any, **named: Any) -> Any:
        if rechecks is not None and bool(named.get("since_ns")) is not rechecks:
            return make(*arguments, **named)
        was, pool.child.is_worthwhile = child.is_worthwhile, lambda _selection: False
        try:
            return make(*arguments, **named)
        finally:
            pool.child.is_worthwhile = was

    return made


def main() -> int:
    """Run the command, or the job of such a command."""
    worker, *words = sys.argv[1:]
    take_away(worker)
    runner = (sys.executable, "-I", __file__, worker, "job:run")
    client.Client.__init__.__kwdefaults__["runner"] = runner
    from core.cli.main import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
