"""Obstacles to a running job are known before: locks, crashed tables, too few connections."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from core.database.load.server_check import check_against_server, check_dump
from core.database.server import obstacles
from core.database.server.connection import connect
from core.operations.database_checks import database_findings
from tests.database.dumping import as_root, dump_to
from tests.database.server_settings import setting
from tests.database.shop_flow import fill, roll_back, write

LIVE = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE u (id int);"
DUMP = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (2);"


@pytest.fixture
def live(server, schema):
    fill(server, schema.schema, LIVE)
    return schema


def problems(path, settings):
    check = check_dump(path, schema=settings.schema)
    return check_against_server(check, settings, partial=True).problems


@contextlib.contextmanager
def held(settings, statement):
    with connect(settings) as connection:
        connection.execute(statement)
        yield connection.thread_id


def test_a_table_locked_by_another_is_named_with_its_connection(live, tmp_path):
    path = write(tmp_path, DUMP)
    assert database_findings(live, ()) == []
    with held(live, "LOCK TABLES t WRITE") as number:
        (found,) = database_findings(live, ())
        (problem,) = problems(path, live)
    for text in (found.message, problem):
        assert "locked tables (t)" in text
        assert f"connection {number} of shop" in text
    assert database_findings(live, ()) == []
    assert problems(path, live) == ()


def test_what_an_account_may_not_see_is_said_too(live, server, monkeypatch):
    server.run("CREATE TABLE s (id int); CREATE TABLE v (id int)", schema=live.schema)
    monkeypatch.setattr(obstacles, "_AT_ONCE", 2)  # one is found among others that are not locked
    with held(as_root(live), "LOCK TABLES t WRITE, u WRITE"):
        (found,) = database_findings(live, ())
    assert "locked tables (t, u): one that this account may not see" in found.message


def test_a_lock_on_the_whole_server_stops_a_rollback_and_no_backup(live, tmp_path):
    path = write(tmp_path, DUMP)
    with held(as_root(live), "FLUSH TABLES WITH READ LOCK"):
        assert database_findings(live, ()) == []
        assert any("locked the whole server" in text for text in problems(path, live))


def test_a_lock_of_a_moment_is_none(live, monkeypatch):
    real = obstacles._unreadable
    with connect(live) as other:
        other.execute("LOCK TABLES t WRITE")

        def unreadable(connection, names, wait_s):
            found = real(connection, names, wait_s)
            if other.open:
                other.close()
            return found

        monkeypatch.setattr(obstacles, "_unreadable", unreadable)
        with connect(live) as connection:
            assert obstacles.locked_tables(connection, ["t", "u"]) == ()


@pytest.mark.parametrize(("limit", "enough"), [(3, False), (4, True)])
def test_too_few_connections_are_known(server, live, tmp_path, limit, enough):
    path = write(tmp_path, DUMP)
    server.run(f"GRANT USAGE ON *.* TO shop@localhost WITH MAX_USER_CONNECTIONS {limit}")
    try:
        found = database_findings(live, ())
        said = problems(path, live)
        if enough:
            assert (found, said) == ([], ())
            roll_back(path, live, tmp_path, workers=6)
            with connect(live) as connection:
                assert connection.scalar("SELECT id FROM t") == 2
        else:
            assert "gives 'shop' 3 of the 4 connections" in found[0].message
            assert "gives 'shop' 3 of the 4 connections" in said[0]
    finally:
        server.run("GRANT USAGE ON *.* TO shop@localhost WITH MAX_USER_CONNECTIONS 0")


def test_other_connections_in_the_way_are_named(server, live):
    server.run("GRANT USAGE ON *.* TO shop@localhost WITH MAX_USER_CONNECTIONS 4")
    try:
        with connect(live) as other:
            (found,) = database_findings(live, ())
            assert f"connection {other.thread_id} of shop" in found.message
    finally:
        server.run("GRANT USAGE ON *.* TO shop@localhost WITH MAX_USER_CONNECTIONS 0")


def damage(server, settings, file, size=10):
    with open(Path(server.data_directory) / settings.schema / file, "r+b") as broken:
        broken.truncate(size)


@pytest.mark.parametrize(
    ("engine", "file"), [("MyISAM", "m.MYD"), ("Aria", "m.MAD"), ("MyISAM", "m.MYI")]
)
def test_a_crashed_table_is_named_or_its_rows_are_left_out(server, live, tmp_path, engine, file):
    server.run(
        f"CREATE TABLE m (id int, v varchar(99), KEY (v)) ENGINE={engine};"
        "INSERT INTO m SELECT seq, REPEAT('x', 50) FROM seq_1_to_1000; FLUSH TABLES;",
        schema=live.schema,
    )
    assert database_findings(as_root(live), ()) == []
    damage(server, live, file)
    if file.endswith("I"):  # the server does not look again for files it holds open
        server.run("FLUSH TABLES")
    (found,) = database_findings(live, ())
    assert found.code == "broken-tables"
    assert found.names[0].startswith("m (")
    assert "--strip m" in found.hint
    rest = database_findings(live, ("m",))
    gone = [one.level for one in rest] == ["note"]  # not even its structure can be read
    assert gone or rest == []
    summary = dump_to(str(tmp_path / "dump.sql"), live, strip=("m",))
    assert summary.rows["t"] == 1
    said = [one.names for one in summary.warnings if one.code == "broken-tables"]
    assert said == ([("m",)] if gone else [])
    server.run(f"DROP TABLE IF EXISTS `{live.schema}`.m")


def test_large_joins_of_our_own_are_not_refused(server, live, tmp_path):
    fill(server, live.schema, "INSERT INTO u SELECT seq FROM seq_1_to_2000; ANALYZE TABLE u;")
    server.run("SET GLOBAL max_join_size = 1000, sql_big_selects = OFF")
    try:
        with connect(live) as connection:
            assert connection.scalar("SELECT @@sql_big_selects") == 1
            assert connection.scalar("SELECT COUNT(*) FROM u a JOIN u b USING (id)") == 2000
        assert dump_to(str(tmp_path / "dump.sql"), live).rows["u"] == 2000
        assert problems(str(tmp_path / "dump.sql"), live) == ()
    finally:
        server.run(
            "SET SESSION sql_big_selects = 1;"
            "SET GLOBAL max_join_size = 18446744073709551615, sql_big_selects = ON"
        )


def test_an_enforced_engine_is_said(server, live, tmp_path):
    path = write(
        tmp_path,
        "CREATE TABLE m (a int) ENGINE=MEMORY; CREATE TABLE i (a int) ENGINE=InnoDB;"
        "CREATE TABLE n (a int);",
    )
    with setting(server, "enforce_storage_engine", "'InnoDB'", "NULL"):
        found = check_against_server(check_dump(path), live, partial=True)
    assert [(one.code, one.names) for one in found.warnings if one.code == "engine-enforced"] == [
        ("engine-enforced", ("m (MEMORY)",))
    ]
    with setting(server, "enforce_storage_engine", "NULL", "NULL"):
        found = check_against_server(check_dump(path), live, partial=True)
    assert not [one for one in found.warnings if one.code == "engine-enforced"]


@pytest.mark.parametrize("limit", [0, 1])
def test_a_server_that_limits_every_answer_limits_none_of_ours(server, live, limit):
    fill(server, live.schema, "INSERT INTO u VALUES (2), (3);")
    server.run(f"SET GLOBAL sql_select_limit = {limit}, completion_type = CHAIN")
    try:
        with connect(live) as connection:
            assert connection.query("SELECT id FROM u ORDER BY id") == [(2,), (3,)]
            assert connection._watch.look()
            assert connection.scalar("SELECT @@completion_type") == "NO_CHAIN"
    finally:
        server.run("SET GLOBAL sql_select_limit = DEFAULT, completion_type = DEFAULT")
