"""Load, swap, revert and forward against real servers, whole and partial, with every fault."""

from __future__ import annotations

import threading

import pytest

from core.database.dump.dump import DumpOptions, dump_schema
from core.database.schema.swap_file import SwappedTable
from core.database.server.connection import connect, schema_lock
from core.database.swap import swap
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import revert_tables, swap_tables
from core.database.swap.undo import drop_aside, leftovers, undo_tables
from core.errors import ConnectionLost, DatabaseError, SwapBlocked
from core.journal import Journal
from tests.database.odd_schemas import NEW, OLD
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import fill, native_dump, new_journal, stage
from tests.database.swap.swapped_shop import make_shop


@pytest.fixture
def shop(server, schema, tmp_path):
    """A live shop that holds OLD, the portrait of it, and a dump and portrait of NEW."""
    return make_shop(server, schema, tmp_path, OLD, NEW)


def test_after_the_swap_the_schema_is_the_dump_and_undo_brings_all_back(shop):
    journal = new_journal(shop.directory)
    staged = shop.stage(journal)
    shop.check(shop.old)
    shop.swap(staged, journal)
    assert forward_tables(shop.settings, journal) == ()
    shop.check(shop.wanted)
    assert leftovers(shop.settings)[0].staged == ()

    again = new_journal(shop.directory, "undo.jsonl")
    back = undo_tables(
        shop.settings, again, job_id="20261124-000000-ffff", definitions_path=shop.definitions
    )
    first = shop.definitions
    shop.definitions = str(shop.directory / "undo.json")
    shop.swap(back, again)
    assert forward_tables(shop.settings, again) == ()
    shop.check(shop.old)
    assert drop_aside(shop.settings, first).dropped == 0

    third = new_journal(shop.directory, "redo.jsonl")
    redo = undo_tables(
        shop.settings, third, job_id="20261125-000000-ffff", definitions_path=shop.definitions
    )
    shop.definitions = str(shop.directory / "redo.json")
    shop.swap(redo, third)
    assert forward_tables(shop.settings, third) == ()
    shop.check(shop.wanted)
    done = drop_aside(shop.settings, shop.definitions)
    assert done.dropped > 3
    assert done.kept == ()
    shop.check(shop.wanted, ours=True)


def test_what_the_shop_wrote_after_the_rollback_is_kept_by_undo_and_redo(server, shop):
    journal = new_journal(shop.directory)
    shop.swap(shop.stage(journal), journal)
    forward_tables(shop.settings, journal)
    fill(server, shop.settings.schema, "INSERT INTO parent (code) VALUES ('newer order')")
    later = shop.now()
    for number in range(2):
        record = new_journal(shop.directory, f"undo{number}.jsonl")
        staged = undo_tables(
            shop.settings, record, job_id=f"2026-{number}", definitions_path=shop.definitions
        )
        shop.definitions = str(shop.directory / f"undo{number}.json")
        shop.swap(staged, record)
        forward_tables(shop.settings, record)
    shop.check(later)


def test_revert_leaves_not_one_byte_changed(shop):
    journal = new_journal(shop.directory)
    shop.swap(shop.stage(journal), journal)
    revert_tables(shop.settings, journal)
    shop.check(shop.old, ours=True)
    revert_tables(shop.settings, journal)
    shop.check(shop.old, ours=True)


def test_a_swap_that_others_block_names_them_and_changes_nothing(server, shop):
    journal = new_journal(shop.directory)
    staged = shop.stage(journal)
    with connect(shop.settings) as other, schema_lock(shop.settings) as holder:
        other.execute("START TRANSACTION")
        other.query("SELECT * FROM parent")
        with pytest.raises(SwapBlocked) as caught:
            _swap_impatiently(shop, staged, journal)
        assert f"connection {other.thread_id} of shop" in caught.value.message
        assert f"connection {holder.thread_id} " not in caught.value.message
    revert_tables(shop.settings, journal)
    shop.check(shop.old, ours=True)


def test_a_rename_still_waiting_for_a_dead_job_cannot_happen_after_the_revert(server, shop):
    journal = new_journal(shop.directory)
    staged = shop.stage(journal)
    with connect(shop.settings) as other:
        other.execute("START TRANSACTION")
        other.query("SELECT * FROM parent")
        dying = threading.Thread(target=_swap_until_cut, args=(shop, staged, journal))
        dying.start()
        waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'RENAME %'"
        while not other.scalar(waiting):
            pass
        # The server works on; the client is as good as dead.
        revert_tables(shop.settings, Journal.resume(journal.path))
        assert not other.scalar(waiting)
        other.execute("ROLLBACK")
        dying.join()
    shop.check(shop.old, ours=True)


def _swap_until_cut(shop, staged, journal):
    with pytest.raises((ConnectionLost, DatabaseError)):
        shop.swap(staged, journal)


def _swap_impatiently(shop, staged, journal):
    real = swap.LOCK_WAIT_S
    swap.LOCK_WAIT_S = 1
    try:
        shop.swap(staged, journal, tries=2)
    finally:
        swap.LOCK_WAIT_S = real


def test_readers_see_the_old_or_the_new_rows_and_never_none(shop):
    journal = new_journal(shop.directory)
    staged = shop.stage(journal)
    seen, errors, stop = set(), [], threading.Event()

    def poll():
        with connect(shop.settings) as connection:
            while not stop.is_set():
                try:
                    seen.add(connection.scalar("SELECT COUNT(*) FROM parent"))
                except DatabaseError as error:
                    errors.append(error)

    readers = [threading.Thread(target=poll) for _ in range(2)]
    for reader in readers:
        reader.start()
    shop.swap(staged, journal)
    forward_tables(shop.settings, journal)
    stop.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert seen <= {2, 6}


def test_our_own_dump_comes_back_exactly(server, schema, tmp_path):
    fill(server, schema.schema, NEW)
    wanted = portrait(schema)
    path = tmp_path / "own.sql"
    with path.open("wb") as file:
        summary = dump_schema(
            schema, file.fileno(), options=DumpOptions(), report=lambda *_: None, created="now"
        )
    fill(
        server,
        schema.schema,
        "SET foreign_key_checks=0; DROP TABLE child; DROP VIEW apple; DROP FUNCTION twice;"
        "INSERT INTO parent (code) VALUES ('later'); CREATE TABLE later (id int);"
        "CREATE PROCEDURE later() SELECT 1; DROP EVENT nightly; DROP TRIGGER parent_log;",
    )
    journal = new_journal(tmp_path)
    staged = stage(str(path), schema, journal, expected_rows=summary.rows)
    definitions = str(tmp_path / "definitions.json")
    swap_tables(staged, schema, journal=journal, definitions_path=definitions)
    assert forward_tables(schema, journal) == ()
    assert differences(wanted, portrait(schema)) == {}


PARTIAL_OLD = """
CREATE TABLE p (id int PRIMARY KEY, v int) ENGINE=InnoDB;
CREATE TABLE stays_child (id int PRIMARY KEY, p int, KEY p (p),
  CONSTRAINT STAYS FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE) ENGINE=InnoDB;
CREATE TABLE stays_parent (id int PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE c (id int PRIMARY KEY, sp int, KEY sp (sp),
  CONSTRAINT TO_STAYING FOREIGN KEY (sp) REFERENCES stays_parent (id)) ENGINE=InnoDB;
CREATE VIEW v AS SELECT id FROM p;
INSERT INTO p VALUES (1,1),(2,2); INSERT INTO stays_child VALUES (1,1);
INSERT INTO stays_parent VALUES (7); INSERT INTO c VALUES (1,7);
CREATE TRIGGER p_trigger BEFORE INSERT ON `p` FOR EACH ROW SET @x = NEW.id;
"""


def test_a_partial_dump_replaces_its_tables_and_keeps_what_hangs_on_others(
    server, schema, tmp_path
):
    fill(server, schema.schema, PARTIAL_OLD)
    old = portrait(schema)
    path = native_dump(
        server, schema.schema, tmp_path / "part.sql", "--skip-triggers", "--ignore-table="
        f"{schema.schema}.stays_child", f"--ignore-table={schema.schema}.stays_parent",
        f"--ignore-table={schema.schema}.v",
    )  # fmt: skip
    fill(server, schema.schema, "UPDATE p SET v = 9; DELETE FROM c; INSERT INTO p VALUES (3,3)")
    changed = portrait(schema)
    journal = new_journal(tmp_path)
    staged = stage(path, schema, journal, partial=True)
    definitions = str(tmp_path / "definitions.json")
    swap_tables(staged, schema, journal=journal, definitions_path=definitions)
    assert forward_tables(schema, journal) == ()
    assert differences(old, portrait(schema)) == {}
    with connect(schema) as connection, pytest.raises(DatabaseError):
        connection.execute("INSERT INTO stays_child VALUES (5, 99)")

    again = new_journal(tmp_path, "undo.jsonl")
    back = undo_tables(schema, again, job_id="2026-undo", definitions_path=definitions)
    other = str(tmp_path / "undo.json")
    swap_tables(back, schema, journal=again, definitions_path=other)
    assert forward_tables(schema, again) == ()
    assert differences(changed, portrait(schema)) == {}
    assert drop_aside(schema, other).kept == ()
    assert differences(changed, portrait(schema, ours=True)) == {}


def test_a_foreign_key_of_another_schema_keeps_its_old_table(server, schema, tmp_path):
    fill(server, schema.schema, "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE q (id int)")
    path = native_dump(server, schema.schema, tmp_path / "p.sql")
    other = schema.schema + "other"
    server.run(
        f"CREATE DATABASE {other}; CREATE TABLE {other}.c (id int, KEY (id),"
        f" FOREIGN KEY (id) REFERENCES {schema.schema}.p (id))"
    )
    try:
        journal = new_journal(tmp_path)
        definitions = str(tmp_path / "d.json")
        staged = stage(path, schema, journal)
        swap_tables(staged, schema, journal=journal, definitions_path=definitions)
        forward_tables(schema, journal)
        done = drop_aside(schema, definitions)
        assert done.kept == ("p",)
        assert done.dropped == 1
        server.run(f"DROP DATABASE {other}")
        assert drop_aside(schema, definitions).kept == ()
        assert leftovers(schema) == ()
    finally:
        server.run(f"DROP DATABASE IF EXISTS {other}")


def test_a_server_that_renames_one_by_one_is_led_back_from_every_place():
    """Before MariaDB 10.6 a crash may leave a RENAME of many tables half done."""
    tables = (
        SwappedTable(name="both", staged="s1", aside="a1"),
        SwappedTable(name="comes", staged="s2", aside=None),
        SwappedTable(name="goes", staged=None, aside="a3"),
        SwappedTable(name="more", staged="s4", aside="a4"),
    )
    old = {"both": 1, "goes": 3, "more": 4, "s1": 10, "s2": 20, "s4": 40, "other": 9}
    steps = swap.forward_renames(tables, frozenset(old))
    assert len(steps) == 6
    for done in range(len(steps) + 1):
        now = _renamed(old, steps[:done])
        back = swap.reverse_renames(tables, frozenset(now))
        for undone in range(len(back) + 1):
            half = _renamed(now, back[:undone])
            rest = swap.reverse_renames(tables, frozenset(half))
            assert _renamed(half, rest) == old
        rest = swap.forward_renames(tables, frozenset(now))
        assert _renamed(now, rest) == _renamed(old, steps)


def _renamed(names, renames):
    names = dict(names)
    for source, target in renames:
        assert target not in names
        names[target] = names.pop(source)
    return names
