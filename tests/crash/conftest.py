"""A shop that can be broken at will, and the tally of attempts and losses."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import pytest

from core.sample.server import PrivateServer
from tests.shop import Shop

BEGIN, END = "<!-- table -->\n", "\n<!-- end of the table -->\n"
REPORT = os.environ.get("MAGEREWIND_CRASH_REPORT")


class Tally:
    """Counts faults by kind; `make crash` writes the numbers down."""

    def __init__(self):
        self.rows = {}

    def add(self, what, *, survived):
        tried, lived = self.rows.get(what, (0, 0))
        self.rows[what] = (tried + 1, lived + survived)

    def write(self, path):
        """Write the table into the page, between its two marks."""
        lines = ["| fault | tried | survived | states lost |", "|---|---:|---:|---:|"]
        for what, (tried, lived) in sorted(self.rows.items()):
            lines.append(f"| {what} | {tried} | {lived} | {tried - lived} |")
        tried = sum(row[0] for row in self.rows.values())
        lived = sum(row[1] for row in self.rows.values())
        made = f"Python {platform.python_version()}, Linux, MariaDB, {time.strftime('%Y-%m-%d')}."
        lines += [f"| **all** | **{tried}** | **{lived}** | **{tried - lived}** |", "", made]
        page = Path(path)
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        page.write_text(before + BEGIN + "\n".join(lines) + END + after, encoding="utf-8")


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
