"""What all tests share: a private database server, and schemas of their own in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from core.magento.settings import DatabaseConnection, Secret
from core.sample.server import PrivateServer

_numbers = itertools.count(1)


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


def connection_to(server: PrivateServer, schema: str) -> DatabaseConnection:
    """Return the settings of an ordinary account on a schema."""
    return DatabaseConnection(
        name="default",
        schema=schema,
        username="shop",
        password=Secret("shop"),
        socket=server.socket,
    )


@pytest.fixture
def schema(server: PrivateServer) -> Iterator[DatabaseConnection]:
    """An empty schema and an account with rights on it only."""
    name = f"shop{next(_numbers)}"
    server.make_schema(name)
    yield connection_to(server, name)
    server.run(f"DROP DATABASE IF EXISTS `{name}`")
