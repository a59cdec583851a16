"""The commands report a store's true state: open or closed, ways back, and the time."""

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


@pytest.mark.long
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


def test_a_session_that_only_looks_may_plan(shop: Shop, backed_up: str) -> None:
    before = sorted(path.name for path in shop.backups.iterdir())
    for words in (("setup:backup", "--code"), ("setup:rollback", "-y", "-c", backed_up)):
        refused = shop.run(*words, "--read-only")
        assert refused.returncode == 2
        assert f"{words[0]} changes the store, and --read-only forbids that." in refused.stderr
        assert "--dry-run shows what it would do." in refused.stderr
        planned = shop.run("--read-only", *words, "--dry-run")
        assert planned.returncode == 0, planned.stderr
        assert "Code" in planned.stdout
    for words in (("job:discard",), ("job:recover",), ("job:cancel",)):
        assert "--read-only forbids that." in shop.run(*words, "--read-only").stderr
    deleted = shop.run("info:backups:delete", "-y", "--read-only", backed_up)
    assert deleted.returncode == 2
    assert shop.run("info:backups:verify", "--read-only", backed_up).returncode == 0
    assert sorted(path.name for path in shop.backups.iterdir()) == before


def test_plan_progress_and_result_count_alike(shop: Shop) -> None:
    plan = shop.run("setup:backup", "--code", "--dry-run", "--json", "--exclude", "var/**")
    planned = json.loads(plan.stdout)["estimates"]["code"]["items"]
    done = shop.run("setup:backup", "--code", "--json", "--exclude", "var/**")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (completed,) = (event for event in events if event["type"] == "BackupCompleted")
    last = [e for e in events if e["type"] == "Progressed" and e["step"] == "write"][-1]
    assert completed["items"] == last["done_items"] == last["total_items"] == planned
    assert shop.run("setup:rollback", "-y", "-c", completed["file_name"]).returncode == 0


@pytest.mark.long
def test_a_dump_is_estimated_by_the_one_before(
    shop: Shop, backed_up: str, server: PrivateServer
) -> None:
    def estimated() -> int:
        plan = json.loads(shop.run("setup:backup", "--db", "--dry-run", "--json").stdout)
        return int(plan["estimates"]["db"]["file_bytes"])

    (first,) = shop.names("_db.sql")
    size = (shop.backups / first).stat().st_size
    assert size / 2 < estimated() < size * 2
    # Many times as many rows, and the statistics of the server with them.
    server.run("CREATE TABLE grown AS SELECT * FROM sales_order", schema=SCHEMA)
    for _ in range(8):
        server.run("INSERT INTO grown SELECT * FROM grown LIMIT 10000", schema=SCHEMA)
    server.run("ANALYZE TABLE grown", schema=SCHEMA)
    expected = estimated()
    assert shop.run("setup:backup", "--db", "--no-verify").returncode == 0
    size = (shop.backups / shop.names("_db.sql")[-1]).stat().st_size
    assert size / 2 < expected < size * 2
    server.run("DROP TABLE grown", schema=SCHEMA)


def test_orders_that_cannot_be_counted_are_not_none(
    shop: Shop, backed_up: str, server: PrivateServer
) -> None:
    server.run("RENAME TABLE sales_order TO so_aside", schema=SCHEMA)
    name = shop.names("_db.sql")[0]
    try:
        said = shop.run("setup:rollback", "-d", name, "--dry-run")
        as_json = shop.run("setup:rollback", "-d", name, "--dry-run", "--json").stdout
    finally:
        server.run("RENAME TABLE so_aside TO sales_order", schema=SCHEMA)
    assert "Warning: Orders cannot be counted: sales_order is missing.\n" in said.stderr
    plan = json.loads(as_json.splitlines()[0])["database"]
    assert plan["orders_lost"] is None
    assert plan["uncounted"] == ["orders cannot be counted: sales_order is missing"]


def test_lists_name_the_time_zone_and_what_is_forgotten(shop: Shop, backed_up: str) -> None:
    listed = shop.run("info:backups:list").stdout
    assert listed.count("Times are ") == 1
    jobs = shop.run("job:list").stdout
    number = len(json.loads(f"[{','.join(shop.run('job:list', '--json').stdout.splitlines())}]"))
    assert jobs.splitlines()[-1].startswith(f"{number} jobs. Times are ")
    (shop.root / "var/.magerewind/forgotten").write_text("163\n")
    (shop.root / "var/.magerewind/forgotten").chmod(0o600)
    assert f"{number} of {number + 163} jobs. " in shop.run("job:list").stdout


def test_a_job_that_cannot_be_read_is_not_of_1970(shop: Shop, backed_up: str) -> None:
    jobs = shop.root / "var/.magerewind/jobs"
    journal = min(jobs.iterdir()) / "journal.jsonl"
    kept = journal.read_bytes()
    journal.write_bytes(b"nonsense\n" + kept)
    try:
        said, as_json = shop.run("job:list").stdout, shop.run("job:list", "--json").stdout
    finally:
        journal.write_bytes(kept)
    assert "unreadable" in said
    assert "1970-01-01" not in said + as_json
    (job,) = (row for row in map(json.loads, as_json.splitlines()) if row["unreadable"])
    assert job["began_s"] is None
