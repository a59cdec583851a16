"""Shared by the tests of indexes and comparisons: a dump with its index, and a look at it."""

from __future__ import annotations

import contextlib
import os

from core.database.compare.compare import compare_tables
from core.database.dump.dump import DumpOptions, dump_schema
from core.database.index.read_index import DumpIndex


def dump_with_index(directory, settings, name="d.sql", **options):
    """Dump into a directory; return the path of the dump, that of its index, the summary."""
    path, beside = os.path.join(directory, name), os.path.join(directory, f"{name}.index")
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
    fd, index_fd = os.open(path, flags, 0o600), os.open(beside, flags, 0o600)
    try:
        summary = dump_schema(
            settings,
            fd,
            options=DumpOptions(**options),
            created="2026-01-01 00:00:00",
            index_fd=index_fd,
        )
    finally:
        os.close(fd)
        os.close(index_fd)
    return path, beside, summary


@contextlib.contextmanager
def open_dump_index(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        yield DumpIndex(fd)
    finally:
        os.close(fd)


def verdicts(path, settings, **options):
    """Return the result of a comparison of all tables of an index, as words by table."""
    with open_dump_index(path) as index:
        found = compare_tables(index, settings, index.tables, **options)
    return {name: verdict.value for name, verdict in found.verdicts.items()}, found.reason
