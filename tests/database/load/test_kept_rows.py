"""A stripped backup rolled back: its empty tables keep the rows that are there, where asked for."""

from __future__ import annotations

import pytest

from core.database.load.kept_rows import keep_rows
from core.database.load.load import load_beside
from core.database.load.server_check import check_against_server, check_dump
from core.database.schema.swap_file import load_swap
from core.database.server.connection import connect
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import swap_tables
from core.database.swap.undo import undo_tables
from tests.database.dumping import dump_to
from tests.database.shop_flow import fill, new_journal

LIVE = """
CREATE TABLE customer (id int PRIMARY KEY);
CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY, c int,
  CONSTRAINT up FOREIGN KEY (c) REFERENCES customer (id));
CREATE TABLE entry (id int PRIMARY KEY, l int,
  CONSTRAINT down FOREIGN KEY (l) REFERENCES log (id));
CREATE TRIGGER tr BEFORE INSERT ON log FOR EACH ROW SET @a = 1;
INSERT INTO customer VALUES (1); INSERT INTO log VALUES (1,1),(2,1); INSERT INTO entry VALUES (1,1);
"""
LATER = """
INSERT INTO customer VALUES (2); INSERT INTO log VALUES (9,2); INSERT INTO entry VALUES (9,9);
DROP TRIGGER tr; CREATE TRIGGER tr2 BEFORE INSERT ON log FOR EACH ROW SET @a = 2;
CREATE TABLE later (id int);
"""


def rows(settings, table):
    with connect(settings) as connection:
        return [row[0] for row in connection.query(f"SELECT id FROM {table} ORDER BY id")]


def keys(settings, table):
    with connect(settings) as connection:
        return str(connection.query(f"SHOW CREATE TABLE {table}")[0][1])


@pytest.fixture
def stripped(server, schema, tmp_path):
    fill(server, schema.schema, LIVE)
    path = str(tmp_path / "dump.sql")
    summary = dump_to(path, schema, strip=("log",))
    assert summary.stripped == ("log",)
    fill(server, schema.schema, LATER)
    return path, check_dump(path, schema=schema.schema, sha256=summary.sha256)


def test_the_rows_stay_over_the_rollback_and_its_undo(schema, stripped, tmp_path):
    path, check = stripped
    check = keep_rows(check, ("log",), schema)
    found = check_against_server(check, schema, partial=False)
    assert [text for text in found.problems if "no whole store" not in text] == []
    assert (set(found.replaced), found.removed) == ({"customer", "entry"}, ("later",))
    journal = new_journal(tmp_path)
    staged = load_beside(path, check, schema, job_id="20260101-0", journal=journal)
    definitions = str(tmp_path / "definitions.json")
    swap_tables(staged, schema, journal=journal, definitions_path=definitions)
    assert load_swap(definitions, schema=schema.schema).stays == ("log",)
    assert forward_tables(schema, journal) == ()
    assert (rows(schema, "customer"), rows(schema, "log")) == ([1], [1, 2, 9])
    assert "REFERENCES `customer`" in keys(schema, "log")
    assert "REFERENCES `log`" in keys(schema, "entry")
    with connect(schema) as connection:
        assert [row[0] for row in connection.query("SHOW TRIGGERS")] == ["tr2"]

    back = new_journal(tmp_path, "undo.jsonl")
    old = undo_tables(schema, back, job_id="20260102-0", definitions_path=definitions)
    swap_tables(old, schema, journal=back, definitions_path=str(tmp_path / "undo.json"))
    forward_tables(schema, back)
    assert (rows(schema, "customer"), rows(schema, "log")) == ([1, 2], [1, 2, 9])
    assert (rows(schema, "entry"), rows(schema, "later")) == ([1, 9], [])
    assert "REFERENCES `customer`" in keys(schema, "log")
    assert "REFERENCES `log`" in keys(schema, "entry")


def test_a_table_that_is_defined_otherwise_now_is_named_and_refused(server, schema, stripped):
    fill(server, schema.schema, "ALTER TABLE log ADD more int;")
    check = keep_rows(stripped[1], ("log", "nothing"), schema)
    assert check.stays == ()
    assert any("present rows cannot be kept: log." in text for text in check.problems)


def test_a_table_that_is_gone_comes_back_empty(server, schema, stripped):
    fill(server, schema.schema, "SET foreign_key_checks = 0; DROP TABLE log;")
    check = keep_rows(stripped[1], ("log",), schema)
    assert (check.stays, "log" in check.tables) == ((), True)
