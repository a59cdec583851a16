"""Dumps: everything comes back, exactly, with the plain client."""

from __future__ import annotations

import hashlib
import os
import random
import re

import pytest

from core.database.dump.row_ranges import TARGET_BYTES
from core.database.server.connection import connect
from core.database.server.size import estimate
from core.errors import Cancelled, DumpFailed, UsageError
from tests.database.dumping import as_root, dump_to, load_plain
from tests.database.odd_schemas import NEW, OLD
from tests.database.schema_oracle import differences, portrait


def _sql(name):
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "sql", f"{name}.sql")
    with open(path, encoding="utf-8", newline="") as source:
        return source.read()


@pytest.mark.parametrize(
    "mode", ["", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "TRADITIONAL", "PIPES_AS_CONCAT,ORACLE"]
)
def test_values_of_every_type_under_any_mode(server, schema, tmp_path, mode):
    server.run(_sql("types"), schema=schema.schema)
    server.run(f"SET GLOBAL sql_mode='{mode}'; SET GLOBAL time_zone='+09:00'")
    try:
        summary = dump_to(tmp_path / "d.sql", schema)
        load_plain(server, tmp_path / "d.sql", "copy_types")
    finally:
        server.run("SET GLOBAL sql_mode=DEFAULT; SET GLOBAL time_zone='SYSTEM'")
    there = portrait(as_root(schema, schema="copy_types"))
    assert differences(portrait(as_root(schema)), there) == {}
    assert summary.rows["texts"] == 249
    assert summary.rows["past"] == 4
    assert summary.warnings == ()


def test_history_is_written_back(server, schema, tmp_path):
    server.run(_sql("types").partition("-- history\n")[2], schema=schema.schema)
    dump_to(tmp_path / "d.sql", schema)
    load_plain(server, tmp_path / "d.sql", "copy_history")
    sql = "SELECT id, v, row_start, row_end FROM past FOR SYSTEM_TIME ALL ORDER BY row_start, id"
    here = server.run(sql, schema=schema.schema)
    assert here.count("\n") == 5
    assert server.run(sql, schema="copy_history") == here


def test_only_present_rows_of_history_are_said_so(server, schema, tmp_path):
    server.run(_sql("types").partition("-- history\n")[2], schema=schema.schema)
    summary = dump_to(tmp_path / "d.sql", schema, history=False)
    assert [w.code for w in summary.warnings] == ["history-left-out"]
    assert summary.rows["past"] == 1


@pytest.mark.parametrize("text", [NEW, OLD], ids=["new", "old"])
def test_odd_schemas_come_back(server, schema, tmp_path, text):
    server.run(text, schema=schema.schema)
    summary = dump_to(tmp_path / "d.sql", as_root(schema))
    load_plain(server, tmp_path / "d.sql", "copy_odd")
    assert (
        differences(portrait(as_root(schema)), portrait(as_root(schema, schema="copy_odd"))) == {}
    )
    assert summary.objects["triggers"] == text.count("CREATE TRIGGER")
    assert summary.objects["views"] == text.count("CREATE VIEW")


def test_objects_with_modes_charsets_and_order(server, schema, tmp_path):
    path = tmp_path / "objects.sql"
    text = _sql("objects").replace("{schema}", schema.schema).encode().replace(b"\\xe9", b"\xe9")
    path.write_bytes(text)
    load_plain(server, path, schema.schema)
    server.run(f"GRANT ALL ON `{schema.schema}`.* TO shop@localhost")
    summary = dump_to(tmp_path / "d.sql", as_root(schema))
    load_plain(server, tmp_path / "d.sql", "copy_objects")
    here, there = portrait(as_root(schema)), portrait(as_root(schema, schema="copy_objects"))
    # Only triggers that name a schema are made without that name.
    qualified = {"TRIGGER a_bi", "TRIGGER a`b"}
    different = differences(here, there)
    assert set(different) == {*qualified, "VIEW broken"}
    for key in qualified:
        before, after = (str(side) for side in different[key])
        assert re.sub(rf"`?{schema.schema}`?\.", "", before).split() == after.split()
    assert [(w.code, w.names) for w in summary.warnings] == [("view-invalid", ("broken",))]
    called = "SET sql_mode=ORACLE; SELECT HEX(latin()), binary_(), pack.f()"
    assert server.run(called, schema="copy_objects").splitlines()[1] == "C3A9\ta;;b\t7"


def as_magento_reads(text):
    """Return statements as Magento's rollback cuts them: at every line that ends with a `;`."""
    statements, lines = [], []
    for line in text.splitlines(keepends=True):
        if line.strip():
            lines.append(line)
        if line.strip().endswith(";"):
            statements.append("".join(lines))
            lines = []
    return statements


def test_what_is_one_statement_needs_no_delimiter(server, schema, tmp_path):
    server.run(
        """
        CREATE TABLE a (id int PRIMARY KEY COMMENT 'one; two', t varchar(20) DEFAULT 'x;');
        INSERT INTO a VALUES (1, 'a;'), (2, 'b;\\n;'), (3, 'it''s;');
        CREATE VIEW joined AS SELECT GROUP_CONCAT(t SEPARATOR ';') AS `all;` FROM a;
        CREATE VIEW plain AS SELECT id FROM a;
        CREATE TRIGGER one AFTER INSERT ON a FOR EACH ROW SET @x = NEW.id;
        CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01' DISABLE DO DELETE FROM a;
        DELIMITER ;;
        CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2 -- twice
        ;;
        """,
        schema=schema.schema,
    )
    dump_to(tmp_path / "d.sql", as_root(schema))
    text = (tmp_path / "d.sql").read_text()
    assert "DELIMITER" not in text
    cut = "DELIMITER $cut$\n" + "".join(f"{one}\n$cut$\n" for one in as_magento_reads(text))
    (tmp_path / "cut.sql").write_text(cut)
    load_plain(server, tmp_path / "cut.sql", "copy_cut")
    assert (
        differences(portrait(as_root(schema)), portrait(as_root(schema, schema="copy_cut"))) == {}
    )
    server.run("DELIMITER ;;\nCREATE PROCEDURE p() BEGIN SELECT 1; END;;", schema=schema.schema)
    dump_to(tmp_path / "d.sql", as_root(schema))
    assert (tmp_path / "d.sql").read_text().count("DELIMITER ;;\n") == 1


def test_definers_that_may_not_be_named_are_replaced_and_reported(server, schema, tmp_path):
    server.run(
        "CREATE TABLE a (id int); CREATE VIEW v AS SELECT id FROM a;"
        "CREATE DEFINER=shop@localhost VIEW own AS SELECT id FROM a;"
        "CREATE DEFINER=`nob``ody`@`%` TRIGGER t BEFORE INSERT ON a"
        " FOR EACH ROW SET @x='DEFINER=`a`@`b`';",
        schema=schema.schema,
    )
    summary = dump_to(tmp_path / "d.sql", schema)
    (warning,) = summary.warnings
    assert warning.code == "definer-replaced"
    assert warning.names == ("view v (root@localhost)", "trigger t (nob`ody@%)")
    text = (tmp_path / "d.sql").read_text()
    assert "-- its definer was `nob``ody`@`%`\n" in text
    assert "CREATE DEFINER=CURRENT_USER TRIGGER" in text
    assert "SET @x='DEFINER=`a`@`b`'" in text
    kept = dump_to(tmp_path / "root.sql", as_root(schema))
    assert kept.warnings == ()


def test_rows_by_every_kind_of_key(server, schema, tmp_path):
    """Sizes that make several ranges of each kind, with gaps, skew and marks in the data."""
    server.run(
        _sql("keys"),
        schema=schema.schema,
    )
    seen = []
    summary = dump_to(
        tmp_path / "d.sql", schema, connections=3, report=lambda *done: seen.append(done)
    )
    load_plain(server, tmp_path / "d.sql", "copy_keys")
    assert (
        differences(portrait(as_root(schema)), portrait(as_root(schema, schema="copy_keys"))) == {}
    )
    text = (tmp_path / "d.sql").read_bytes()
    assert summary.rows["by_int"] == 6002
    assert sum(summary.rows.values()) == 39003
    assert (summary.bytes, summary.sha256) == (len(text), hashlib.sha256(text).hexdigest())
    longest = max(len(line) + 1 for line in text.splitlines() if line.startswith(b"INSERT"))
    assert summary.max_statement_bytes == longest < 6 * TARGET_BYTES
    assert [done[0] for done in seen] == sorted(done[0] for done in seen)
    assert text.endswith(b"-- Dump completed: 10 tables, 39003 rows\n")
    assert b"-- rows 6002 `by_int`\n" in text


def test_a_value_larger_than_a_packet_is_named(server, schema, tmp_path):
    server.run(
        "CREATE TABLE big (id int PRIMARY KEY, b longblob, t longtext);"
        "INSERT INTO big VALUES (1, NULL, 'small'), (2, REPEAT(x'00ff27', 6000000), 'x')",
        schema=schema.schema,
    )
    server.run("SET GLOBAL max_allowed_packet = 16777216")
    try:
        with pytest.raises(DumpFailed, match="'big' has 18,000,000 bytes in the column 'b'"):
            dump_to(tmp_path / "d.sql", schema)
    finally:
        server.run("SET GLOBAL max_allowed_packet = 67108864")


def test_random_text_and_bytes(server, schema, tmp_path):
    """Any stored bytes are loaded as the same bytes."""
    source = random.Random(11)
    alphabet = "\x01\x02\x03\x04'\\\n\r\0\x1a\"`;),(éあ😀ab -#/*"
    with connect(schema) as connection:
        connection.execute(
            "CREATE TABLE r (id int PRIMARY KEY AUTO_INCREMENT, a text, b text NOT NULL, c blob)"
        )
        for _ in range(400):
            texts = ["".join(source.choices(alphabet, k=source.randrange(12))) for _ in range(2)]
            connection.execute(
                "INSERT INTO r (a, b, c) VALUES (%s, %s, %s)",
                (source.choice([None, texts[0]]), texts[1], source.randbytes(9)),
            )
    dump_to(tmp_path / "d.sql", schema)
    load_plain(server, tmp_path / "d.sql", "copy_random")
    assert differences(portrait(schema), portrait(as_root(schema, schema="copy_random"))) == {}


def test_tables_of_rollbacks_never_enter(server, schema, tmp_path):
    server.run(
        "CREATE TABLE a (id int); CREATE TABLE _mrs_x_1 (id int); CREATE TABLE _mra_x_1 (id int);"
        "CREATE TABLE _mrx (id int)",
        schema=schema.schema,
    )
    assert set(dump_to(tmp_path / "d.sql", schema).rows) == {"a", "_mrx"}
    assert b"_mrs_" not in (tmp_path / "d.sql").read_bytes()
    assert len(estimate(schema).tables) == 2


def test_strip_leaves_out_rows_only(server, schema, tmp_path):
    tables = "customer_visitor session sales_order sales_order_status mine other"
    for name in tables.split():
        server.run(
            f"CREATE TABLE m2_{name} (id int PRIMARY KEY); INSERT INTO m2_{name} VALUES (1)",
            schema=schema.schema,
        )
    from msgspec.structs import replace

    settings = replace(schema, table_prefix="m2_")
    summary = dump_to(tmp_path / "d.sql", settings, strip=("@stripped", "@sales", "mi*"))
    assert {name for name, rows in summary.rows.items() if rows} == {
        "m2_other",
        "m2_sales_order_status",
    }
    assert summary.stripped == ("m2_customer_visitor", "m2_mine", "m2_sales_order", "m2_session")
    assert b"-- Without rows: `m2_mine`\n" in (tmp_path / "d.sql").read_bytes()
    with pytest.raises(UsageError, match="@nothing"):
        dump_to(tmp_path / "d.sql", settings, strip=("@nothing",))


def test_cancel_ends_everything_at_once(server, schema, tmp_path):
    server.run(
        "CREATE TABLE big (id int PRIMARY KEY, v text);"
        "INSERT INTO big SELECT seq, REPEAT(MD5(seq), 100) FROM seq_1_to_30000",
        schema=schema.schema,
    )

    def cancel(done_bytes, done_items, current):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        dump_to(tmp_path / "d.sql", schema, report=cancel)
    _wait_until_alone(schema)


def _wait_until_alone(settings):
    """Wait until the server has no other connection of this account on this schema."""
    with connect(settings) as connection:
        while (
            len([1 for row in connection.query("SHOW PROCESSLIST") if row[3] == settings.schema])
            > 1
        ):
            pass


def test_a_type_that_is_not_known_fails_by_name(server, schema, tmp_path, monkeypatch):
    server.run("CREATE TABLE a (id int PRIMARY KEY, odd date)", schema=schema.schema)
    monkeypatch.setattr("core.database.dump.row_text._PLAIN", frozenset())
    with pytest.raises(DumpFailed, match="'odd' of the table 'a' has the type date"):
        dump_to(tmp_path / "d.sql", schema)


def test_a_pipe_is_as_good_as_a_file(server, schema, tmp_path):
    server.run(
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)", schema=schema.schema
    )
    read, write = os.pipe()
    from core.database.dump.dump import dump_schema

    summary = dump_schema(schema, write, created="now")
    os.close(write)
    with os.fdopen(read, "rb") as source:
        assert len(source.read()) == summary.bytes
