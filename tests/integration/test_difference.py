"""The database as a difference, by the commands: the plan, kept tables, the undo, its backup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.backups.names import index_name
from core.operations.requests import RollbackRequest
from tests.integration.commands import magerewind
from tests.long import some

FLAGS = ("--yes", "--no-flush")


@pytest.fixture
def changed(shop):
    """A shop of which one table differs and one is missing; its dump's name."""
    name = shop.request.db_file
    if not hasattr(shop, "whole"):
        shop.whole = shop.state()
    roll_back(shop, name)
    assert shop.state() == shop.whole
    shop.server.run(
        "SET foreign_key_checks = 0; UPDATE customer_entity SET firstname = 'changed' LIMIT 3;"
        "DROP TABLE newsletter_subscriber; CREATE TABLE extra_table (id int)",
        schema=shop.schema,
    )
    return name


def roll_back(shop, name, *flags):
    said = magerewind(shop, "setup:rollback", f"--db-file={name}", *FLAGS, *flags)
    assert said.code == 0, said.err
    return said


def plan_of(shop, name, *flags):
    said = magerewind(shop, "setup:rollback", f"--db-file={name}", "--dry-run", "--json", *flags)
    return said.objects[0]["database"]


def asides(shop):
    return shop.server.run(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA ="
        f" '{shop.schema}' AND TABLE_NAME LIKE '\\_mra\\_%' AND TABLE_NAME NOT LIKE '%\\_0'"
    ).splitlines()[1:]


def test_a_plan_tells_the_state_of_each_table(shop, changed):
    plan = plan_of(shop, changed)
    states = {row["table"]: row["state"] for row in plan["states"]}
    assert plan["compared"] is True
    assert states.pop("customer_entity") == "differs"
    assert states.pop("newsletter_subscriber") == "missing"
    assert states.pop("extra_table") == "extra"
    assert set(states.values()) == {"same"}
    assert set(plan["kept"]) == set(states)
    assert 0 < plan["space_needed"] < plan["content_bytes"]
    assert plan["closed_about_s_with_load_open"] <= plan["closed_about_s"]
    said = magerewind(shop, "setup:rollback", f"--db-file={changed}", "--dry-run")
    assert "1 table has other rows now: customer_entity" in said.out
    assert f"{len(states)} the same, 1 replaced, 1 added, 1 set aside" in said.out
    assert "stay there for the undo" in said.out
    assert "closed for about" in said.out
    whole = plan_of(shop, changed, "--whole")
    assert (whole["compared"], whole["kept"]) == (False, [])
    assert whole["not_compared"] == "--whole was chosen"


@pytest.mark.parametrize("flags", some([(), ("--load-open",), ("--whole",)], ("--load-open",)))
def test_all_ways_come_to_the_same_and_back(shop, changed, flags):
    before = shop.state()
    roll_back(shop, changed, *flags)
    assert shop.state() == shop.whole
    aside = len(asides(shop))
    assert aside > 100 if "--whole" in flags else aside == 2
    shop.server.run("UPDATE store SET name = 'later' LIMIT 1", schema=shop.schema)
    said = magerewind(shop, "job:undo", "--yes", "--no-flush")
    assert said.code == 0, said.err
    if "--whole" not in flags:
        assert f"1 table that stayed changed since, loaded from {changed}: store" in said.err
    assert shop.state() == before


def test_the_backup_of_an_undo_is_not_deleted(shop, changed):
    roll_back(shop, changed)
    said = magerewind(shop, "info:backups:delete", changed, "--yes")
    assert said.code == 1
    assert f"{changed} is not deleted: the undo of job" in said.err
    assert os.path.exists(os.path.join(shop.store.backups, changed))


@pytest.mark.long
def test_an_undo_without_its_backup_is_refused_or_partial(shop, changed):
    roll_back(shop, changed)
    backup = Path(shop.store.backups) / changed
    backup.rename(backup.parent / "elsewhere")
    try:
        shop.server.run("UPDATE store SET name = 'later' LIMIT 1", schema=shop.schema)
        said = magerewind(shop, "job:undo", "--yes", "--no-flush")
        assert said.code == 1
        assert f"The backup {changed} is gone. The undo needs it" in said.err
        assert "job:undo --partial" in said.err
        said = magerewind(shop, "job:undo", "--partial", "--yes", "--no-flush")
        assert said.code == 0, said.err
    finally:
        (backup.parent / "elsewhere").rename(backup)
    there = shop.server.run(
        "SELECT firstname FROM customer_entity WHERE firstname = 'changed';"
        "SELECT name FROM store WHERE name = 'later'; SELECT COUNT(*) FROM extra_table",
        schema=shop.schema,
    )
    assert there.splitlines() == ["firstname", *["changed"] * 3, "name", "later", "COUNT(*)", "0"]


@pytest.mark.long
def test_without_its_index_all_of_a_dump_is_loaded(shop, changed):
    index = Path(shop.store.backups) / index_name(changed)
    content = index.read_bytes()
    try:
        index.write_bytes(content[:-1] + b" ")
        plan = plan_of(shop, changed)
        assert plan["not_compared"] == "its index is not the one of its manifest"
        assert plan["kept"] == []
        roll_back(shop, changed)
    finally:
        index.write_bytes(content)
    assert shop.state() == shop.whole
    assert len(asides(shop)) > 100


@pytest.mark.long
def test_an_undo_without_the_index_loads_all_that_stayed(shop, changed):
    before = shop.state()
    roll_back(shop, changed)
    shop.server.run("UPDATE store SET name = 'later' LIMIT 1", schema=shop.schema)
    index = Path(shop.store.backups) / index_name(changed)
    content = index.read_bytes()
    try:
        index.unlink()
        said = magerewind(shop, "job:undo", "--yes", "--no-flush")
        assert said.code == 0, said.err
    finally:
        index.touch(0o600)
        index.write_bytes(content)
    assert shop.state() == before


def planned(shop, name):
    plan = shop.client().plan_rollback(RollbackRequest(db_file=name))
    plan.scratch.cleanup()
    return plan


def undos(shop):
    rows = magerewind(shop, "job:list", "--json").objects
    return [row["job_id"] for row in rows if row["undo_kept"]], len(rows)


def test_where_nothing_differs_nothing_is_done_and_the_older_undo_stays(shop, changed):
    roll_back(shop, changed)
    ((kept,), jobs) = undos(shop)
    words = ("setup:rollback", "-d", changed, "-c", shop.request.code_file)
    said = magerewind(shop, *words, "--dry-run", code=0)
    assert "Nothing differs from the backup" in said.err
    assert not any(word in said.out for word in ("needed", "Order:", "closed", "for the undo"))
    plan = planned(shop, changed)
    assert (plan.changes_nothing, plan.older) == (True, ())
    assert (plan.database.difference.undo_bytes, plan.database.server.space_needed) == (0, 0)
    said = magerewind(shop, *words, "--yes", code=0)
    assert "Nothing differs from the backup" in said.err
    assert undos(shop) == ([kept], jobs), "no job was started"
    said = magerewind(shop, *words, "--yes", "--json", code=0)
    assert [row["outcome"] for row in said.objects if row["type"] == "JobEnded"] == ["done"]
    assert not any(row["type"] == "MaintenanceEnabled" for row in said.objects)
    assert undos(shop) == ([kept], jobs + 1)
    assert shop.leftovers() == []


@pytest.mark.parametrize("made", ["VIEW", "TRIGGER", "EVENT", "PROCEDURE"])
def test_an_object_alone_is_a_difference(shop, made):
    assert planned(shop, shop.request.db_file).changes_nothing
    more = {
        "VIEW": "AS SELECT 1 AS one",
        "TRIGGER": "BEFORE INSERT ON store FOR EACH ROW SET @one = 1",
        "EVENT": "ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
        "PROCEDURE": "() SELECT 1",
    }[made]
    shop.server.run(f"CREATE {made} one_more {more}", schema=shop.schema)
    try:
        assert not planned(shop, shop.request.db_file).changes_nothing
    finally:
        shop.server.run(f"DROP {made} one_more", schema=shop.schema)


@pytest.mark.long
def test_a_plan_names_the_undo_that_goes_with_it(shop, changed):
    roll_back(shop, changed)
    ((kept,), _) = undos(shop)
    later = Path(shop.root) / "app/later.php"
    later.write_text("<?php")
    words = ("setup:rollback", "-c", shop.request.code_file, "--only", "app/*")
    (goes,) = magerewind(shop, *words, "--dry-run", "--json").objects[0]["undos_given_up"]
    assert (goes["job_id"], goes["operation"]) == (kept, "rollback")
    assert goes["bytes"] > 0
    line = "The undo of the rollback of "
    for more in ("--dry-run", "--yes"):
        said = magerewind(shop, *words, more, code=0)
        (told,) = [one for one in (said.out + said.err).splitlines() if one.startswith(line)]
        assert told.endswith("B) goes with this one.")
    assert f"The undo of job {kept} went" in said.err
    assert kept not in undos(shop)[0]
    assert not later.exists()


@pytest.mark.long
def test_an_undo_of_which_nothing_is_left_is_not_started(shop, changed):
    """A restored file that is deleted again, and tables that stayed."""
    roll_back(shop, changed)
    lost = Path(shop.root) / "app/etc/config.php"
    content = lost.read_bytes()
    lost.unlink()
    only = ("-c", shop.request.code_file, "--only", "app/etc/config.php")
    magerewind(shop, "setup:rollback", *only, "-d", changed, "--yes", "--no-flush", code=0)
    before = undos(shop)
    lost.unlink()
    try:
        said = magerewind(shop, "job:undo", "--yes", code=0)
        assert "Nothing differs from the state before it" in said.err
        assert not any(word in said.err for word in ("Order:", "set aside come back"))
        (row, *_) = magerewind(shop, "job:undo", "--dry-run", "--json", code=0).objects
        assert row["changes_nothing"]
        assert undos(shop) == before, "no job was started, and the undo is kept"
    finally:
        lost.write_bytes(content)
