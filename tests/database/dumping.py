"""Shared by the tests of dumps: make one, load it as an administrator would, compare."""

from __future__ import annotations

import os
import subprocess

from msgspec.structs import replace

from core.database.dump.dump import DumpOptions, dump_schema
from core.magento.settings import Secret


def as_root(settings, **changes):
    """Return the settings of the administrator on the same server."""
    return replace(settings, username="root", password=Secret(""), **changes)


def dump_to(path, settings, *, report=None, **options):
    """Dump into a file and return the summary."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        more = {} if report is None else {"report": report}
        return dump_schema(
            settings, fd, options=DumpOptions(**options), created="2026-01-01 00:00:00", **more
        )
    finally:
        os.close(fd)


def load_plain(server, path, name, *, charset="utf8mb4"):
    """Load a dump into a new schema with the `mariadb` client; raise on its first error."""
    server.run(
        f"DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}` CHARACTER SET {charset}"
    )
    with open(path, "rb") as source:
        done = subprocess.run(server.client(name), stdin=source, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
