"""Dumps by accounts that lack something, over connections that break, to files that are slow."""

from __future__ import annotations

import os
import threading

import pytest
from msgspec.structs import replace

from core.database.dump.dump import DumpOptions, dump_schema
from core.database.dump.snapshot import SnapshotMethod
from core.database.dump.writer import DumpWriter
from core.database.server.connection import connect
from core.database.server.rights import read_rights
from core.errors import ConnectionLost, DumpFailed, RightsMissing, StorageError
from core.sample.server import PrivateServer
from tests.database.dumping import as_root, dump_to, load_plain
from tests.database.schema_oracle import differences, portrait

_ALL = {"SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "EXECUTE", "LOCK TABLES"}
_OBJECTS = """
CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1),(2);
CREATE DEFINER=few@localhost VIEW v AS SELECT id FROM a;
CREATE DEFINER=few@localhost TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @x = 1;
CREATE DEFINER=few@localhost PROCEDURE p() SELECT 1;
CREATE DEFINER=few@localhost EVENT e ON SCHEDULE EVERY 1 YEAR DISABLE DO SELECT 1;
"""


@pytest.fixture
def few(server, schema):
    """Return a maker of accounts with some rights; the schema has an object of each kind."""
    server.run("CREATE OR REPLACE USER few@localhost IDENTIFIED BY 'few'")
    server.run(_OBJECTS, schema=schema.schema)
    from core.magento.settings import Secret

    def make(rights):
        server.run(
            "CREATE OR REPLACE USER few@localhost IDENTIFIED BY 'few';"
            f"GRANT {', '.join(sorted(rights))} ON `{schema.schema}`.* TO few@localhost"
        )
        return replace(schema, username="few", password=Secret("few"))

    yield make
    server.run("DROP USER IF EXISTS few@localhost")


def test_the_least_rights_are_enough(server, few, tmp_path):
    settings = few(_ALL)
    summary = dump_to(tmp_path / "d.sql", settings, connections=2)
    assert summary.warnings == ()
    assert summary.snapshot == SnapshotMethod.TABLE_LOCKS
    load_plain(server, tmp_path / "d.sql", "copy_few")
    there = as_root(settings, schema="copy_few")
    server.run("GRANT ALL ON copy_few.* TO few@localhost")
    assert differences(portrait(as_root(settings)), portrait(there)) == {}


@pytest.mark.parametrize("right", ["SELECT", "TRIGGER", "SHOW VIEW"])
def test_a_right_without_which_things_are_hidden_is_named(few, tmp_path, right):
    settings = few(_ALL - {right})
    with pytest.raises(RightsMissing, match=f"{right}|'v'") as caught:
        dump_to(tmp_path / "d.sql", settings)
    assert caught.value.hint is not None
    assert right in caught.value.hint
    assert not (tmp_path / "d.sql").read_bytes()


@pytest.mark.parametrize(
    ("right", "code"), [("EVENT", "events-unseen"), ("EXECUTE", "routines-unseen")]
)
def test_kinds_that_cannot_be_seen_are_said(few, tmp_path, right, code):
    summary = dump_to(tmp_path / "d.sql", few(_ALL - {right}))
    assert [warning.code for warning in summary.warnings] == [code]


def test_without_lock_tables_one_connection_does(few, tmp_path):
    summary = dump_to(tmp_path / "d.sql", few(_ALL - {"LOCK TABLES"}), connections=2)
    assert summary.snapshot == SnapshotMethod.SINGLE
    assert summary.rows == {"a": 2}


@pytest.mark.parametrize(
    ("limit", "method"), [(2, SnapshotMethod.SINGLE), (4, SnapshotMethod.TABLE_LOCKS)]
)
def test_an_account_with_few_connections_makes_do(server, few, tmp_path, limit, method):
    settings = few(_ALL)
    server.run(f"GRANT USAGE ON *.* TO few@localhost WITH MAX_USER_CONNECTIONS {limit}")
    assert dump_to(tmp_path / "d.sql", settings, connections=4).snapshot == method


def test_rights_on_single_tables_prove_nothing(server, schema, few, tmp_path):
    settings = few({"INSERT"})
    server.run(f"GRANT SELECT, TRIGGER ON `{schema.schema}`.a TO few@localhost")
    with pytest.raises(RightsMissing, match="no right SELECT on the schema"):
        dump_to(tmp_path / "d.sql", settings)


def test_a_body_that_may_not_be_read_fails_by_name(server, schema, tmp_path):
    server.run("CREATE PROCEDURE secret() SELECT 1", schema=schema.schema)
    with pytest.raises(DumpFailed, match="body of the procedure 'secret'") as caught:
        dump_to(tmp_path / "d.sql", schema)
    assert caught.value.hint is not None


def test_rights_by_role_and_by_pattern(server, schema):
    name = schema.schema.replace("shop", "shop\\_")
    server.run(
        "CREATE OR REPLACE ROLE readers; CREATE OR REPLACE USER few@localhost IDENTIFIED BY 'few';"
        "GRANT SELECT, SHOW VIEW ON `shop%`.* TO readers; GRANT readers TO few@localhost;"
        f"SET DEFAULT ROLE readers FOR few@localhost; GRANT TRIGGER ON `{name}`.* TO few@localhost"
    )
    from core.magento.settings import Secret

    with connect(replace(schema, username="few", password=Secret("few"))) as connection:
        rights = read_rights(connection)
    server.run("DROP USER few@localhost; DROP ROLE readers")
    assert rights.may("SHOW VIEW")
    assert not rights.may("TRIGGER"), "an escaped _ is no wildcard"
    assert not rights.may_everywhere("SELECT")
    assert rights.account == "few@localhost"


def _make_big(server, settings):
    server.run(
        "CREATE TABLE big (id int PRIMARY KEY, v text);"
        "INSERT INTO big SELECT seq, REPEAT(MD5(seq), 60) FROM seq_1_to_4000; ANALYZE TABLE big",
        schema=settings.schema,
    )


def test_a_connection_killed_in_the_middle_ends_the_dump(server, schema, tmp_path, monkeypatch):
    """The kill comes with the first statement written; the table has several more."""
    _make_big(server, schema)
    real = DumpWriter.statement
    killed: list[int] = []

    def statement(self, *args):
        if not killed:
            with connect(as_root(schema, schema="mysql")) as watcher:
                for row in watcher.query("SHOW FULL PROCESSLIST"):
                    if row[3] == schema.schema and row[0] != watcher.thread_id:
                        killed.append(row[0])
                        watcher.kill(row[0])
        real(self, *args)

    monkeypatch.setattr(DumpWriter, "statement", statement)
    with pytest.raises(ConnectionLost, match="was lost"):
        dump_to(tmp_path / "d.sql", schema, connections=2)
    assert killed
    assert not (tmp_path / "d.sql").read_bytes().rstrip().endswith(b"rows")
    with connect(schema) as connection:
        while len([r for r in connection.query("SHOW PROCESSLIST") if r[3] == schema.schema]) > 1:
            pass


def test_a_server_that_dies_ends_the_dump(tmp_path):
    with PrivateServer() as server:
        from tests.shop import connection_to

        server.make_schema("dies")
        settings = connection_to(server, "dies")
        _make_big(server, settings)
        killed = []

        def report(*_):
            if not killed:
                killed.append(1)
                server.kill()

        with pytest.raises(ConnectionLost):
            dump_to(tmp_path / "d.sql", settings, report=report)
        server.start()
        dump_to(tmp_path / "d.sql", settings)
        load_plain(server, tmp_path / "d.sql", "copy")
        assert differences(portrait(settings), portrait(as_root(settings, schema="copy"))) == {}


def test_a_consumer_that_pauses_loses_nothing(server, schema):
    """The server would give up on us after two seconds, were the session not told otherwise."""
    _make_big(server, schema)
    server.run("SET GLOBAL net_write_timeout = 1; SET GLOBAL wait_timeout = 1")
    read, write = os.pipe()
    got: list[bytes] = []

    def drain():
        with connect(as_root(schema)) as watcher:
            watcher.query("SELECT SLEEP(2.5)")
        while block := os.read(read, 1 << 20):
            got.append(block)

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        summary = dump_schema(schema, write, created="x", options=DumpOptions(connections=2))
    finally:
        os.close(write)
        thread.join()
        os.close(read)
        server.run("SET GLOBAL net_write_timeout = DEFAULT; SET GLOBAL wait_timeout = DEFAULT")
    assert len(b"".join(got)) == summary.bytes
    assert summary.rows == {"big": 4000}


def test_a_full_disk_is_an_error_of_storage(server, schema):
    _make_big(server, schema)
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(StorageError):
            dump_schema(schema, fd, created="x")
    finally:
        os.close(fd)
