"""Steps that the tests of load, swap and undo share."""

from __future__ import annotations

import os
import subprocess

from core.database.load.load import load_beside
from core.database.load.server_check import check_dump
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import swap_tables
from core.journal import Journal
from core.sample.server import find_program

JOB = "20261123-031500-1a2b"


def fill_as_written(server, schema, sql):
    """Run SQL through the client, which leaves out the comments in bodies unless told not to."""
    fill(server, schema, sql, "--comments")


def fill(server, schema, sql, *options):
    """Run SQL through the client as the shop's own account."""
    command = [part for part in server.client() if not part.startswith("--user")]
    subprocess.run(
        [
            *command,
            "--user=shop",
            "--password=shop",
            "--default-character-set=utf8mb4",
            *options,
            schema,
        ],
        input=sql if isinstance(sql, bytes) else sql.encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def native_dump(server, schema, path, *options):
    """Make a dump with mariadb-dump, all kinds of objects in it."""
    subprocess.run(
        [
            find_program("mariadb-dump"), "--no-defaults", f"--socket={server.socket}",
            "--user=root", "--routines", "--events", "--triggers", "--hex-blob", "--dump-history",
            f"--result-file={path}", *options, schema,
        ],
        check=True,
    )  # fmt: skip
    return str(path)


def new_journal(directory, name="journal.jsonl"):
    path = os.path.join(directory, name)
    return Journal.create(path)


def stage(path, settings, journal, *, job_id=JOB, from_schema="", **options):
    check = check_dump(path, schema=settings.schema, from_schema=from_schema)
    assert not check.problems
    return load_beside(path, check, settings, job_id=job_id, journal=journal, **options)


def write(directory, text, name="dump.sql"):
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def roll_back(path, settings, directory, **options):
    """Load and swap; return the warnings of both."""
    journal = new_journal(directory, f"journal-{len(list(directory.iterdir()))}")
    staged = stage(path, settings, journal, **options)
    definitions = str(directory / "definitions.json")
    swap_tables(staged, settings, journal=journal, definitions_path=definitions)
    return staged.warnings, forward_tables(settings, journal)
