"""Loading a dump beside and swapping it in, next to the `mariadb` client and `myloader -t 2`.

    python tests/bench/bench_load.py [--size MB] [--rounds N]

Each round loads the same rows three times into an empty schema of one server: ours from its own
dump (check, load, swap, what follows the commit: all that a rollback does with a database), the
client from mariadb-dump's file, myloader from mydumper's directory; each ends with a `sync`.
Ratios are medians of pairs of one round, so that other work on the machine weighs on both.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from magento_rows import make_rows

from core.database.dump.dump import DumpOptions, dump_schema
from core.database.load.load import load_beside
from core.database.load.server_check import check_dump
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import swap_tables
from core.events import no_report
from core.journal import Journal
from core.magento.settings import DatabaseConnection, Secret
from core.sample.server import PrivateServer, find_program

_OPTIONS = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M")
_TARGET = "target"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=700, help="megabytes of dump (default: 700)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="bench-load-")
    try:
        with PrivateServer(options=_OPTIONS) as server:
            _measure(server, scratch, options.size, options.rounds)
    finally:
        shutil.rmtree(scratch)


def _measure(server: PrivateServer, scratch: str, size: int, rounds: int) -> None:
    rows = make_rows(server, "source", megabytes=size)
    own, single, several = (os.path.join(scratch, name) for name in ("own.sql", "one.sql", "many"))
    with open(own, "wb") as file:
        dump_schema(
            _settings(server, "source"), file.fileno(), options=DumpOptions(), report=no_report,
            created="now",
        )  # fmt: skip
    socket = f"--socket={server.socket}"
    _run(
        find_program("mariadb-dump"), "--no-defaults", "-uroot", socket, "--single-transaction",
        "--quick", "--hex-blob", f"--result-file={single}", "source",
    )  # fmt: skip
    with_myloader = shutil.which("mydumper") is not None
    if with_myloader:
        _run(
            "mydumper", "-t", "2", "--trx-consistency-only", "-u", "root", "-S", server.socket,
            "-B", "source", "-o", several,
        )  # fmt: skip
    print(f"{rows} rows; ours {_mb(own)} MB, mariadb-dump {_mb(single)} MB")
    times: dict[str, list[float]] = {"ours": [], "mariadb": [], "myloader": []}
    for number in range(rounds):
        times["ours"].append(_ours(server, own, scratch, number))
        times["mariadb"].append(_client(server, single))
        if with_myloader:
            times["myloader"].append(_myloader(server, several))
        print("round", number + 1, {key: round(v[-1], 1) for key, v in times.items() if v})
    _tell(times)
    print(
        "peak memory of this process"
        f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB"
    )


def _tell(times: dict[str, list[float]]) -> None:
    for peer, target in (("mariadb", 0.7), ("myloader", 1.0)):
        if times[peer]:
            ratios = [one / other for one, other in zip(times["ours"], times[peer], strict=True)]
            print(f"ours / {peer}: {statistics.median(ratios):.2f} (target {target})")


def _mb(path: str) -> int:
    return os.path.getsize(path) // 1_000_000


def _run(*command: str, **options: object) -> None:
    subprocess.run(command, check=True, **options)  # type: ignore[call-overload]


def _settings(server: PrivateServer, schema: str) -> DatabaseConnection:
    return DatabaseConnection(
        name="default", schema=schema, username="shop", password=Secret("shop"),
        socket=server.socket,
    )  # fmt: skip


def _emptied(server: PrivateServer) -> None:
    server.run("DROP DATABASE IF EXISTS target")
    server.make_schema(_TARGET)
    os.sync()


def _ours(server: PrivateServer, path: str, scratch: str, number: int) -> float:
    _emptied(server)
    settings = _settings(server, _TARGET)
    journal = Journal.create(os.path.join(scratch, f"journal{number}"))
    began = time.perf_counter()
    check = check_dump(path, schema="source")
    checked = time.perf_counter()
    staged = load_beside(
        path, check, settings, job_id=f"2026-{number}", journal=journal, partial=True
    )
    loaded = time.perf_counter()
    definitions = os.path.join(scratch, "definitions.json")
    swap_tables(staged, settings, journal=journal, definitions_path=definitions)
    forward_tables(settings, journal)
    os.sync()
    ended = time.perf_counter()
    print(
        f"  check {checked - began:.1f} s, load {loaded - checked:.1f} s,"
        f" swap and forward {ended - loaded:.1f} s"
    )
    return ended - began


def _client(server: PrivateServer, path: str) -> float:
    _emptied(server)
    began = time.perf_counter()
    with open(path, "rb") as file:
        _run(*server.client(_TARGET), stdin=file)
    os.sync()
    return time.perf_counter() - began


def _myloader(server: PrivateServer, directory: str) -> float:
    _emptied(server)
    began = time.perf_counter()
    _run(
        "myloader",
        "-t",
        "2",
        "-u",
        "root",
        "-S",
        server.socket,
        "-B",
        _TARGET,
        "-o",
        "-d",
        directory,
    )
    os.sync()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
