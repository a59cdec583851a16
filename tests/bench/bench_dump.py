"""The dump alone, beside mariadb-dump and mydumper: `python tests/bench/bench_dump.py [--size MB]`.

Rows in the shape of a Magento store on a private server; runs in turn, medians, ratios, memory.
`--linear` shows instead that a table of narrow rows takes linear time and no more memory.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile

from magento_rows import make_rows
from measure import HEADER, Pair, Work, as_row, run_once, run_pair

from core.database.dump.dump import DumpOptions, dump_schema
from core.magento.settings import DatabaseConnection, Secret
from core.sample.server import PrivateServer, find_program

_SCHEMA = "shop"


def _settings(socket: str) -> DatabaseConnection:
    return DatabaseConnection(
        name="default", schema=_SCHEMA, username="shop", password=Secret("shop"), socket=socket
    )


def _dump(socket: str, out: str, connections: int | None) -> None:
    """Dump as a backup does: to a file that is flushed to the disk."""
    fd = os.open(out, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    summary = dump_schema(
        _settings(socket), fd, options=DumpOptions(connections=connections), created="now"
    )
    os.fsync(fd)
    os.close(fd)
    print(summary.bytes, summary.snapshot)


def _ours(socket: str, out: str, connections: int | None) -> Work:
    command = [sys.executable, os.path.abspath(__file__), "--dump", socket, out]
    if connections:
        command += ["--connections", str(connections)]
    return Work(name="dump", command=command)


def _pairs(server: PrivateServer, scratch: str, connections: int | None) -> list[Pair]:
    ours = _ours(server.socket, os.path.join(scratch, "ours.sql"), connections)
    single = shlex.quote(os.path.join(scratch, "peer.sql"))
    several = os.path.join(scratch, "several")
    socket = shlex.quote(server.socket)
    dump = (
        f"{find_program('mariadb-dump')} --no-defaults -uroot -S {socket} --single-transaction"
        f" --quick --hex-blob {_SCHEMA} >{single} && sync {single}"
    )
    peers = [
        Pair(ours=ours, theirs=Work(name="mariadb-dump", command=["sh", "-c", dump]), target=0.8)
    ]
    if shutil.which("mydumper"):
        mydumper = (
            f"mydumper -t 2 --trx-consistency-only -u root -S {socket} -B {_SCHEMA} -o {several}"
            f" && sync -f {several}"
        )
        work = Work(
            name="mydumper -t 2",
            command=["sh", "-c", mydumper],
            prepare=lambda: shutil.rmtree(several, ignore_errors=True),
        )
        peers.append(Pair(ours=ours, theirs=work, target=1.4))
    return peers


def _linear(server: PrivateServer, scratch: str) -> None:
    """Dump a narrow table at three sizes."""
    server.make_schema(_SCHEMA)
    print("| rows | s | µs a row | MiB |\n|---:|---:|---:|---:|")
    for rows in (2_000_000, 10_000_000, 50_000_000):
        server.run(
            "CREATE OR REPLACE TABLE narrow (id int PRIMARY KEY, a smallint, b int) AS"
            f" SELECT seq AS id, seq % 100 AS a, seq DIV 3 AS b FROM seq_1_to_{rows};"
            "ANALYZE TABLE narrow",
            schema=_SCHEMA,
        )
        run = run_once(_ours(server.socket, os.path.join(scratch, "narrow.sql"), None))
        print(
            f"| {rows:,} | {run.elapsed_s:.2f} | {run.elapsed_s / rows * 1e6:.2f}"
            f" | {run.peak_bytes / 2**20:.0f} |",
            flush=True,
        )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=700, metavar="MB", help="of the dump")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=None)
    parser.add_argument("--linear", action="store_true", help="one narrow table at three sizes")
    parser.add_argument("--dump", nargs=2, metavar=("SOCKET", "OUT"), help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.dump:
        _dump(words.dump[0], words.dump[1], words.connections)
        return
    scratch = tempfile.mkdtemp(prefix="magerewind-bench-")
    try:
        with PrivateServer(options=("--innodb-buffer-pool-size=2G",)) as server:
            if words.linear:
                _linear(server, scratch)
                return
            rows = make_rows(server, _SCHEMA, megabytes=words.size)
            print(
                f"{rows:,} rows, {len(os.sched_getaffinity(0))} processors\n\n{HEADER}", flush=True
            )
            for pair in _pairs(server, scratch, words.connections):
                print(as_row(run_pair(pair, rounds=words.rounds)), flush=True)
            for name in sorted(os.listdir(scratch)):
                path = os.path.join(scratch, name)
                files = (
                    [os.path.join(path, f) for f in os.listdir(path)]
                    if os.path.isdir(path)
                    else [path]
                )
                print(f"\n{name}: {sum(map(os.path.getsize, files)) / 1e6:.0f} MB", end="")
            print()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
