"""What the commands say of a store is true: how it stands, what a way back is, which time it is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.magento.settings import DatabaseConnection, Secret
from core.sample.database import fill_schema
from core.sample.server import PrivateServer
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.cli.command_line import Shop

SCHEMA = "truth"


@pytest.fixture(scope="module")
def shop(server: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("shop")
    server.make_schema(SCHEMA)
    server.make_schema("truth_empty")
    fill_schema(server, SCHEMA, size=Size.SMALL)
    connection = DatabaseConnection(
        name="default",
        schema=SCHEMA,
        username="shop",
        password=Secret("shop"),
        socket=server.socket,
    )
    make_store(str(root), size=Size.SMALL, connection=connection)
    return Shop(root)


@pytest.fixture(scope="module")
def backed_up(shop: Shop) -> str:
    assert shop.run("setup:backup", "--code", "--db").returncode == 0
    return shop.names("_filesystem.tgz")[0]


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Have something not be there."""
    kept = path.with_name(f".{path.name}.aside")
    path.rename(kept)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        kept.rename(path)


def fact(said: str, label: str) -> str:
    (line,) = (line for line in said.splitlines() if line.startswith(f"{label} "))
    return line[14:]


def state(shop: Shop) -> str:
    return fact(shop.run("info:store").stdout, "State")


def test_a_store_is_open_only_where_nothing_is_broken(shop: Shop, server: PrivateServer) -> None:
    env_php = shop.root / "app/etc/env.php"
    text = env_php.read_text()
    assert state(shop) == "open"
    with aside(shop.root / "vendor"):
        assert state(shop) == "vendor missing"
        shop.flag.touch()
        assert state(shop) == "closed: maintenance mode is on; vendor missing"
        shop.flag.unlink()
    with aside(env_php):
        assert state(shop) == "config missing"
        env_php.write_text("<?php return [")
        assert state(shop) == "config BROKEN"
        env_php.write_text("<?php return ['db' => []];")
        assert state(shop) == "not installed"
        env_php.write_text(text.replace(server.socket, f"{server.socket}.none"))
        assert state(shop) == "database down"
        env_php.write_text(text.replace(f"'{SCHEMA}'", "'truth_empty'"))
        assert state(shop) == "database empty"
    known = json.loads(shop.run("info:store", "--json").stdout)
    assert (known["state"], known["broken"]) == ("open", [])


def test_what_is_broken_ends_with_the_rollback_that_mends_it(shop: Shop, backed_up: str) -> None:
    way = f"magerewind setup:rollback --code-file={backed_up}"
    env_php = shop.root / "app/etc/env.php"
    (shop.root / "vendor").rename(shop.root / "var/vendor")
    assert f"Roll it back: {way}\n" in shop.run("info:store").stderr
    done = shop.run(*way.split()[1:], "-y")  # and it works
    assert done.returncode == 0, done.stderr
    assert state(shop) == "open"
    env_php.write_text("<?php return [")
    for words in (("info:store",), ("setup:backup", "--db")):
        assert way in shop.run(*words).stderr
    assert shop.run(*way.split()[1:], "-y").returncode == 0
    assert state(shop) == "open"
