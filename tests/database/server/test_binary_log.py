"""Backups that the account could never roll back, because the binary log is on: said at once."""

from __future__ import annotations

import itertools

import pytest

from core.database.server.connection import connect
from core.operations.database_checks import database_findings, store_warnings
from tests.database.dumping import as_root, dump_to
from tests.shop import connection_to

numbers = itertools.count(1)
OBJECTS = """
CREATE TABLE t (id int);
CREATE DEFINER=shop@localhost TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1;
CREATE DEFINER=shop@localhost FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;
"""


@pytest.fixture
def logged(binlog_server):
    name = f"logged{next(numbers)}"
    binlog_server.make_schema(name)
    before = binlog_server.run("SELECT @@log_bin_trust_function_creators").split()[-1]
    binlog_server.run("SET GLOBAL log_bin_trust_function_creators = 0")
    yield connection_to(binlog_server, name)
    binlog_server.run(f"SET GLOBAL log_bin_trust_function_creators = {before}")
    binlog_server.run(f"DROP DATABASE `{name}`")


def said(findings):
    return [(one.names, one.message) for one in findings if one.code == "no-rollback"]


def test_it_is_said_with_its_cure(binlog_server, logged, tmp_path):
    binlog_server.run(OBJECTS, schema=logged.schema)
    with connect(logged) as connection:
        everywhere = [store_warnings(connection)]
    everywhere.append(database_findings(logged, ()))
    everywhere.append(dump_to(str(tmp_path / "dump.sql"), logged).warnings)
    for findings in everywhere:
        ((names, message),) = said(findings)
        assert names == ("trigger tr", "function f")
        assert "log_bin_trust_function_creators = 1" in message
    with connect(logged) as connection:
        assert connection.query("SHOW TABLES") == [("t",)]


def test_it_is_not_said_to_who_can_or_has_none(binlog_server, logged, tmp_path):
    binlog_server.run("CREATE TABLE t (id int)", schema=logged.schema)
    assert said(database_findings(logged, ())) == []
    binlog_server.run(OBJECTS.partition(";")[2], schema=logged.schema)
    assert said(database_findings(as_root(logged), ())) == []
    binlog_server.run("SET GLOBAL log_bin_trust_function_creators = 1")
    assert said(dump_to(str(tmp_path / "dump.sql"), logged).warnings) == []
    assert said(database_findings(logged, ())) == []
