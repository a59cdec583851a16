"""`make bench`: our commands beside the tools that do the same, as a table of ratios.

Whole commands are measured, as an administrator runs them: with the start of Python, the job and
its journal, and everything flushed to disk (the other tools end with `sync`).
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import database
import files
from measure import HEADER, Pair, as_row, run_pair
from varied_rows import add_varied_rows

from core.magento.settings import DatabaseConnection, Secret
from core.sample.database import fill_schema
from core.sample.server import PrivateServer
from core.sample.sizes import Size
from core.sample.store import make_store, write_env

_SCHEMA = "shop"
_SERVER_OPTIONS = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M")


def parse() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(Size), default=Size.MEDIUM, type=Size)
    parser.add_argument("--rows", choices=list(Size), default=Size.SMALL, type=Size)
    parser.add_argument(
        "--varied", type=float, default=1.0, help="share of 675 MB of varied rows (default: 1)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="measured runs of each (default: 3)")
    parser.add_argument("--only", choices=("files", "database", "compressed", "workers"))
    parser.add_argument("--work", default="", help="measure only work with these words in its name")
    parser.add_argument("--tree", help="copy this real store instead of making one")
    parser.add_argument("--directory", help="where to work; on a disk like that of a store")
    parser.add_argument("--write", help="append the table to this Markdown file")
    return parser.parse_args()


def _machine() -> str:
    cpus = len(os.sched_getaffinity(0))
    return f"{cpus} CPUs, Linux {platform.release()}, Python {platform.python_version()}"


def _measure(title: str, pairs: Iterable[Pair], chosen: argparse.Namespace) -> list[str]:
    rounds = chosen.rounds
    lines = [f"### {title}", "", _machine() + f"; medians of {rounds} paired runs.", "", HEADER]
    print("\n".join(lines), flush=True)
    for pair in pairs:
        if chosen.work not in pair.ours.name:
            continue
        lines.append(as_row(run_pair(pair, rounds=rounds)))
        print(lines[-1], flush=True)
    print(flush=True)
    return [*lines, ""]


def _make_tree(chosen: argparse.Namespace, root: str, connection: DatabaseConnection) -> str:
    """Make the store and return what to call it."""
    if chosen.tree is None:
        make_store(root, size=chosen.size, connection=connection)
        return f"the {chosen.size} sample"
    subprocess.run(["cp", "-a", "--", chosen.tree, root], check=True)
    os.makedirs(os.path.join(root, "app/etc"), exist_ok=True)
    write_env(root, connection)
    shutil.rmtree(os.path.join(root, "var/backups"), ignore_errors=True)
    os.makedirs(os.path.join(root, "var/backups"))
    return f"a real store ({Path(chosen.tree).name})"


def main() -> int:
    """Measure what was asked for and print it."""
    chosen = parse()
    lines: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="magerewind-bench-", dir=chosen.directory) as scratch,
        PrivateServer(removes=(scratch,), options=_SERVER_OPTIONS, durable=True) as server,
    ):
        connection = DatabaseConnection(
            name="default",
            schema=_SCHEMA,
            username="shop",
            password=Secret("shop"),
            socket=server.socket,
        )
        root = os.path.join(scratch, "store")
        server.make_schema(_SCHEMA)
        name = _make_tree(chosen, root, connection)
        if chosen.only in {None, "files"}:
            title = f"Code of {name}"
            lines += _measure(title, files.pairs(root, scratch), chosen)
        if chosen.only in {None, "workers"}:
            title = f"Worker processes, on the code of {name}"
            lines += _measure(title, files.worker_pairs(root, scratch), chosen)
        if chosen.only in {None, "database"}:
            fill_schema(server, _SCHEMA, size=chosen.rows)
            title = f"Database of the {chosen.rows} sample"
            if chosen.varied:
                add_varied_rows(server, _SCHEMA, share=chosen.varied)
            found = database.pairs(root, scratch, server, _SCHEMA, varied=bool(chosen.varied))
            lines += _measure(title, found, chosen)
        if chosen.only in {None, "compressed"}:
            if chosen.only:
                fill_schema(server, _SCHEMA, size=chosen.rows)
                if chosen.varied:
                    add_varied_rows(server, _SCHEMA, share=chosen.varied)
            title = f"Compressed dumps of the {chosen.rows} sample"
            found = database.compressed_pairs(root, scratch, server, _SCHEMA)
            lines += _measure(title, found, chosen)
    if chosen.write:
        with open(chosen.write, "a", encoding="utf-8") as out:
            out.write("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
