"""A shop that can be broken at will, and the tally of attempts and losses."""

from __future__ import annotations

import os
import platform
import time

import pytest

from core.sample.server import PrivateServer
from tests.shop import Shop

REPORT = os.environ.get("MAGEREWIND_CRASH_REPORT")


class Tally:
    """Counts faults by kind; `make crash` writes the numbers down."""

    def __init__(self):
        self.rows = {}

    def add(self, what, *, survived):
        tried, lived = self.rows.get(what, (0, 0))
        self.rows[what] = (tried + 1, lived + survived)

    def write(self, path):
        lines = [
            "# What the crash suite has tried",
            "",
            "Made by `make crash`; nothing here is written by hand. A fault is survived when the",
            "tree and the database are wholly the old ones or wholly the new ones, maintenance",
            "mode is as it should be, nothing unfinished is listed, and the next job runs without",
            "any manual cleaning.",
            "",
            "| fault | tried | survived | states lost |",
            "|---|---:|---:|---:|",
        ]
        for what, (tried, lived) in sorted(self.rows.items()):
            lines.append(f"| {what} | {tried} | {lived} | {tried - lived} |")
        tried = sum(row[0] for row in self.rows.values())
        lived = sum(row[1] for row in self.rows.values())
        lines += [
            f"| **all** | **{tried}** | **{lived}** | **{tried - lived}** |",
            "",
            f"Python {platform.python_version()}, Linux, MariaDB, {time.strftime('%Y-%m-%d')}.",
            "",
        ]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))


COUNTED = Tally()


@pytest.fixture(scope="session")
def tally():
    return COUNTED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over the rows of a worker, of which each counts by itself."""
    for what, (tried, lived) in getattr(node, "workeroutput", {}).get("tally", {}).items():
        before = COUNTED.rows.get(what, (0, 0))
        COUNTED.rows[what] = (before[0] + tried, before[1] + lived)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = COUNTED.rows
    elif REPORT:
        COUNTED.write(REPORT)


@pytest.fixture(scope="module")
def own_server():
    """A server that may be killed."""
    with PrivateServer() as running:
        yield running


@pytest.fixture(scope="module")
def shop(own_server, tmp_path_factory):
    made = Shop.make(tmp_path_factory.mktemp("shop"), own_server, "crashed")
    made.request = made.back_up()
    made.new = made.state()  # the state in the backup
    made.damage()
    made.old = made.state()  # the state before a rollback
    assert made.old != made.new
    return made
