"""A job whose directory was removed while it ran: its traces elsewhere tell of it, and mend it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.events import Kind
from core.jobs.var_lock import var_is_held
from core.journal import read_journal
from core.operations.requests import BackupRequest, RollbackRequest, UndoRequest
from tests import oracles
from tests.integration.commands import magerewind
from tests.long import some
from tests.shop import Shop

DB = (Kind.DB,)
CODE = (Kind.CODE,)
TWO = (Kind.CODE, Kind.DB)


TABLES = """
CREATE TABLE store (id INT PRIMARY KEY, name VARCHAR(40)) ENGINE=InnoDB;
CREATE TABLE sales (id INT PRIMARY KEY AUTO_INCREMENT, store_id INT, total INT,
  CONSTRAINT SALES_STORE FOREIGN KEY (store_id) REFERENCES store (id) ON DELETE CASCADE);
CREATE TABLE core_config_data (config_id INT PRIMARY KEY, value TEXT);
CREATE TABLE eav_attribute (attribute_id INT PRIMARY KEY);
CREATE TABLE setup_module (module VARCHAR(50) PRIMARY KEY);
CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(40));
CREATE DEFINER=shop@localhost TRIGGER sold AFTER INSERT ON sales
  FOR EACH ROW INSERT INTO log (what) VALUES (NEW.total);
CREATE DEFINER=shop@localhost VIEW totals AS SELECT store_id, SUM(total) AS total FROM sales
  GROUP BY store_id;
INSERT INTO store VALUES (1, 'one'), (2, 'two');
INSERT INTO sales (store_id, total) VALUES (1, 10), (1, 20), (2, 30);
"""
CHANGES = """
UPDATE store SET name = 'changed';
INSERT INTO sales (id, store_id, total) VALUES (99, 2, 99);
CREATE TABLE later (id INT PRIMARY KEY, CONSTRAINT LATER FOREIGN KEY (id) REFERENCES store (id));
DROP VIEW totals;
DROP TRIGGER sold;
CREATE DEFINER=shop@localhost TRIGGER sold BEFORE INSERT ON sales
  FOR EACH ROW SET NEW.total = NEW.total + 1;
"""


def few_tables(server, schema, **_):
    server.run(TABLES, schema=schema)


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.shop.fill_schema", few_tables)
        made = Shop.make(tmp_path_factory.mktemp("gone") / "store", server, "memory_gone")
    made.request = made.back_up()
    made.new = halves(made)
    change_files(made)
    made.server.run(CHANGES, schema=made.schema)
    made.old = halves(made)
    assert made.old.files != made.new.files
    assert made.old.tables != made.new.tables
    return made


def change_files(shop):
    """Change the code as a damage would; once more makes no difference."""
    root = Path(shop.root)
    (root / "app/etc/later.php").write_text("<?php return 'later';")
    (root / "bin/magento").write_text("damaged")
    (root / "vendor/autoload.php").write_text("damaged")


@pytest.fixture(scope="module")
def records(shop):
    """The kinds of journal records of a rollback, by the kinds that it works on."""
    found = {}
    for kinds in (DB, CODE, TWO):
        summary, events = shop.run(chosen(shop, kinds))
        assert summary.exit_code == 0, events
        found[kinds] = [one.kind for one in read_journal(shop.job_journal(summary.job_id))]
        summary, events = shop.run(UndoRequest(job_id=summary.job_id))
        assert summary.exit_code == 0, events
        magerewind(shop, "job:discard", "--yes", code=0)
    assert halves(shop) == shop.old
    return found


def halves(shop):
    return SimpleNamespace(
        files=oracles.tree_entries(shop.root),
        tables=oracles.schema_entries(shop.server, shop.schema),
    )


def chosen(shop, kinds):
    return RollbackRequest(**{f"{kind}_file": shop.request.file_of(kind) for kind in kinds})


def forget(shop):
    shutil.rmtree(os.path.join(shop.root, "var/.magerewind"))


def ours(shop):
    """The names of all tables of jobs."""
    return shop.server.run(
        "SELECT TABLE_NAME FROM information_schema.TABLES "
        f"WHERE TABLE_SCHEMA = '{shop.schema}' AND TABLE_NAME LIKE '\\_mr_\\_%'"
    ).split()[1:]


@pytest.fixture
def old(shop):
    """The shop before any rollback, restored after every case."""
    tables = ", ".join(f"`{name}`" for name in ours(shop))
    if tables:
        shop.server.run(f"SET foreign_key_checks = 0; DROP TABLE {tables}", schema=shop.schema)
    flag = os.path.join(shop.root, "var/.maintenance.flag")
    if os.path.exists(flag):
        os.unlink(flag)
    now = halves(shop)
    if now.tables != shop.old.tables:
        magerewind(shop, "setup:rollback", "--yes", "--whole", "-d", shop.request.db_file, code=0)
        magerewind(shop, "job:discard", "--yes", code=0)
        shop.server.run(CHANGES, schema=shop.schema)
    if now.files != shop.old.files:
        change_files(shop)
    assert halves(shop) == shop.old
    return shop


def killed(shop, kinds, at, request=None):
    """Run a job whose runner dies just before a record, and remove its memory."""
    client = shop.client(fault=f"journal:{at + 1}:kill")
    job = client.start(request or chosen(shop, kinds))
    for _ in client.follow(job.job_id, interval_s=0.02):
        pass
    assert client.result_of(job.job_id).interrupted
    forget(shop)
    return job.job_id


def told(shop, job_id):
    """Every command names the job and its leftovers."""
    said = magerewind(shop, "job:recover", code=1)
    assert job_id in said.err, said
    assert "job:recover --without-memory" in said.err, said
    said = magerewind(shop, "info:store", code=1)
    assert job_id in said.err, said
    asked = magerewind(shop, "job:recover", "--without-memory", code=1)
    assert "Nothing was changed." in asked.err, "it asks, and nobody says yes"
    assert shop.closed()
    return said.err


# record, how many records behind it, the database afterwards
POINTS = {
    "closed": ("close", 1, "old"),
    "loaded": ("tables.loaded", 1, "old"),
    "before the rename": ("tables.swapping", 0, "old"),
    "renamed": ("tables.swapped", 0, "old"),
    "committed": ("commit", 3, "new"),
    "half forward": ("tables.forward", 5, "new"),
    "settled": ("settled", 0, "new"),
}


@pytest.mark.parametrize("point", some(POINTS, "loaded"))
def test_a_dead_job_of_the_database(old, records, point):
    record, more, wanted = POINTS[point]
    job_id = killed(old, DB, records[DB].index(record) + more)
    assert old.closed()
    said = told(old, job_id)
    assert ("staged tables" in said) is (point in {"loaded", "before the rename"})
    said = magerewind(old, "job:recover", "--without-memory", "--yes", code=0)
    assert f"Job {job_id} is over" in said.out + said.err
    assert not old.closed()
    now = halves(old)
    assert now.files == old.old.files
    assert now.tables == getattr(old, wanted).tables
    assert old.leftovers() == []
    assert (ours(old) == []) is (wanted == "old"), "what was live before is never dropped"
    assert "nothing to recover" in magerewind(old, "job:recover", code=0).out


@pytest.mark.parametrize("point", some(["loaded", "renamed", "half forward"], "half forward"))
def test_a_dead_job_of_code_and_database(old, records, point):
    """The database is moved last: once it was, the code is new, and the database becomes so."""
    record, more, _ = POINTS[point]
    at = records[TWO].index(record) + (more if point != "loaded" else 0)
    job_id = killed(old, TWO, at)
    told(old, job_id)
    magerewind(old, "job:recover", "--without-memory", "--yes", code=0)
    assert not old.closed()
    now = halves(old)
    if point == "loaded":
        assert now == old.old
        assert ours(old) == []
    else:
        assert now.tables == old.new.tables
        assert now.files == old.new.files


@pytest.mark.long
def test_files_that_were_being_moved_cannot_be_told(old, records):
    """Which were moved stood in the plan: the store stays closed, and a rollback mends it."""
    job_id = killed(old, CODE, records[CODE].index("swap-end"))
    said = told(old, job_id)
    assert "cannot be told" in said
    said = magerewind(old, "job:recover", "--without-memory", "--yes", code=20)
    assert "stays closed" in said.err
    assert old.closed()
    said = magerewind(old, "setup:rollback", "--yes", "-c", old.request.code_file, code=0)
    assert halves(old).files == old.new.files
    assert old.closed(), "who closed it is not known to that job"


@pytest.mark.long
def test_a_dead_undo(old, records):
    summary, _ = old.run(chosen(old, DB))
    request = UndoRequest(job_id=summary.job_id)
    client = old.client(fault="journal:5:kill")
    job = client.start(request)
    for _ in client.follow(job.job_id, interval_s=0.02):
        pass
    forget(old)
    told(old, job.job_id)
    magerewind(old, "job:recover", "--without-memory", "--yes", code=0)
    assert not old.closed()
    assert halves(old).tables == old.new.tables
    assert [name for name in ours(old) if name.startswith("_mra_")], "the undo is still there"
    said = magerewind(old, "info:store", code=0)
    assert summary.job_id in said.err, "orphans are named"


@pytest.mark.long
def test_a_half_done_schema_is_no_ground_for_the_next_job(old, records):
    job_id = killed(old, DB, records[DB].index("tables.swapped"))
    for words in (("setup:rollback", "--yes", "-d", old.request.db_file), ("setup:backup", "--db")):
        said = magerewind(old, *words, code=1)
        assert job_id in said.err
        assert "job:recover --without-memory" in said.err
    magerewind(old, "job:recover", "--without-memory", "--yes", code=0)
    assert halves(old) == old.old


def waiting(shop, kinds, at, tmp_path, request=None):
    """Start a job whose runner waits before a record; return its client, id and release."""
    go = tmp_path / "go"
    client = shop.client(fault=f"journal:{at + 1}:wait", MAGEREWIND_GO=str(go))
    return client, client.start(request or chosen(shop, kinds)).job_id, go


def left_alone(shop, kinds, at, tmp_path):
    """Remove the memory of a job whose runner lives; return its last event and its other ones."""
    client, job_id, go = waiting(shop, kinds, at, tmp_path)
    follower = client.follow(job_id, interval_s=0.02)
    events = [next(follower).event]
    until_waiting(go)
    forget(shop)
    assert var_is_held(shop.store)
    said = magerewind(shop, "setup:backup", "--code", code=1)
    assert "still running" in said.err
    forget(shop)
    go.touch()
    events += [stamped.event for stamped in follower]
    assert not var_is_held(shop.store)
    return events[-1], events


def until_waiting(go):
    """Wait for the runner to wait: work may lie between the record before and that moment."""
    while not os.path.exists(f"{go}.waits"):
        time.sleep(0.01)


# record before which the memory is removed, exit code, the database afterwards, closed
ALIVE = {
    "closed": ("tables.staging", 1, "old", False),
    "loading": ("tables.loaded", 1, "old", False),
    "before the rename": ("tables.swapping", 0, "new", False),
    "before the commit": ("commit", 0, "new", False),
    "half forward": ("settled", 0, "new", False),
}


@pytest.mark.parametrize("point", some(ALIVE, "loading", "before the commit"))
def test_a_living_job_of_the_database(old, records, point, tmp_path):
    record, code, wanted, closed = ALIVE[point]
    ended, events = left_alone(old, DB, records[DB].index(record), tmp_path)
    assert type(ended).__name__ == "JobEnded", events
    assert ended.exit_code == code, events
    assert old.closed() is closed
    assert halves(old).tables == getattr(old, wanted).tables
    assert old.leftovers() == []
    said = [event.message for event in events if getattr(event, "message", None)]
    assert ("Everything is reverted." in said) is (wanted == "old"), said
    if wanted == "new":
        assert any("cannot be undone" in message for message in said)


@pytest.mark.long
def test_a_living_job_that_cannot_go_back_says_so(old, records, tmp_path):
    at = next(n for n, kind in enumerate(records[TWO]) if kind == "swap-begin")
    ended, events = left_alone(old, TWO, at, tmp_path)
    assert ended.exit_code == 20, events
    assert old.closed()
    said = [event.message for event in events if getattr(event, "message", None)]
    assert "Everything is reverted." not in said
    assert any("stays closed" in message for message in said)


def test_the_flag_of_others_is_never_opened(old, records):
    with open(os.path.join(old.root, "var/.maintenance.flag"), "wb"):
        pass
    job_id = killed(old, DB, records[DB].index("tables.loaded") + 1)
    magerewind(old, "job:recover", "--without-memory", "--yes", code=0)
    assert old.closed()
    assert ours(old) == []
    assert job_id not in magerewind(old, "info:store").err


def test_a_backup_that_lost_its_memory_left_the_store_closed(old):
    request = BackupRequest(kinds=CODE)
    job_id = killed(old, CODE, 3, request)
    told(old, job_id)
    magerewind(old, "job:recover", "--without-memory", "--yes", code=0)
    assert not old.closed()
