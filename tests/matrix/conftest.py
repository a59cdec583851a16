"""The servers of the matrix, started once each, and schemas of their own in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from core.magento.settings import DatabaseConnection
from core.sample.server import PrivateServer
from tests.matrix.servers import BUILDS, EVERY, RootedServer, server_id, settings_of, why_not

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/matrix/" in item.path.as_posix():
            item.add_marker(pytest.mark.matrix)


def start(build, *, binary_log):
    reason = why_not(build)
    if reason:
        pytest.skip(reason)
    running = RootedServer(build, binary_log=binary_log)
    try:
        running.start()
    except BaseException:
        running.remove()
        raise
    if binary_log:  # without it no ordinary account makes a trigger; that has a test of its own
        running.run("SET GLOBAL log_bin_trust_function_creators = 1")
    return running


@pytest.fixture(scope="session", params=EVERY, ids=itertools.starmap(server_id, EVERY))
def rooted(request) -> Iterator[RootedServer]:
    build, binary_log = request.param
    running = start(build, binary_log=binary_log)
    yield running
    running.remove()


@pytest.fixture(scope="session")
def each() -> Iterator[dict[str, RootedServer | PrivateServer]]:
    """One of each: MariaDB of this machine, the newer MariaDB, MySQL."""
    running: dict[str, RootedServer | PrivateServer] = {}
    try:
        for build in BUILDS:
            running[build.name] = start(build, binary_log=False)
        running["here"] = PrivateServer()
        running["here"].start()
        yield running
    finally:
        for server in running.values():
            server.remove()


@pytest.fixture
def make():
    """Make schemas that are dropped when the test is over."""
    made = []

    def make_one(server, statements="") -> DatabaseConnection:
        name = f"shop{next(_numbers)}"
        server.make_schema(name)
        made.append((server, name))
        if statements:
            server.run(statements, schema=name)
        return settings_of(server, name)

    yield make_one
    for server, name in made:
        server.run(f"DROP DATABASE IF EXISTS `{name}`")
