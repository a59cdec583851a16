"""The definitions read from a schema, as values."""

from __future__ import annotations

import os

import pytest

from core.database.dump.strip import GROUPS, resolve
from core.database.schema.read_objects import read_triggers, without_schema
from core.database.schema.read_tables import Versioning, read_schema
from core.database.server.connection import connect
from core.database.sql.definers import definer_text, with_current_user
from core.errors import DatabaseError


def test_tables_keys_and_columns(server, schema):
    server.run(
        """
        CREATE TABLE a (id int, k varchar(9), v int AS (id + 1) VIRTUAL, PRIMARY KEY (k, id));
        CREATE TABLE b (x int NOT NULL, y int, UNIQUE KEY u2 (y), UNIQUE KEY u3 (x), KEY (y, x));
        CREATE TABLE c (x int, t text, KEY (x), FULLTEXT KEY (t)) ENGINE=MyISAM;
        CREATE TABLE d (x int) WITH SYSTEM VERSIONING;
        CREATE TABLE p (id int PRIMARY KEY, q int REFERENCES p (id)) AUTO_INCREMENT=7
          COMMENT='AUTO_INCREMENT=3';
        CREATE SEQUENCE s START WITH 3 CYCLE; SELECT NEXTVAL(s);
        """,
        schema=schema.schema,
    )
    with connect(schema) as connection:
        found = read_schema(connection)
    tables = {table.name: table for table in found.tables}
    assert {name: (t.key_index, t.key) for name, t in tables.items()} == {
        "a": ("PRIMARY", ("k", "id")),
        "b": ("u3", ("x",)),
        "c": ("", ()),
        "d": ("", ()),
        "p": ("PRIMARY", ("id",)),
    }
    assert [column.name for column in tables["a"].stored] == ["id", "k"]
    assert not tables["c"].transactional
    assert tables["d"].versioning is Versioning.IMPLICIT
    assert " AUTO_INCREMENT=7" not in tables["p"].fingerprint
    assert "COMMENT='AUTO_INCREMENT=3'" in tables["p"].fingerprint
    assert [(k.table, k.referenced_table) for k in found.foreign_keys] == [("p", "p")]
    (sequence,) = found.sequences
    assert (sequence.name, sequence.next_value) == ("s", 1003)


def test_views_come_after_what_they_are_made_of(server, schema):
    server.run(
        "CREATE TABLE t (`v9` int); CREATE VIEW v9 AS SELECT v9 FROM t;"
        "CREATE VIEW v5 AS SELECT * FROM v9; "
        "CREATE VIEW v7 AS SELECT (SELECT MAX(v9) FROM v5) AS m;"
        "CREATE VIEW v1 AS SELECT v7.m FROM (v7 JOIN v9);",
        schema=schema.schema,
    )
    with connect(schema) as connection:
        names = [view.name for view in read_schema(connection).views]
    assert names == ["v9", "v5", "v7", "v1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "CREATE DEFINER=`a`@`b` TRIGGER m.t BEFORE INSERT ON m.x FOR EACH ROW SET @a = m.f()",
            "CREATE DEFINER=`a`@`b` TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET @a = m.f()",
        ),
        (
            "CREATE TRIGGER `m`.`t``u`\nAFTER /* x */ UPDATE\nON `m` . `x` FOR EACH ROW BEGIN END",
            None,
        ),
        (
            "CREATE TRIGGER IF NOT EXISTS t AFTER DELETE ON x FOR EACH ROW SET @a = 1",
            "CREATE TRIGGER t AFTER DELETE ON x FOR EACH ROW SET @a = 1",
        ),
        (
            "CREATE TRIGGER t AFTER DELETE ON x FOR EACH ROW SET @a = 1",
            "CREATE TRIGGER t AFTER DELETE ON x FOR EACH ROW SET @a = 1",
        ),
    ],
)
def test_triggers_lose_the_name_of_their_schema(text, expected):
    found = without_schema(text)
    if expected is None:
        assert "`m`" not in found
        assert "`t``u`" in found
        assert found.endswith("`x` FOR EACH ROW BEGIN END")
    else:
        assert found == expected


def test_definers():
    assert definer_text("a`b@%") == "`a``b`@`%`"
    assert definer_text("role") == "`role`"
    view = "CREATE ALGORITHM=MERGE DEFINER=`a``@`@`h` SQL SECURITY DEFINER VIEW `v` AS select 1"
    assert "DEFINER=CURRENT_USER SQL SECURITY" in with_current_user(view)
    text = "CREATE PROCEDURE p() SELECT 'CREATE DEFINER=`a`@`b`'"
    assert with_current_user(text) == text


def test_groups_of_tables():
    tables = ["m_session", "m_sales_order", "m_sales_order_status", "quote", "m_quote", "m_a_cl"]
    assert resolve(["@trade", "@sessions"], tables, prefix="m_") == (
        "m_quote",
        "m_sales_order",
        "m_session",
        "quote",
    )
    assert resolve(["sales_order_status"], tables, prefix="m_") == ("m_sales_order_status",)
    assert resolve([], tables) == ()
    for group in GROUPS:
        resolve([group], tables)


class _Meddling:
    """A connection before whose first SHOW CREATE TRIGGER something happens."""

    def __init__(self, connection, before, after=lambda: None):
        self._connection, self._before, self._after = connection, before, after
        self.errors = []

    def query(self, text, *parameters):
        if not text.startswith("SHOW CREATE TRIGGER"):
            return self._connection.query(text, *parameters)
        before, self._before = self._before, lambda: None
        after, self._after = self._after, lambda: None
        before()
        try:
            return self._connection.query(text, *parameters)
        except DatabaseError as error:
            self.errors.append(error.errno)
            raise
        finally:
            after()

    def __getattr__(self, name):
        return getattr(self._connection, name)


def _two_triggers(server, schema):
    server.run(
        "CREATE TABLE a (id int); CREATE TRIGGER x AFTER INSERT ON a FOR EACH ROW SET @a = 1;"
        "CREATE TRIGGER y AFTER DELETE ON a FOR EACH ROW SET @a = 1;",
        schema=schema.schema,
    )


def test_a_trigger_that_goes_while_triggers_are_read(server, schema):
    _two_triggers(server, schema)
    with connect(schema) as connection:
        meddling = _Meddling(connection, lambda: server.run("DROP TRIGGER x", schema=schema.schema))
        assert [one.name for one in read_triggers(meddling)] == ["y"]
    assert meddling.errors == [1360]


def test_a_trigger_whose_file_is_being_replaced_is_read_again(server, schema):
    _two_triggers(server, schema)
    path = os.path.join(server.data_directory, schema.schema, "y.TRN")  # read first
    with open(path, "rb") as file:
        whole = file.read()

    def put(content):
        with open(path, "wb") as file:
            file.write(content)

    with connect(schema) as connection:
        meddling = _Meddling(connection, lambda: put(whole[:-2]), lambda: put(whole))
        assert {one.name for one in read_triggers(meddling)} == {"x", "y"}
    assert meddling.errors == [1343]
