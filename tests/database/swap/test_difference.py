"""A rollback that swaps only what differs: the same schema after it, after a revert and an undo."""

from __future__ import annotations

import threading

import pytest
from msgspec.structs import replace

from core.database.server.connection import connect
from core.database.swap import point_keys
from core.database.swap.after_commit import forward_tables
from core.database.swap.undo import drop_aside
from core.errors import ConnectionLost, DatabaseError, LoadFailed, SwapBlocked
from core.operations.kept_tables import KeptTables
from tests.database.differing import Difference, pointing_aside, state
from tests.database.dumping import as_root
from tests.database.indexing import dump_with_index
from tests.database.schema_oracle import differences
from tests.database.shop_flow import fill

_SHOP = """
CREATE TABLE a (id int PRIMARY KEY, v varchar(20));
CREATE TABLE b (id int PRIMARY KEY AUTO_INCREMENT, a_id int, up int, v varchar(20),
  CONSTRAINT B_A FOREIGN KEY (a_id) REFERENCES a (id) ON DELETE CASCADE,
  CONSTRAINT B_UP FOREIGN KEY (up) REFERENCES b (id) ON DELETE SET NULL);
CREATE TABLE c (id int PRIMARY KEY, b_id int, a_id int, v varchar(20), KEY ZB (b_id), KEY ZA (a_id),
  CONSTRAINT C_B FOREIGN KEY (b_id) REFERENCES b (id) ON DELETE CASCADE,
  CONSTRAINT C_A FOREIGN KEY (a_id) REFERENCES a (id) ON DELETE RESTRICT);
CREATE TABLE x (id int PRIMARY KEY, y_id int, v varchar(20));
CREATE TABLE y (id int PRIMARY KEY, x_id int, v varchar(20),
  CONSTRAINT Y_X FOREIGN KEY (x_id) REFERENCES x (id) ON UPDATE CASCADE);
ALTER TABLE x ADD CONSTRAINT X_Y FOREIGN KEY (y_id) REFERENCES y (id) ON DELETE NO ACTION;
CREATE TABLE alone (id int PRIMARY KEY, v varchar(20));
CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY, v varchar(20));
INSERT INTO a VALUES (1,'one'),(2,'two'),(3,'three');
INSERT INTO b VALUES (1,1,NULL,'x'),(2,2,1,'y'),(3,NULL,2,'z');
INSERT INTO c VALUES (1,1,3,'x'),(2,3,3,'y');
INSERT INTO x VALUES (1,NULL,'x'); INSERT INTO y VALUES (1,1,'y'); UPDATE x SET y_id = 1;
INSERT INTO alone VALUES (1,'alone'); INSERT INTO log VALUES (1,'log');
CREATE TRIGGER c_log AFTER INSERT ON `c` FOR EACH ROW INSERT INTO log (v) VALUES (NEW.v);
CREATE TRIGGER c_second BEFORE UPDATE ON `c` FOR EACH ROW SET NEW.v = CONCAT(NEW.v, '!');
CREATE VIEW both_ AS SELECT a.id, b.v FROM a JOIN b ON b.a_id = a.id;
"""
TABLES = ("a", "b", "c", "x", "y", "alone", "log")


@pytest.fixture
def shop(server, schema, tmp_path):
    fill(server, schema.schema, _SHOP)
    return dump_with_index(tmp_path, schema)


def change(server, schema, *tables):
    for table in tables:
        column = "id" if table == "log" else "v"
        value = "id + 50" if table == "log" else f"CONCAT({column}, '~')"
        server.run(
            f"SET foreign_key_checks = 0; UPDATE {table} SET {column} = {value} LIMIT 1",
            schema=schema.schema,
        )


@pytest.mark.parametrize("changed", [("a",), ("b", "log"), ("c",), ("x",), ()])
def test_there_and_back_and_there(server, schema, shop, tmp_path, changed):
    original = state(schema)
    change(server, schema, *changed)
    before = state(schema)
    with Difference(schema, tmp_path, shop) as job:
        assert set(job.plan().kept.names) == set(TABLES) - set(changed)
        job.stage().lock_kept().swap()
        job.forward()
        assert differences(original, state(schema)) == {}
        assert pointing_aside(server, schema) == ""
    server.run("UPDATE alone SET v = 'later'", schema=schema.schema)  # it stayed, or not
    with Difference(schema, tmp_path, shop, job_id="20261123-031501-aaaa", undone=job) as undo:
        undo.run()
        assert differences(before, state(schema)) == {}
        assert pointing_aside(server, schema) == ""
    with Difference(schema, tmp_path, shop, job_id="20261123-031502-bbbb", undone=undo) as redo:
        redo.run()
    later = state(schema)
    assert {what for what in differences(original, later) if "alone" not in what} == set()
    assert server.run("SELECT v FROM alone", schema=schema.schema) == "v\nlater\n"
    drop_aside(schema, redo.definitions)


@pytest.mark.parametrize("changed", [("a", "y"), ("b", "c")])
def test_a_revert_brings_back_what_was(server, schema, shop, tmp_path, changed):
    change(server, schema, *changed)
    before = state(schema)
    with Difference(schema, tmp_path, shop) as job:
        job.plan().stage().lock_kept().swap()
        job.revert()
    assert differences(before, state(schema)) == {}
    with Difference(schema, tmp_path, shop, job_id="20261123-031501-aaaa") as job:
        job.plan().stage()
        job.revert()
    assert differences(before, state(schema)) == {}


def _refused(settings, statement):
    with connect(settings, lock_wait_s=1) as other:
        other.execute("SET innodb_lock_wait_timeout = 1")
        try:
            other.execute(statement)
        except DatabaseError as error:
            return error.errno
    return None


def test_nobody_writes_to_what_stays_until_it_is_pointed(server, schema, shop, tmp_path):
    change(server, schema, "b")
    with Difference(schema, tmp_path, shop) as job:
        job.plan().stage().lock_kept()
        assert _refused(schema, "SELECT * FROM alone") is None
        assert _refused(schema, "UPDATE alone SET v = 'w'") == 1205
        assert _refused(schema, "DELETE FROM a WHERE id = 2") == 1205
        assert _refused(schema, "DELETE FROM c") == 1205
        job.swap()
        assert _refused(schema, "DELETE FROM a WHERE id = 2") == 1205
        job.forward()
    assert _refused(schema, "DELETE FROM a WHERE id = 2") is None
    assert server.run("SELECT id FROM b ORDER BY 1", schema=schema.schema) == "id\n1\n3\n"


def test_no_row_goes_that_a_table_which_stays_refers_to(
    server, schema, shop, tmp_path, monkeypatch
):
    """c refers to the new b as well as to a, and its triggers let it be locked READ at first."""
    original = state(schema)
    change(server, schema, "b")
    real, seen = point_keys._alter, []

    def alter(*args):
        real(*args)
        seen.append(_refused(schema, "DELETE FROM a WHERE id = 3"))
        seen.append(_refused(schema, "DELETE FROM b WHERE id = 1"))

    def new_b():
        assert _refused(schema, "INSERT INTO b VALUES (9,NULL,NULL,'new')") is None
        assert _refused(schema, "UPDATE b SET v = 'new' WHERE id = 9") is None
        assert _refused(schema, "UPDATE b SET id = 8 WHERE id = 1") == 1451
        assert _refused(schema, "DELETE FROM b WHERE id = 1") == 1451

    with Difference(schema, tmp_path, shop) as job:
        job.plan().stage().lock_kept().swap()
        new_b()
        monkeypatch.setattr(point_keys, "_alter", alter)
        job.forward()
    assert seen == [1205, 1451, 1205, 1205]  # 1205: c is locked, and tied to them again
    assert _refused(schema, "DELETE FROM b WHERE id = 9") is None
    assert differences(original, state(schema)) == {}
    assert _refused(schema, "DELETE FROM a WHERE id = 3") == 1451
    assert _refused(schema, "DELETE FROM b WHERE id = 1") is None
    assert server.run("SELECT id FROM c", schema=schema.schema) == "id\n2\n"


def test_a_new_table_that_kept_ones_cannot_refer_to_ends_it(server, schema, shop, tmp_path):
    with Difference(schema, tmp_path, shop) as job:
        change(server, schema, "a")
        job.plan().stage()
        staged = next(one.staged for one in job.staged.tables if one.name == "a")
        server.run(f"ALTER TABLE {staged} ENGINE=MyISAM", schema=schema.schema)
        with pytest.raises(LoadFailed, match="'b' stays and refers to 'a'"):
            job.lock_kept()
        job.revert()
    assert server.run("SHOW TABLES LIKE '\\_mr%'", schema=schema.schema) == ""


def test_a_delete_beside_staged_rows_touches_none_of_them(server, schema, shop, tmp_path):
    """The staged b has no key to the live a yet: the shop goes on as if it were not there."""
    change(server, schema, "b")
    with Difference(schema, tmp_path, shop) as job:
        job.plan().stage()
        staged = next(one.staged for one in job.staged.tables if one.name == "b")
        assert _refused(schema, "DELETE FROM a WHERE id = 2") is None
        assert server.run(f"SELECT COUNT(*) FROM {staged}", schema=schema.schema) == "COUNT(*)\n3\n"
        job.lock_kept()  # a is not as in the dump any more
        assert {"a", "b"} <= {one.name for one in job.staged.tables}
        job.swap()
        job.forward()
    assert server.run("SELECT COUNT(*) FROM a", schema=schema.schema) == "COUNT(*)\n3\n"
    assert pointing_aside(server, schema) == ""


def test_locks_that_are_lost_before_the_commit_take_all_back(server, schema, shop, tmp_path):
    change(server, schema, "a")
    before = state(schema)
    with Difference(schema, tmp_path, shop) as job:
        job.plan().stage().lock_kept()
        server.run(f"KILL {job.kept.hold.connection.thread_id}")
        with pytest.raises(ConnectionLost, match="before the commit"):
            job.swap()
        job.revert()
    assert differences(before, state(schema)) == {}


@pytest.mark.parametrize("lost", [False, True])
def test_what_is_compared_while_loading_is_held_from_then_on(
    server, schema, shop, tmp_path, monkeypatch, lost
):
    before = state(schema)
    change(server, schema, "a")
    asked = []
    same = KeptTables.same

    def noting(self, *args, but=(), **rest):
        asked.append(self.names - {*but})
        return same(self, *args, but=but, **rest)

    monkeypatch.setattr(KeptTables, "same", noting)
    with Difference(schema, tmp_path, shop) as job:
        job.plan().stage(early=True)
        assert _refused(schema, "UPDATE alone SET v = 'w'") == 1205
        if lost:
            server.run(f"KILL {job.kept.begun.locks.connection.thread_id}")
            assert _refused(schema, "UPDATE alone SET v = 'w'") is None
        job.lock_kept()
        assert job.kept.begun is None
        # What somebody wrote to after the locks were lost is loaded, and needs no lock.
        assert ("alone" in job.kept.names) is not lost
        assert lost or _refused(schema, "UPDATE alone SET v = 'w'") == 1205
        job.swap()
        job.forward()
    assert ("alone" in asked[0]) is lost
    assert differences(before, state(schema)) == {}


def test_locks_of_a_load_are_in_nobodys_way(server, schema, tmp_path, monkeypatch):
    monkeypatch.setattr("core.database.schema.load_session.connect", _impatient)
    fill(
        server,
        schema.schema,
        "CREATE TABLE p (id int PRIMARY KEY, v varchar(20)); INSERT INTO p VALUES (1,'p');"
        "CREATE TABLE child (id int PRIMARY KEY, p int, v varchar(20),"
        " CONSTRAINT TO_P FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO child VALUES (1,1,'c');"
        "CREATE TABLE alone (id int PRIMARY KEY, v varchar(20)); INSERT INTO alone VALUES (1,'a');",
    )
    dump = dump_with_index(tmp_path, schema)
    before = state(schema)
    change(server, schema, "p")
    with connect(schema) as writer, Difference(schema, tmp_path, dump) as job:
        job.plan().stage(early=True)
        writer.execute("START TRANSACTION")
        writer.execute("UPDATE child SET v = 'w'")

        def go_on():  # it waits for the lock of the load, and holds what is to be locked next
            writer.execute("UPDATE alone SET v = 'w'")
            writer.execute("COMMIT")

        waiting = threading.Thread(target=go_on)
        waiting.start()
        job.lock_kept()
        waiting.join()
        job.swap()
        job.forward()
    assert differences(before, state(schema)) == {}


def test_tables_that_keep_changing_end_it(server, schema, shop, tmp_path, monkeypatch):
    change(server, schema, "a")
    before = state(schema)
    with Difference(schema, tmp_path, shop) as job:
        job.plan().stage()
        monkeypatch.setattr(
            job.kept, "same", lambda *_, **__: frozenset(sorted(job.kept.names)[1:])
        )
        with pytest.raises(SwapBlocked, match="keep changing, although the store is closed: "):
            job.lock_kept()
        job.revert()
    assert differences(before, state(schema)) == {}


def test_a_writer_of_a_kept_table_is_named(server, schema, shop, tmp_path, monkeypatch):
    monkeypatch.setattr("core.database.schema.load_session.connect", _impatient)
    change(server, schema, "a")
    with connect(schema) as writer, Difference(schema, tmp_path, shop) as job:
        job.plan().stage()
        writer.execute("START TRANSACTION")
        writer.execute("UPDATE alone SET v = 'open'")
        with pytest.raises(SwapBlocked, match=rf"connection {writer.thread_id} of shop"):
            job.lock_kept()
        writer.execute("ROLLBACK")
        job.lock_kept().swap()
        job.forward()


def _impatient(settings, **options):
    return connect(settings, **{**options, "lock_wait_s": 1})


def test_without_the_right_to_lock_it_is_compared_before_the_commit(server, schema, shop, tmp_path):
    account = "'nolock'@'localhost'"
    server.run(
        f"CREATE OR REPLACE USER {account} IDENTIFIED BY 'shop'; GRANT ALL ON {schema.schema}.* TO"
        f" {account}; REVOKE LOCK TABLES ON {schema.schema}.* FROM {account}"
    )
    settings = replace(schema, username="nolock")
    change(server, schema, "a")
    before = state(schema)
    with Difference(settings, tmp_path, shop) as job:
        job.plan().stage().lock_kept()
        assert job.kept.hold is None
        change(server, schema, "alone")
        with pytest.raises(SwapBlocked, match=r"These tables changed although .* alone"):
            job.swap()
        job.revert()
    assert set(differences(before, state(schema))) == {"rows alone"}
    with Difference(settings, tmp_path, shop, job_id="20261123-031501-aaaa") as job:
        job.run()
    assert pointing_aside(server, schema) == ""


@pytest.mark.parametrize("ends_at", [1, 2, 3])
def test_an_end_between_two_alters_is_taken_up(
    server, schema, shop, tmp_path, monkeypatch, ends_at
):
    original = state(schema)
    change(server, schema, "a")
    real, calls = point_keys._alter, []

    def alter(*args):
        calls.append(args)
        if len(calls) == ends_at:
            raise DatabaseError("It ends here.", errno=1)
        real(*args)

    with Difference(schema, tmp_path, shop) as job:
        job.plan().stage().lock_kept().swap()
        monkeypatch.setattr(point_keys, "_alter", alter)
        with pytest.raises(DatabaseError, match="It ends here"):
            job.forward()
        monkeypatch.setattr(point_keys, "_alter", real)
        forward_tables(schema, job.journal)
    assert differences(original, state(schema)) == {}


def test_only_a_trigger_differs(server, schema, shop, tmp_path):
    original = state(schema)
    fill(
        server,
        schema.schema,
        "DROP TRIGGER c_log; DROP TRIGGER c_second;"
        "CREATE TRIGGER c_log AFTER INSERT ON `c` FOR EACH ROW SET @x = 1;"
        "CREATE TRIGGER alone_new AFTER INSERT ON `alone` FOR EACH ROW SET @x = 1;",
    )
    before = state(schema)
    with Difference(schema, tmp_path, shop) as job:
        assert set(job.plan().kept.names) == set(TABLES)
        job.stage().lock_kept().swap()
        job.forward()
    assert differences(original, state(schema)) == {}
    with Difference(schema, tmp_path, shop, job_id="20261123-031501-aaaa", undone=job) as undo:
        undo.run()
    assert differences(before, state(schema)) == {}


def test_keys_of_another_schema_are_pointed_too(server, schema, shop, tmp_path):
    other = f"{schema.schema}_other"
    server.run(
        f"CREATE DATABASE {other}; GRANT ALL ON {other}.* TO shop@localhost;"
        f"CREATE TABLE {other}.t (id int PRIMARY KEY, a_id int, alone_id int, CONSTRAINT O_A"
        f" FOREIGN KEY (a_id) REFERENCES {schema.schema}.a (id), CONSTRAINT O_ALONE FOREIGN KEY"
        f" (alone_id) REFERENCES {schema.schema}.alone (id));"
        f"INSERT INTO {other}.t VALUES (1, 1, 1); CREATE TABLE {other}.p (id int PRIMARY KEY);"
        f"INSERT INTO {other}.p VALUES (1); ALTER TABLE {schema.schema}.log ADD CONSTRAINT L_P"
        f" FOREIGN KEY (id) REFERENCES {other}.p (id) ON DELETE CASCADE"
    )
    try:
        shop = dump_with_index(tmp_path, schema)
        whole = server.run(f"SHOW CREATE TABLE {other}.t")
        change(server, schema, "a", "log")
        with Difference(schema, tmp_path, shop) as job:
            job.plan().stage().lock_kept().swap()
            outside = as_root(schema, schema=other)
            assert _refused(as_root(schema), "DELETE FROM a WHERE id = 1") == 1451
            assert _refused(outside, "DELETE FROM p") == 1205  # the new log has no key to it yet
            job.forward()
        assert server.run(f"SHOW CREATE TABLE {other}.t") == whole
        with Difference(schema, tmp_path, shop, job_id="20261123-031501-aaaa", undone=job) as undo:
            undo.run()
        assert server.run(f"SHOW CREATE TABLE {other}.t") == whole
        assert _refused(as_root(schema), "DELETE FROM a WHERE id = 1") == 1451
    finally:
        server.run(f"SET foreign_key_checks = 0; DROP DATABASE {other}")
