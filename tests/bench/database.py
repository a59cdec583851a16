"""The database of a store: dump and load beside mariadb-dump, mydumper, mariadb and myloader."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial

from commands import backups, closed_s, discard_undo, do, ours, remove_newest_backup, shell
from measure import Pair, Work
from varied_rows import change_all, scatter

from core.sample.server import PrivateServer, find_program

_PEER_SCHEMA = "peer"
_FLAGS = ("--yes", "--no-flush")


def pairs(
    root: str, scratch: str, server: PrivateServer, schema: str, *, varied: bool = False
) -> Iterator[Pair]:
    """Yield the pairs for the store at `root`, whose database is `schema` of `server`.

    `varied`: it has the tables of `varied_rows`.
    """
    single = os.path.join(scratch, "peer.sql")
    several = os.path.join(scratch, "peer-dump")
    paths = {"socket": server.socket, "schema": schema, "out": single, "directory": several}
    backup = Work(
        name="database backup, `--no-verify`",
        command=ours(root, "setup:backup", "--db", "--no-verify"),
        restore=lambda: remove_newest_backup(root),
    )
    mariadb_dump = Work(
        name="`mariadb-dump`",
        command=shell(
            find_program("mariadb-dump") + " --no-defaults -uroot -S {socket} --single-transaction"
            " --quick --hex-blob {schema} >{out} && sync {out}",
            **paths,
        ),
    )
    mydumper = Work(
        name="`mydumper -t 2`",
        command=shell(
            "mydumper -t 2 --trx-consistency-only -u root -S {socket} -B {schema} -o {directory}"
            " && sync -f {directory}",
            **paths,
        ),
        prepare=lambda: shutil.rmtree(several, ignore_errors=True),
    )
    yield Pair(ours=backup, theirs=mariadb_dump, target=0.75)
    yield Pair(ours=backup, theirs=mydumper, target=1.3)
    do(root, "setup:backup", "--db")
    for peer, made in ((mariadb_dump, paths["out"]), (mydumper, several)):
        if not os.path.exists(made):  # the pairs above were not chosen
            subprocess.run(peer.command, check=True)
    yield from _load_pairs(root, server, paths, schema, varied=varied)


def compressed_pairs(root: str, scratch: str, server: PrivateServer, schema: str) -> Iterator[Pair]:
    """Yield the pairs of compressed dumps, and print what each file takes."""
    paths = {"socket": server.socket, "schema": schema, "out": os.path.join(scratch, "peer")}
    sizes: dict[str, int] = {}

    def weigh() -> None:
        name = backups(root)[-1]
        sizes[name.rpartition(".")[2]] = os.path.getsize(os.path.join(root, "var/backups", name))
        remove_newest_backup(root)

    for compress, filter_ in (("gzip", "gzip -1"), ("zstd", "zstd -3 -q")):
        yield Pair(
            ours=Work(
                name=f"database backup, `--compress {compress} --no-verify`",
                command=ours(root, "setup:backup", "--db", "--no-verify", f"--compress={compress}"),
                restore=weigh,
            ),
            theirs=Work(
                name=f"`mariadb-dump \\| {filter_}`",
                command=shell(
                    find_program("mariadb-dump") + " --no-defaults -uroot -S {socket}"
                    " --single-transaction --quick --hex-blob {schema} | "
                    f"{filter_} >{{out}} && sync {{out}}",
                    **paths,
                ),
            ),
            target=0.8,
        )
        sizes[filter_] = os.path.getsize(paths["out"])
    do(root, "setup:backup", "--db", "--no-verify", "--compress=zstd")
    name = backups(root)[-1]
    path = os.path.join(root, "var/backups", name)
    yield Pair(
        ours=Work(
            name="one table out of a dump, `--compress zstd`",
            command=ours(root, "info:backups:show", name, "url_rewrite"),
        ),
        theirs=Work(
            name="`zstd -dc \\| grep`",
            command=shell(
                "zstd -dcq {dump} | grep -a 'INTO `url_rewrite`' >{out}", dump=path, **paths
            ),
        ),
        target=0.5,
    )
    remove_newest_backup(root)
    print("\nMB:", {name: round(size / 1e6, 1) for name, size in sizes.items()})


def _load_pairs(
    root: str, server: PrivateServer, paths: dict[str, str], schema: str, *, varied: bool
) -> Iterator[Pair]:
    name = backups(root)[-1]
    paths = {**paths, "peer": _PEER_SCHEMA}
    rollback = Work(
        name="database rollback, `--whole`, check to commit",
        command=ours(root, "setup:rollback", f"--db-file={name}", *_FLAGS, "--whole"),
        restore=discard_undo(root),
    )

    def make_empty() -> None:
        server.run(
            f"DROP DATABASE IF EXISTS {_PEER_SCHEMA};"
            f"CREATE DATABASE {_PEER_SCHEMA} CHARACTER SET utf8mb4;"
        )

    def drop() -> None:
        server.run(f"DROP DATABASE {_PEER_SCHEMA}")

    client = Work(
        name="`mariadb` client, mariadb-dump's file",
        command=shell(
            find_program("mariadb") + " --no-defaults -uroot -S {socket} {peer} <{out}", **paths
        ),
        prepare=make_empty,
        restore=drop,
    )
    myloader = Work(
        name="`myloader -t 2`",
        command=shell("myloader -t 2 -u root -S {socket} -B {peer} -o -d {directory}", **paths),
        prepare=make_empty,
        restore=drop,
    )
    yield Pair(ours=rollback, theirs=client, target=0.6)
    yield Pair(ours=rollback, theirs=myloader, target=0.8)
    if varied:
        yield from _difference_pairs(root, server, schema, name, client)


def _difference_pairs(
    root: str, server: PrivateServer, schema: str, name: str, client: Work
) -> Iterator[Pair]:
    """Yield rollbacks of what differs beside the client's load of all."""
    for what, flags, prepare, target, closed in (
        ("nothing differs", (), None, 0.10, 0.05),
        ("a tenth of the bytes differs, one table missing, one extra", (), scatter, 0.25, 0.15),
        ("all differs, `--load-open`", ("--load-open",), change_all, None, 0.08),
    ):
        work = Work(
            name=f"database rollback, {what}",
            command=ours(root, "setup:rollback", f"--db-file={name}", *_FLAGS, *flags),
            prepare=partial(prepare, server, schema) if prepare is not None else _nothing,
            # A rollback that finds no difference ends by itself and keeps no undo.
            restore=discard_undo(root) if prepare is not None else _nothing,
            closed=partial(closed_s, root),
        )
        yield Pair(ours=work, theirs=client, target=target, closed_target=closed)


def _nothing() -> None:
    """Change nothing."""
