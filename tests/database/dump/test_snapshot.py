"""One instant through several connections, on every method; and what disturbs it."""

from __future__ import annotations

import os
import re
import threading
import time

import pytest
from msgspec.structs import replace

from core.database.dump import snapshot
from core.database.dump.ddl_watch import is_rebuildable, young_tables
from core.database.dump.snapshot import SnapshotMethod, take_snapshot
from core.database.schema.read_tables import read_tables
from core.database.server.connection import connect
from core.errors import DatabaseError, DumpFailed
from tests.database.dumping import as_root, dump_to, load_plain
from tests.shop import connection_to

_SUM = " UNION ALL ".join(f"SELECT SUM(v) AS s FROM bank{n}" for n in range(4))


class _Teller(threading.Thread):
    """Moves ever more money between four tables until it is stopped; the sum never changes."""

    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.stop = threading.Event()
        self.moved = 0

    def run(self):
        with connect(self.settings) as connection:
            while not self.stop.is_set():
                try:
                    self._move(connection)
                except DatabaseError as error:
                    # Between table locks and open transactions the server may choose the teller
                    # to end a deadlock (1213): the move was undone, and is tried again.
                    if error.errno != 1213:
                        raise

    def _move(self, connection):
        one, other = self.moved % 4, (self.moved + 1) % 4
        account, amount = self.moved % 500, self.moved + 1
        connection.execute("START TRANSACTION")
        connection.execute(f"UPDATE bank{one} SET v = v - {amount} WHERE id = {account}")
        connection.execute(f"UPDATE bank{other} SET v = v + {amount} WHERE id = {account}")
        connection.execute("COMMIT")
        self.moved += 1

    def __enter__(self):
        self.start()
        while not self.moved:
            pass
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join()


def _make_bank(server, name):
    for number in range(4):
        server.run(
            f"CREATE TABLE bank{number} (id int PRIMARY KEY, v int, pad text);"
            f"INSERT INTO bank{number} SELECT seq, 1000, REPEAT('x', 1000) FROM seq_0_to_999;"
            f"ANALYZE TABLE bank{number}",
            schema=name,
        )


def _begin_slowly(teller):
    """Return a function that begins transactions, the first after a transfer between two others."""
    calls = []

    def begin(connections):
        calls.append(1)
        for connection in connections:
            connection.execute(snapshot._BEGIN)
            moved, deadline = teller.moved, time.monotonic() + 0.2
            while len(calls) < 4 and teller.moved == moved and time.monotonic() < deadline:
                pass

    return begin


@pytest.mark.parametrize(
    "method",
    [
        SnapshotMethod.STAGES,
        SnapshotMethod.POSITIONS,
        SnapshotMethod.TABLE_LOCKS,
        SnapshotMethod.SINGLE,
    ],
)
def test_money_keeps_its_sum_on_every_rung(binlog_server, tmp_path, method, monkeypatch):
    """Between the snapshots of two connections there is time to move money, if nothing holds it."""
    name = f"bank_{method.name.lower()}"
    binlog_server.make_schema(name)
    settings = connection_to(binlog_server, name)
    if method is SnapshotMethod.STAGES:
        settings = as_root(settings)
    _make_bank(binlog_server, name)
    with _Teller(settings) as teller:
        before = teller.moved
        monkeypatch.setattr(snapshot, "_begin", _begin_slowly(teller))
        summary = dump_to(tmp_path / "d.sql", settings, connections=3, methods=(method,))
        assert teller.moved > before, "nothing was moved during the dump"
    assert summary.snapshot == method.value
    load_plain(binlog_server, tmp_path / "d.sql", f"copy_{name}")
    total = binlog_server.run(f"SELECT SUM(s) FROM ({_SUM}) t", schema=f"copy_{name}")
    assert total.split()[1] == "4000000"


def test_the_best_rung_that_the_account_allows(server, schema, binlog_server, tmp_path):
    server.run("CREATE TABLE a (id int)", schema=schema.schema)
    assert dump_to(tmp_path / "1", as_root(schema), connections=2).snapshot == SnapshotMethod.STAGES
    assert dump_to(tmp_path / "2", schema, connections=2).snapshot == SnapshotMethod.TABLE_LOCKS
    assert dump_to(tmp_path / "3", schema, connections=1).snapshot == SnapshotMethod.SINGLE
    binlog_server.make_schema("methods")
    settings = connection_to(binlog_server, "methods")
    binlog_server.run("CREATE TABLE a (id int)", schema="methods")
    summary = dump_to(tmp_path / "4", settings, connections=2)
    assert summary.snapshot == SnapshotMethod.POSITIONS
    assert f"-- Snapshot: {SnapshotMethod.POSITIONS.value}\n" in (tmp_path / "4").read_text()
    server.run("CREATE OR REPLACE USER few@localhost IDENTIFIED BY 'shop'")
    server.run("GRANT SELECT, TRIGGER, EVENT, EXECUTE, SHOW VIEW ON *.* TO few@localhost")
    few = replace(schema, username="few")
    summary = dump_to(tmp_path / "5", few, connections=2)
    assert summary.snapshot == SnapshotMethod.SINGLE
    assert [reason[0] for reason in summary.passed] == ["A", "C", "D"]
    assert summary.passed[-1] == "D: the account has no right to LOCK TABLES"


def test_a_writer_in_a_transaction_does_not_stop_a_dump(server, schema, tmp_path):
    server.run(
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)", schema=schema.schema
    )
    with connect(schema) as writer:
        writer.execute("START TRANSACTION")
        writer.execute("INSERT INTO a VALUES (2)")
        summary = dump_to(tmp_path / "d.sql", schema, connections=2)
    assert summary.rows == {"a": 1}
    assert summary.snapshot == SnapshotMethod.SINGLE


def test_tables_outside_transactions_are_locked_until_they_are_read(server, schema):
    server.run(
        "CREATE TABLE i (id int); CREATE TABLE m (id int) ENGINE=MyISAM; CREATE TABLE n (id int)"
        " ENGINE=MEMORY",
        schema=schema.schema,
    )
    with connect(schema) as other:
        other.set_session({"lock_wait_timeout": 1})
        tables = read_tables(other)
        taken = take_snapshot(lambda: connect(schema), tables, wanted=2)
        try:
            assert taken.unlocked == ()
            other.execute("INSERT INTO i VALUES (1)")
            for name in "mn":
                with pytest.raises(DatabaseError):
                    other.execute(f"INSERT INTO {name} VALUES (1)")
            taken.release_locks()
            other.execute("INSERT INTO m VALUES (1)")
        finally:
            taken.close()


def test_large_tables_outside_transactions_are_reported(server, schema, tmp_path, monkeypatch):
    server.run(
        "CREATE TABLE m (id int) ENGINE=MyISAM; INSERT INTO m VALUES (1)", schema=schema.schema
    )
    monkeypatch.setattr("core.database.dump.snapshot.LOCKED_BYTES", 0)
    summary = dump_to(tmp_path / "d.sql", schema)
    assert [(w.code, w.names) for w in summary.warnings] == [("outside-transactions", ("m",))]


_CHANGES = (
    "TRUNCATE TABLE t_{n}",
    "ALTER TABLE t_{n} ADD INDEX (v)",
    "ALTER TABLE t_{n} ADD COLUMN extra int, ALGORITHM=INSTANT",
    "ALTER TABLE t_{n} DROP COLUMN w, ALGORITHM=INSTANT",
    "ALTER TABLE t_{n} ADD COLUMN extra int, ALGORITHM=COPY",
    "DROP TABLE t_{n}",
    "RENAME TABLE t_{n} TO z_{n}, s_{n} TO t_{n}, z_{n} TO s_{n}",
    "DROP TABLE t_{n}; CREATE TABLE t_{n} (id int PRIMARY KEY, v int, w int)",
)


@pytest.mark.parametrize("number", range(len(_CHANGES)))
def test_a_changed_definition_is_never_silent(server, schema, tmp_path, monkeypatch, number):
    """The change comes after the snapshot and before the table is read: the worst moment."""
    make = (
        "CREATE TABLE {0}_{1} (id int PRIMARY KEY, v int, w int); INSERT INTO {0}_{1} VALUES {2};"
    )
    server.run(
        make.format("t", number, "(1,10,100)") + make.format("s", number, "(2,20,200)"),
        schema=schema.schema,
    )
    change = _CHANGES[number].format(n=number)
    changed = []
    from core.database.dump import dump

    real = dump.take_snapshot

    def take(*args, **more):
        taken = real(*args, **more)
        if not changed:
            changed.append(1)
            server.run(change, schema=schema.schema)
        return taken

    monkeypatch.setattr(dump, "take_snapshot", take)
    summary = dump_to(tmp_path / "d.sql", schema)
    assert changed
    load_plain(server, tmp_path / "d.sql", "copy_change")
    for name in summary.rows:
        sql = f"SELECT * FROM {name}"
        assert server.run(sql, schema="copy_change") == server.run(sql, schema=schema.schema)
        sql = f"SHOW CREATE TABLE {name}"
        assert server.run(sql, schema="copy_change") == server.run(sql, schema=schema.schema)
    text = (tmp_path / "d.sql").read_text()
    assert text.count("-- magerewind dump") == 1, "the first try was not cut away"


def test_a_table_that_never_rests_fails_by_name(server, schema, tmp_path, monkeypatch):
    server.run("CREATE TABLE sales_order (id int PRIMARY KEY)", schema=schema.schema)
    from core.database.dump import dump

    real = dump.take_snapshot

    def take(*args, **more):
        taken = real(*args, **more)
        server.run(f"ALTER TABLE sales_order COMMENT '{time.monotonic_ns()}'", schema=schema.schema)
        return taken

    monkeypatch.setattr(dump, "take_snapshot", take)
    with pytest.raises(DumpFailed, match="sales_order"):
        dump_to(tmp_path / "d.sql", schema)


def test_an_index_that_never_rests_is_read_apart_and_named(server, schema, tmp_path, monkeypatch):
    server.run(
        "CREATE TABLE cat_index_replica (id int PRIMARY KEY);"
        "INSERT INTO cat_index_replica VALUES (7);"
        "CREATE TABLE sales_order (id int PRIMARY KEY); INSERT INTO sales_order VALUES (1)",
        schema=schema.schema,
    )
    from core.database.dump import dump

    real = dump.take_snapshot

    def take(*args, **more):
        taken = real(*args, **more)
        server.run(
            f"ALTER TABLE cat_index_replica COMMENT '{time.monotonic_ns()}'", schema=schema.schema
        )
        return taken

    monkeypatch.setattr(dump, "take_snapshot", take)
    summary = dump_to(tmp_path / "d.sql", schema)
    assert [(w.code, w.names) for w in summary.warnings] == [("read-apart", ("cat_index_replica",))]
    assert summary.rows == {"cat_index_replica": 1, "sales_order": 1}
    load_plain(server, tmp_path / "d.sql", "copy_apart")
    assert server.run("SELECT id FROM cat_index_replica", schema="copy_apart").split()[1] == "7"


def test_swaps_of_tables_during_the_dump_never_mix(server, schema, tmp_path):
    """Indexers swap tables with their replicas: each dumped table is one of the two, whole."""
    for number in range(3):
        for name, value in ((f"x{number}_index", 1), (f"x{number}_index_replica", 2)):
            server.run(
                f"CREATE TABLE {name} (id int PRIMARY KEY, v int, pad text);"
                f"INSERT INTO {name} SELECT seq, {value}, REPEAT('x', 2000) FROM seq_1_to_400;"
                f"ANALYZE TABLE {name}",
                schema=schema.schema,
            )
    stop = threading.Event()

    def swap():
        with connect(schema, lock_wait_s=20) as connection:
            number = 0
            while not stop.wait(0.05):
                one = f"x{number % 3}_index"
                connection.execute(
                    f"RENAME TABLE {one} TO z, {one}_replica TO {one}, z TO {one}_replica"
                )
                number += 1

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        summary = dump_to(tmp_path / "d.sql", schema, connections=2)
    except DumpFailed:
        return  # loud is as good
    finally:
        stop.set()
        thread.join()
    load_plain(server, tmp_path / "d.sql", "copy_swap")
    for name, rows in summary.rows.items():
        found = server.run(f"SELECT COUNT(*), COUNT(DISTINCT v) FROM {name}", schema="copy_swap")
        assert found.splitlines()[1].split() == [str(rows), "1"]


@pytest.mark.parametrize("kind", ["server", "binlog_server"])
def test_a_reader_of_the_shop_is_not_held_up(request, kind, tmp_path):
    """A change that waits for the dump, and the reader behind it, go on within five seconds."""
    server = request.getfixturevalue(kind)
    server.make_schema("held")
    settings = connection_to(server, "held")
    server.run(
        "CREATE TABLE sales_order (id int PRIMARY KEY, v text);"
        "INSERT INTO sales_order SELECT seq, REPEAT('x', 3000) FROM seq_1_to_2000;"
        "ANALYZE TABLE sales_order",
        schema="held",
    )
    waited: list[float] = []
    in_dump, go_on = threading.Event(), threading.Event()

    def report(done_bytes, done_items, current):
        if current == "sales_order":
            in_dump.set()

    def change():
        in_dump.wait(60)
        with connect(settings, lock_wait_s=60) as connection:
            connection.execute("ALTER TABLE sales_order ADD INDEX (v(5))")
        go_on.set()

    def read():
        in_dump.wait(60)
        with connect(settings, lock_wait_s=60) as connection:
            began = time.monotonic()
            connection.query("SELECT id FROM sales_order LIMIT 1")
            waited.append(time.monotonic() - began)

    threads = [threading.Thread(target=change), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    slow = _SlowReader(tmp_path / "fifo", go_on)
    try:
        with pytest.raises(DumpFailed):
            slow.dump(settings, report)
    finally:
        for thread in threads:
            thread.join()
    assert max(waited) < 5
    server.run("DROP DATABASE held")


class _SlowReader:
    """A pipe whose reader waits: the dump halts in the middle of a table, its locks held."""

    def __init__(self, path, go_on):
        self.go_on = go_on
        self.read, self.write = os.pipe()
        self.thread = threading.Thread(target=self._drain)
        self.thread.start()

    def _drain(self):
        self.go_on.wait(60)
        while os.read(self.read, 1 << 20):
            pass
        os.close(self.read)

    def dump(self, settings, report):
        from core.database.dump.dump import DumpOptions, dump_schema

        try:
            dump_schema(
                settings,
                self.write,
                created="now",
                report=report,
                options=DumpOptions(connections=2),
            )
        finally:
            os.close(self.write)
            self.thread.join()


def test_names_of_what_can_be_made_again():
    again = "catalog_product_index_price catalog_product_price_cl catalogsearch_fulltext_scope1"
    again += " cataloginventory_stock_status_idx catalog_category_product_index_store1_replica"
    assert all(is_rebuildable(f"m2_{name}", prefix="m2_") for name in again.split())
    never = "sales_order catalog_product_entity quote customer_entity core_config_data"
    assert not any(is_rebuildable(name) for name in never.split())


def test_young_tables_are_told(server, schema):
    server.run("CREATE TABLE a (id int)", schema=schema.schema)
    with connect(schema) as connection:
        (table,) = read_tables(connection)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", table.created)
        assert young_tables(table.created, [table]) == ("a",)
        assert young_tables("9999", [table]) == ()
