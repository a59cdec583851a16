"""Whose dump it is: a checksum in a manifest says so, a line in the file does not."""

from __future__ import annotations

import hashlib

import pytest

from core.database.load.load import load_beside
from core.database.load.server_check import check_dump
from core.database.server.connection import connect
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import swap_tables
from core.errors import DamagedBackup, StatementRefused
from tests.database.dumping import as_root, dump_to
from tests.database.shop_flow import JOB, new_journal

FAR = "CREATE PROCEDURE far() SELECT COUNT(*) FROM mysql.user"
MADE = "CREATE PROCEDURE made() BEGIN SET @q = 'SELECT 1'; PREPARE s FROM @q; EXECUTE s; END"


@pytest.fixture
def ours(server, schema, tmp_path):
    """A dump of ours, of a schema whose procedures reach beyond it."""
    text = f"CREATE TABLE t (a int);\nDELIMITER ;;\n{FAR};;\n{MADE};;\n"
    server.run(text, schema=schema.schema)
    path = tmp_path / "dump.sql"
    dump_to(str(path), as_root(schema))
    return path


def checksum(path):
    """Return the facts of a manifest."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_with_its_checksum_it_is_taken_as_it_is_and_what_it_reaches_is_said(schema, ours, tmp_path):
    check = check_dump(str(ours), schema=schema.schema, sha256=checksum(ours))
    assert check.trusted
    (warning,) = [one for one in check.warnings if one.code == "beyond-schema"]
    assert warning.names == ("procedure far (mysql)", "procedure made (PREPARE)")
    root = as_root(schema)
    with connect(root) as connection:
        connection.execute("DROP PROCEDURE far")
    journal = new_journal(tmp_path)
    staged = load_beside(str(ours), check, root, job_id=JOB, journal=journal)
    swap_tables(staged, root, journal=journal, definitions_path=str(tmp_path / "swap.json"))
    assert forward_tables(root, journal) == ()
    with connect(root) as connection:
        assert connection.query("SELECT name FROM mysql.proc WHERE db = DATABASE() ORDER BY 1") == [
            ("far",),
            ("made",),
        ]


def test_without_its_checksum_it_only_says_that_it_is_ours(schema, ours):
    with pytest.raises(StatementRefused, match=r"line \d+: the procedure 'far' reaches into") as it:
        check_dump(str(ours), schema=schema.schema)
    assert "by hand" in it.value.hint


def test_a_dump_that_claims_to_be_ours_is_not(schema, ours):
    said = checksum(ours)
    ours.write_bytes(ours.read_bytes().replace(b"mysql.user", b"mysql.host"))
    with pytest.raises(DamagedBackup, match="SHA-256"):
        check_dump(str(ours), schema=schema.schema, sha256=said)


def test_what_reaches_nowhere_needs_no_checksum(server, schema, tmp_path):
    server.run(
        "CREATE TABLE t (a int); CREATE VIEW v AS SELECT t.a FROM t;"
        "CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN (SELECT MAX(t.a) FROM t);",
        schema=schema.schema,
    )
    path = tmp_path / "dump.sql"
    dump_to(str(path), as_root(schema))
    check = check_dump(str(path), schema=schema.schema)
    assert (check.trusted, check.problems, check.warnings) == (False, (), ())
