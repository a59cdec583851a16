"""Settings of a server that obstruct a load: known before, or of no consequence."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from core.database.load.server_check import check_against_server, check_dump
from core.database.server.connection import connect
from tests.database.dumping import as_root, dump_to
from tests.database.server_settings import setting
from tests.database.shop_flow import roll_back, write

TABLE = "CREATE TABLE t (id int PRIMARY KEY);"


def asked(directory, settings, text=TABLE):
    return check_against_server(check_dump(write(directory, text)), settings, partial=True)


def test_a_server_that_takes_no_writes_is_known(server, schema, tmp_path):
    with setting(server, "read_only", 1, 0):
        assert "The server is read-only (read_only)." in asked(tmp_path, schema).problems
        assert asked(tmp_path, as_root(schema)).problems == ()
    assert asked(tmp_path, schema).problems == ()


def test_a_replica_is_said(server, schema, tmp_path):
    root = as_root(schema)
    assert "replica" not in {one.code for one in asked(tmp_path, root).warnings}
    server.run("CHANGE MASTER TO MASTER_HOST='nowhere', MASTER_USER='x'")
    try:
        found = asked(tmp_path, root)
    finally:
        server.run("RESET SLAVE ALL")
    assert "replica" in {one.code for one in found.warnings}
    assert found.problems == ()


def test_memory_tables_may_be_larger_than_the_server_lets_new_ones_be(server, schema, tmp_path):
    rows = ",".join(f"({number},'{'x' * 200}')" for number in range(4000))
    text = f"CREATE TABLE m (id int, v varchar(200)) ENGINE=MEMORY; INSERT INTO m VALUES {rows};"
    with setting(server, "max_heap_table_size", 16384, 64 << 20):
        assert asked(tmp_path, schema, text).problems == ()
        roll_back(write(tmp_path, text), schema, tmp_path)
        with connect(schema) as connection:
            assert connection.scalar("SELECT COUNT(*) FROM m") == 4000


def test_memory_tables_that_no_session_can_hold_are_known(schema, tmp_path):
    text = "CREATE TABLE m (id int) ENGINE=MEMORY; INSERT INTO m VALUES (1);"
    check = check_dump(write(tmp_path, text))
    huge = tuple(replace(one, row_bytes=2 << 30) for one in check.contents)
    found = check_against_server(replace(check, contents=huge), schema, partial=True)
    assert found.problems == ("The MEMORY tables are larger than max_heap_table_size.",)


@pytest.mark.parametrize("mode", ["TRADITIONAL", "ANSI,NO_BACKSLASH_ESCAPES", "ORACLE", ""])
@pytest.mark.parametrize("zone", ["+09:00", "-03:30"])
def test_modes_and_zones_of_the_server_change_no_value(server, schema, tmp_path, mode, zone):
    text = (
        "SET time_zone = '+00:00';"
        "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, at timestamp NULL, d date,"
        " e enum('a','b') NOT NULL, s varchar(20), hidden int INVISIBLE DEFAULT 1);"
        "INSERT INTO t (id, at, d, e, s, hidden) VALUES"
        " (0,'2020-10-25 00:30:00','0000-00-00','','it''s \\\\ \"q\"',7),"
        " (5,'1970-01-01 00:00:01','2024-02-31','b','',NULL);"
    )
    with (
        setting(server, "sql_mode", f"'{mode}'", "DEFAULT"),
        setting(server, "time_zone", f"'{zone}'", "'SYSTEM'"),
    ):
        roll_back(write(tmp_path, text), schema, tmp_path)
        path = tmp_path / "ours.sql"
        dump_to(str(path), schema)
        (tmp_path / "again").mkdir()
        roll_back(str(path), schema, tmp_path / "again")
    with connect(schema) as connection:
        found = connection.query("SELECT id, at, d, e + 0, s, hidden FROM t ORDER BY id")
    assert found == [
        (0, "2020-10-25 00:30:00", "0000-00-00", 0.0, 'it\'s \\ "q"', 7),
        (5, "1970-01-01 00:00:01", "2024-02-31", 2.0, "", None),
    ]


def test_an_event_is_made_when_all_rows_are_there(server, schema, tmp_path):
    """So that none runs before, in a plain load as in ours."""
    server.run(
        "CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT id FROM t;"
        "CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO DELETE FROM t;",
        schema=schema.schema,
    )
    path = tmp_path / "dump.sql"
    dump_to(str(path), as_root(schema))
    text = path.read_text()
    assert text.index("EVENT `e`") > text.rindex("INSERT INTO") > text.index("CREATE TABLE")
    assert text.index("EVENT `e`") > text.rindex("VIEW `v`")
