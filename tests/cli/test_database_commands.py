"""The commands on a store with its database: their output, which holds no password."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from core.magento.settings import DatabaseConnection, Secret
from core.sample.database import fill_schema
from core.sample.server import PrivateServer
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.cli.command_line import Shop

PASSWORD = "s3cret'\"\\ pâss"
SCHEMA = "commands"


class DatabaseShop(Shop):
    """A sample store with a database, and all that its commands have said."""

    def __init__(self, root: Path, server: PrivateServer) -> None:
        super().__init__(root)
        self.server = server
        self.said = ""

    def run(
        self, *words: str, stdin: str = "", cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        done = super().run(*words, stdin=stdin, cwd=cwd)
        self.said += done.stdout + done.stderr
        return done

    def value(self, statement: str) -> str:
        return self.server.run(statement, schema=SCHEMA).splitlines()[-1]


@pytest.fixture(scope="module")
def shop(server: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> DatabaseShop:
    root = tmp_path_factory.mktemp("shop")
    quoted = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    server.make_schema(SCHEMA, username="commands", password=quoted)
    fill_schema(server, SCHEMA, size=Size.SMALL)
    connection = DatabaseConnection(
        name="default",
        schema=SCHEMA,
        username="commands",
        password=Secret(PASSWORD),
        socket=server.socket,
    )
    make_store(str(root), size=Size.SMALL, connection=connection)
    (root / "var/backups").mkdir(0o700, exist_ok=True)
    return DatabaseShop(root, server)


@pytest.mark.long
def test_a_whole_circle(shop: DatabaseShop) -> None:
    known = shop.run("info:store", "--json")
    assert known.returncode == 0, known.stderr
    assert json.loads(known.stdout)["connections"] == [
        {
            "name": "default",
            "host": None,
            "port": None,
            "socket": shop.server.socket,
            "dbname": SCHEMA,
            "username": "commands",
        }
    ]
    backed_up = shop.run("setup:backup", "--db")
    (name,) = (one for one in os.listdir(shop.root / "var/backups") if one.endswith("_db.sql"))
    path = f"{shop.root}/var/backups/{name}"
    assert backed_up.returncode == 0, backed_up.stderr
    assert backed_up.stdout.splitlines() == [
        "Enabling maintenance mode",
        "DB backup is starting...",
        f"DB backup filename: {name}",
        f"DB backup path: {path}",
        "[SUCCESS]: DB backup completed successfully.",
        "Disabling maintenance mode",
    ]
    assert shop.run("info:backups:verify", name).returncode == 0
    orders = shop.value("SELECT COUNT(*) FROM sales_order")
    shop.server.run("DELETE FROM sales_order LIMIT 3; CREATE TABLE later (id int)", schema=SCHEMA)
    (shop.root / "var/.maintenance.flag").touch()  # somebody closed the store before
    rolled_back = shop.run("setup:rollback", "-d", name, "--yes")
    assert rolled_back.returncode == 0, rolled_back.stderr
    assert rolled_back.stdout.splitlines() == [
        "Maintenance mode already enabled",
        "DB rollback is starting...",
        f"DB rollback filename: {name}",
        f"DB rollback path: {path}",
        "[SUCCESS]: DB rollback completed successfully.",
        "Please set file permission of bin/magento to executable (already executable)",
        "Skipped disabling maintenance mode",
    ]
    assert shop.value("SELECT COUNT(*) FROM sales_order") == orders
    assert (
        shop.value(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_name='later'"
            f" AND table_schema = '{SCHEMA}'"
        )
        == "0"
    )
    undone = shop.run("job:undo", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert shop.value("SELECT COUNT(*) FROM sales_order") == str(int(orders) - 3)
    assert (shop.root / "var/.maintenance.flag").exists()
    assert shop.run("job:discard", "--yes").returncode == 0
    for stream in (shop.root / "var/.magerewind/jobs").rglob("*"):
        if stream.is_file() and stream.name != "connection.json":
            shop.said += stream.read_text(errors="replace")
    assert PASSWORD not in shop.said
    assert "s3cret" not in shop.said


def test_a_database_that_refuses_is_one_line(shop: DatabaseShop) -> None:
    env = shop.root / "app/etc/env.php"
    was = env.read_bytes()
    env.write_bytes(was.replace(b"'username' => 'commands'", b"'username' => 'nobody'"))
    try:
        done = shop.run("setup:backup", "--db")
    finally:
        env.write_bytes(was)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "nobody" in done.stderr
    assert "s3cret" not in done.stderr
    assert not [one for one in os.listdir(shop.root / "var/backups") if "partial" in one]


def test_what_the_server_cannot_make_is_in_the_plan_with_its_line(shop: DatabaseShop) -> None:
    name = "1700000009_db.sql"
    text = (
        "-- MySQL dump 10.13\n"
        "CREATE TABLE `globe` (`p` point NOT NULL /*!80003 SRID 4326 */);\n"
        "CREATE TABLE `lower` (`v` varchar(9), KEY `k` ((lower(`v`))));\n"
        "-- Dump completed on 2024-01-01  0:00:00\n"
    )
    (shop.root / "var/backups" / name).write_text(text)
    (shop.root / "var/.maintenance.flag").unlink(missing_ok=True)
    for more in (("--dry-run",), ("--yes",)):
        done = shop.run("setup:rollback", "-d", name, "--partial", *more)
        assert done.returncode not in {0, 2}
        assert "Line 3 of the dump, 'lower': " in done.stdout + done.stderr
        assert "globe (SRID 4326)" in done.stdout + done.stderr
    assert not (shop.root / "var/.maintenance.flag").exists()
    (shop.root / "var/backups" / name).unlink()
