"""Tables of a set elsewhere: compared with its index, and only those that differ are fetched."""

import os
from pathlib import Path

import pytest

from core.database.server.connection import connect
from core.operations.requests import RollbackRequest
from core.repository.settings import Repository
from tests.repository.events import events_of

SIGN = "core_config_data"


@pytest.fixture(scope="module")
def away(shop, restic_path, template, tmp_path_factory):
    """A shop with a set in a repository in a directory, and a program that notes each call."""
    from tests.repository.conftest import Remote

    remote = Remote(shop, tmp_path_factory.mktemp("away"), restic_path, template)
    remote.add_directory()
    remote.run("setup:backup", "--db", "--to", "off")
    remote.stamp = remote.sets()[0]["timestamp"]
    noted = remote.place / "noted"
    noted.mkdir()
    restic = restic_path.split(":")[0] + "/restic"
    script = f'#!/bin/sh\necho "$1 $*" >> {remote.place}/calls\nexec {restic} "$@"\n'
    (noted / "restic").write_text(script)
    (noted / "restic").chmod(0o755)
    remote.path = f"{noted}:{restic_path}"
    remote.before = shop.state()
    return remote


def dumped(away, command):
    """Run a command; return what it said, and how often it had the dump fetched."""
    calls = away.place / "calls"
    calls.unlink(missing_ok=True)
    said = away.run(*command)
    lines = calls.read_text().splitlines() if calls.exists() else []
    return said, sum(line.startswith("dump ") and "/db.sql" in line for line in lines)


def change(shop, *statements):
    with connect(shop.settings) as connection:
        for one in statements:
            connection.execute(one)


def fetched_bytes(shop):
    rows = [row for row in events_of(shop) if row["type"] == "StepEnded"]
    assert any((row["step"], row["kind"]) == ("fetch", "db") for row in rows)
    job = max(os.listdir(shop.store.jobs_directory))
    return [name for name in os.listdir(Path(shop.store.jobs_directory, job)) if ".sql" in name]


WORDS = ("setup:rollback", "--set", "latest", "-d", "--from", "off")


@pytest.mark.long
def test_where_no_table_differs_nothing_of_the_dump_is_fetched(away):
    said, number = dumped(away, (*WORDS, "--dry-run"))
    assert "Nothing of the dump is fetched: no table differs." in said.err
    assert "no table changes" in said.out or "the same" in said.out
    said, again = dumped(away, (*WORDS, "--yes"))
    assert (number, again) == (0, 0)
    assert away.shop.state() == away.before


def test_tables_are_named_as_for_a_dump_that_is_here_and_only_those_that_differ_come(away):
    shop = away.shop
    change(
        shop,
        f"UPDATE {SIGN} SET value = 'changed' LIMIT 1",
        "CREATE TABLE later (id INT PRIMARY KEY)",
        "SET foreign_key_checks = 0",
        "DROP TABLE cron_schedule",
        "ALTER TABLE store_group ADD COLUMN more INT",
    )
    damaged = shop.state()
    said, number = dumped(away, (*WORDS, "--dry-run", "-v"))
    assert number == 0
    away.run("repo:fetch", "latest", "off", "--db")
    here = away.run("setup:rollback", "-d", f"{away.stamp}_db.sql", "--dry-run", "-v").out
    for name in os.listdir(shop.store.backups):
        Path(shop.store.backups, name).unlink()

    def tables(text):
        lines = [one for one in text.splitlines() if one.startswith("  ") and "table" in one]
        return [one for one in lines if "dump" not in one and "counted" not in one]

    assert tables(said.out) == tables(here) != []
    said, number = dumped(away, (*WORDS, "--yes"))
    assert number == 1
    assert fetched_bytes(shop) == []  # and it is gone
    assert shop.state() == away.before
    # The tables that stayed change after the rollback: its undo puts them back as they were then.
    change(shop, "UPDATE store_website SET name = 'after the rollback' LIMIT 1")
    said, number = dumped(away, ("job:undo", "--yes"))
    assert number == 1
    assert shop.state() == damaged
    away.run("job:undo", "--yes")  # the undo of an undo
    away.run(*WORDS, "--yes")
    assert shop.state() == away.before


@pytest.mark.long
def test_one_table_is_fetched_alone(away):
    shop = away.shop
    change(shop, f"UPDATE {SIGN} SET value = 'a'", "UPDATE store SET name = 'b' LIMIT 1")
    _, number = dumped(away, (*WORDS, "--only-table", SIGN, "--yes"))
    assert number == 1
    with connect(shop.settings) as connection:
        assert connection.query("SELECT COUNT(*) FROM store WHERE name = 'b'")[0][0] == 1
        assert connection.query(f"SELECT COUNT(*) FROM {SIGN} WHERE value = 'a'")[0][0] == 0
    away.run(*WORDS, "--yes")
    assert shop.state() == away.before


@pytest.mark.long
def test_a_table_that_changes_after_the_plan_is_fetched_when_the_store_is_closed(away, monkeypatch):
    monkeypatch.setenv("PATH", away.path)
    shop = away.shop
    change(shop, f"UPDATE {SIGN} SET value = 'd' LIMIT 1")
    repository = Repository(name="off", url=away.url("off"), password_file=str(away.password))
    request = RollbackRequest(db_file=f"{away.stamp}_db.sql", repository=repository, store="shop")
    plan = shop.client().plan_rollback(request)
    change(shop, "UPDATE store_website SET name = 'after the plan' LIMIT 1")
    (away.place / "calls").unlink(missing_ok=True)
    with plan.scratch:
        summary, events = shop.run(request, plan=plan)
    assert summary.exit_code == 0, events
    calls = (away.place / "calls").read_text().splitlines()
    assert sum(line.startswith("dump ") and "/db.sql" in line for line in calls) == 2
    assert shop.state() == away.before


@pytest.mark.long
def test_a_repository_that_is_gone_keeps_no_undo_from_the_tables_that_did_not_change(away):
    shop = away.shop
    change(shop, f"UPDATE {SIGN} SET value = 'c' LIMIT 1")
    damaged = shop.state()
    away.run(*WORDS, "--yes")
    place = away.place / "off"
    place.rename(away.place / "gone")
    try:
        change(shop, "UPDATE store_website SET name = 'later' LIMIT 1")
        said = away.run("job:undo", "--yes", code=1)
        assert "job:undo --partial" in said.err
        assert not shop.closed()
    finally:
        (away.place / "gone").rename(place)
    away.run("job:undo", "--yes")
    assert shop.state() == damaged
    away.run(*WORDS, "--yes")
    away.run("setup:backup", "--media", "--to", "off")
    said = away.run("repo:forget", "--keep-last", "1", "--dry-run").out
    (line,) = [one for one in said.splitlines() if str(away.stamp) in one]
    assert "undo of job" in line
    assert "forget" not in line
