"""Shared by all tests: a private database server, schemas of their own in it, and one rule.

The rule: where CI is set, a test is skipped for the account it runs as, for a missing php, or for a
restic that cannot be had only.
Anything else that is missing there is a failure, or a hole would look like success.
"""

from __future__ import annotations

import gc
import itertools
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from core.magento.settings import DatabaseConnection
from core.sample.server import PrivateServer
from tests.security.accounts import Installation, make_installation
from tests.shop import connection_to

# A machine with much else to do is no reason for a failure; the same cases every time.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")

# A sixth of the processor time of the application's tests went into looking for cycles.
gc.set_threshold(50_000, 20, 20)

_numbers = itertools.count(1)
_MAY_BE_SKIPPED_FOR = ("root", "account", "php", "no restic")
# Files of tests go to the workers in this order, the long ones first: a long file that begins last
# would leave the other workers idle.
_LONG = ("crash", "operations", "security", "integration", "sample", "database", "cli", "tui")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the folders of tests by the time they take; within a folder the order stays."""
    here = Path(__file__).parent
    rank = {folder: number for number, folder in enumerate(_LONG)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(here).parts[0], len(rank)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip that would go unnoticed into a failure."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        _fail_unless_allowed(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        _fail_unless_allowed(report)
    return report


def _fail_unless_allowed(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not any(word in reason for word in _MAY_BE_SKIPPED_FOR):
        report.outcome = "failed"
        report.longrepr = f"{reason} (not to be skipped where CI is set)"


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """The package and an interpreter that every account can read."""
    with tempfile.TemporaryDirectory(prefix="magerewind-test-", dir="/tmp") as place:
        os.chmod(place, 0o755)
        yield make_installation(place)


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateServer]:
    """A MariaDB without a binary log."""
    with PrivateServer() as running:
        yield running


@pytest.fixture(scope="session")
def binlog_server() -> Iterator[PrivateServer]:
    """A MariaDB with the binary log on."""
    with PrivateServer(binary_log=True) as running:
        yield running


@pytest.fixture
def schema(server: PrivateServer) -> Iterator[DatabaseConnection]:
    """An empty schema and an account with rights on it only."""
    name = f"shop{next(_numbers)}"
    server.make_schema(name)
    yield connection_to(server, name)
    server.run(f"DROP DATABASE IF EXISTS `{name}`")
