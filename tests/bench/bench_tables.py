"""Dump and load of one kind of rows each, beside mariadb-dump, the `mariadb` client and myloader.

    python tests/bench/bench_tables.py [--share 1.0] [--rounds 3]

Each table of `varied_rows` has a schema of its own, so that a report tells which kind of rows is
slow. The loads include check, swap and the work after the commit. Ratios are medians of paired
runs, by the clock and by the processor time of client and server together, which other work on the
machine moves less.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from varied_rows import TABLES, add_varied_rows

from core.database.dump.dump import DumpOptions, dump_schema
from core.database.load.load import load_beside
from core.database.load.server_check import check_dump
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import swap_tables
from core.journal import Journal
from core.magento.settings import DatabaseConnection, Secret
from core.sample.server import PrivateServer, find_program

_OPTIONS = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M")
_TICKS = os.sysconf("SC_CLK_TCK")
Cost = tuple[float, float]  # seconds elapsed, processor seconds


def main() -> None:
    """Measure and print a row for each table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of 675 MB (default: 1)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="bench-tables-")
    print("| rows | MB | dump / `mariadb-dump` | load / `mariadb` | load / `myloader -t 2` |")
    print("|---|---:|---:|---:|---:|")
    try:
        with PrivateServer(options=_OPTIONS) as server:
            for name in TABLES:
                print(
                    _row(_Table(server, scratch, name, options.share), options.rounds), flush=True
                )
    finally:
        shutil.rmtree(scratch)


class _Table:
    """One table in a schema of its own, its dumps, and an empty schema to load into."""

    def __init__(self, server: PrivateServer, scratch: str, name: str, share: float) -> None:
        self.server, self.name, self.scratch = server, name, scratch
        self.own, self.single, self.several = (
            os.path.join(scratch, end) for end in ("own.sql", "single.sql", "several")
        )
        server.run("DROP DATABASE IF EXISTS source")
        server.make_schema("source")
        add_varied_rows(server, "source", share=share, only=name)

    def measured(self, act: Callable[[], None]) -> Cost:
        """Run one thing and return what it took."""
        os.sync()
        began, before = time.perf_counter(), self._processor_s()
        act()
        os.sync()
        return time.perf_counter() - began, self._processor_s() - before

    def _processor_s(self) -> float:
        stat = Path(f"/proc/{self.server.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = time.process_time() + own.ru_utime + own.ru_stime
        return ours + (int(fields[11]) + int(fields[12])) / _TICKS

    def settings(self, schema: str) -> DatabaseConnection:
        """Return the connection of a store to a schema."""
        return DatabaseConnection(
            name="default", schema=schema, username="shop", password=Secret("shop"),
            socket=self.server.socket,
        )  # fmt: skip

    def empty(self) -> None:
        """Make the schema that is loaded into."""
        self.server.run("DROP DATABASE IF EXISTS target")
        self.server.make_schema("target")

    def dump(self) -> None:
        """Dump with ours."""
        with open(self.own, "wb") as file:
            dump_schema(
                self.settings("source"), file.fileno(), options=DumpOptions(), created="now"
            )

    def mariadb_dump(self) -> None:
        """Dump with the server's own program."""
        self._run(
            f"{find_program('mariadb-dump')} --no-defaults -uroot -S {self.server.socket}"
            f" --single-transaction --quick --hex-blob source >{self.single}"
        )

    def mydumper(self) -> None:
        """Make the files that myloader reads."""
        shutil.rmtree(self.several, ignore_errors=True)
        self._run(
            f"mydumper -t 2 --trx-consistency-only -u root -S {self.server.socket} -B source"
            f" -o {self.several} 2>/dev/null"
        )

    def load(self) -> None:
        """Check, load, swap, bring to its end: all that a rollback does with a database."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as place:
            journal, settings = Journal.create(f"{place}/journal"), self.settings("target")
            with open(self.own, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()  # as of its manifest
            check = check_dump(self.own, schema="source", sha256=digest)
            staged = load_beside(
                self.own, check, settings, job_id="2026-1", journal=journal, partial=True
            )
            swap_tables(staged, settings, journal=journal, definitions_path=f"{place}/swap.json")
            forward_tables(settings, journal)

    def client(self) -> None:
        """Load with the client."""
        self._run(
            f"{find_program('mariadb')} --no-defaults -uroot -S {self.server.socket} target"
            f" <{self.single}"
        )

    def myloader(self) -> None:
        """Load with myloader."""
        self._run(
            f"myloader -t 2 -u root -S {self.server.socket} -B target -o -d {self.several}"
            " 2>/dev/null"
        )

    def _run(self, command: str) -> None:
        subprocess.run(command, shell=True, check=True)


def _row(table: _Table, rounds: int) -> str:
    dumps: list[tuple[Cost, Cost]] = []
    loads: dict[str, list[tuple[Cost, Cost]]] = {"client": [], "myloader": []}
    table.mydumper()
    for _ in range(rounds):
        dumps.append((table.measured(table.dump), table.measured(table.mariadb_dump)))
        costs = {}
        for what in ("load", "client", "myloader"):
            table.empty()
            costs[what] = table.measured(getattr(table, what))
        for peer, pairs in loads.items():
            pairs.append((costs["load"], costs[peer]))
    megabytes = os.path.getsize(table.own) / 1e6
    cells = [_ratios(pairs) for pairs in (dumps, loads["client"], loads["myloader"])]
    name = table.name.removeprefix("bench_")
    return f"| {name} | {megabytes:.0f} | " + " | ".join(cells) + " |"


def _ratios(pairs: list[tuple[Cost, Cost]]) -> str:
    clock, processor = (
        statistics.median(ours[which] / theirs[which] for ours, theirs in pairs) for which in (0, 1)
    )
    return f"{clock:.2f} ({processor:.2f})"


if __name__ == "__main__":
    main()
