"""A dump without a manifest, of any author, holds only statements that the grammar allows.

Each hostile statement is refused offline with its line; some are brought to a real server through
the commands, with root's rights there, and a victim's schema stays unchanged.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.database.load.offline_check import check_dump
from core.database.server.connection import connect
from core.database.sql.allowed import classify
from core.database.sql.set_statements import DumpSession
from core.database.sql.split import RawStatement
from core.database.sql.statement import StatementKind
from core.errors import MagerewindError, StatementRefused
from core.magento.settings import Secret
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.database.dumping import as_root
from tests.database.shop_flow import fill, roll_back
from tests.security import hostile
from tests.security.sql_pieces import MARK, Pieces

TABLES = (
    "CREATE TABLE t (a int);\nCREATE TABLE x (a int);\nCREATE TABLE u (a int);\n"
    "CREATE SEQUENCE s;\n"
)
LINES = TABLES.count("\n")


def refused(statement, *, before=()):
    """Return the refusal of a statement after some SETs, empty if it is not refused."""
    session = DumpSession()
    for text in before:
        one = classify(RawStatement(text.encode(), 1, 0), reading=session.state.reading)
        session.apply(list(one.words), 1)
    raw = RawStatement(statement.encode("utf-8", "surrogateescape"), 7, 0)
    try:
        made = classify(raw, reading=session.state.reading, schema="shop")
        if made.kind is StatementKind.SET:
            session.apply(list(made.words), made.line)
    except StatementRefused as error:
        assert error.message.startswith("Line 7: "), (statement, error.message)
        assert "\n" not in error.message
        return error.message
    return ""


def passed(statements):
    """Return those that are not refused."""
    return [one for one in statements if not refused(one)]


def check(directory, *statements):
    """Check a dump of the tables and these statements."""
    path = directory / "dump.sql"
    text = "".join(f"{one}\n;;;\n" for one in statements)
    path.write_bytes(f"{TABLES}DELIMITER ;;;\n{text}".encode("utf-8", "surrogateescape"))
    return check_dump(str(path), schema="shop")


def each(places, reaching):
    return [
        pytest.param([place.replace("{}", one) for one in reaching], id=place) for place in places
    ]


@pytest.mark.parametrize("statements", each(hostile.ROWS, hostile.REACHING_ROWS))
def test_a_row_is_values_only(statements):
    assert passed(statements) == []


@pytest.mark.parametrize("statements", each(hostile.TABLES, hostile.REACHING_TABLES))
def test_a_table_reaches_nowhere(statements):
    assert passed(statements) == []


@pytest.mark.parametrize("statements", each(hostile.BODIES, hostile.REACHING))
def test_a_body_reaches_nowhere(statements):
    assert passed(statements) == []


@pytest.mark.parametrize(
    "statements",
    each(
        [
            "CREATE PROCEDURE p() {}",
            "CREATE PROCEDURE p() BEGIN {}; END",
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; {}; END",
            "CREATE FUNCTION f() RETURNS int BEGIN {}; RETURN 1; END",
            "CREATE DEFINER=`root`@`localhost` EVENT e ON SCHEDULE EVERY 1 SECOND DO {}",
        ],
        hostile.FORBIDDEN,
    ),
)
def test_a_body_has_only_statements_of_the_list(statements):
    assert passed(statements) == []


def test_no_other_statement_is_run():
    assert passed(hostile.STATEMENTS) == []


@pytest.mark.parametrize(
    ("before", "statement"),
    [
        # The end of a string depends on the mode, and so does the text behind it.
        ("SET sql_mode='NO_BACKSLASH_ESCAPES'", r"INSERT INTO t VALUES ('\',(SELECT 1), '')"),
        ("", r"INSERT INTO t VALUES ('\\',(SELECT 1),'')"),
        ("SET sql_mode='ANSI_QUOTES'", 'INSERT INTO t VALUES ("a")'),
        ("SET sql_mode='ANSI'", 'CREATE VIEW v AS SELECT * FROM "victim"."t"'),
        ("SET sql_mode='ANSI_QUOTES'", 'CREATE TABLE "victim"."x" (a int)'),
        ("SET sql_mode='ORACLE'", "CREATE PROCEDURE p AS BEGIN EXECUTE IMMEDIATE 'x'; END"),
        ("SET NAMES latin1", "CREATE VIEW v AS SELECT a FROM t\xa0WHERE 1"),
        ("SET NAMES latin1", "CREATE VIEW v AS SELECT 1 FROM t\udca0JOIN u"),
        ("", "CREATE VIEW v AS SELECT 1 FROM t\udca0JOIN u"),
        ("", "CREATE VIEW v AS SELECT 1 --\x7f\n FROM victim.t"),
        ("", "INSERT INTO t VALUES (1 -- '\n, (SELECT 1)) -- '"),
        ("", "INSERT INTO t VALUES (1 --\t'\n, (SELECT 1)) -- '"),
        ("", "INSERT INTO t VALUES (1 --\x01'\n, (SELECT 1)) -- '"),
        ("", "INSERT INTO t VALUES (1--'a\n, (SELECT 1)) -- '"),
        ("", "INSERT INTO t VALUES (_gbk'\udcbf\\',(SELECT 1),'')"),
        ("", "INSERT INTO t VALUES ('a' 'b' (SELECT 1))"),
        ("", "INSERT INTO t VALUES (N'a', (SELECT 1))"),
        ("", "CREATE VIEW v AS SELECT 1 /* /* */ FROM victim.t /* */"),
        ("", "CREATE VIEW v AS SELECT 1 /*!50000 /* */ FROM victim.t */"),
        ("", "CREATE VIEW v AS SELECT 1 /*!050000 FROM victim.t */"),
        ("", "CREATE VIEW v AS SELECT 1 /*!9999 FROM victim.t */"),
        ("", "CREATE VIEW v AS SELECT 1 /* open"),
        ("", "CREATE VIEW v AS SELECT 1 /*!80000 */*!50000 FROM victim.t */"),
        ("", "CREATE VIEW v AS SELECT ';;; /*' FROM victim.t /*'*/"),
    ],
)
def test_text_is_read_as_a_server_reads_it(before, statement):
    assert refused(statement, before=[before] if before else [])


def test_what_a_server_leaves_out_does_not_change_the_rest():
    """A comment that one server skips is read with it and without it."""
    statement = "INSERT INTO t VALUES (1 /*!99999 ), (SELECT 1 */)"
    assert refused(statement)


def test_nesting_and_length_are_bounded():
    deep = 5000
    for statement in (
        f"CREATE VIEW v AS SELECT {'(' * deep}1{')' * deep}",
        f"CREATE VIEW v AS SELECT * FROM {'(' * deep}t{')' * deep}",
        f"CREATE VIEW v AS SELECT {'(SELECT ' * deep}1{')' * deep}",
        f"CREATE VIEW v AS SELECT {'IF(1,' * deep}1{',2)' * deep}",
        f"CREATE VIEW v AS SELECT {'CASE WHEN ' * deep}1{' THEN 1 END' * deep}",
        f"CREATE PROCEDURE p() {'BEGIN ' * deep}{'END; ' * deep}",
        f"CREATE PROCEDURE p() {'IF 1 THEN ' * deep}",
        f"CREATE TABLE y (a int DEFAULT {'(' * deep}1{')' * deep})",
        f"INSERT INTO t ({'a' * 50} {'a ' * deep}! VALUES (1)",
        f"INSERT INTO t VALUES ({'(' * deep}SELECT 1",
    ):
        began = time.process_time()
        assert refused(statement)
        assert time.process_time() - began < 20  # it does not grow with a power


def test_a_function_that_the_dump_does_not_make_is_not_called(tmp_path):
    """It could be one that a library put into the server."""
    path = tmp_path / "dump.sql"
    path.write_text(f"{TABLES}CREATE VIEW v AS SELECT My_Exec('id');\n")
    with pytest.raises(StatementRefused, match=rf"line {LINES + 1}: the view 'v' calls .*my_exec"):
        check_dump(str(path), schema="shop")
    made = "CREATE FUNCTION my_exec(a text) RETURNS int DETERMINISTIC RETURN 1;\n"
    path.write_text(f"{TABLES}CREATE VIEW v AS SELECT MY_EXEC('id');\n{made}")
    assert check_dump(str(path), schema="shop").routines == ("my_exec",)


# Brought to a server: some of each kind.
BROUGHT = (
    "INSERT INTO core_config_data VALUES (1 /* ' */, (SELECT v FROM victim.t), /* ' */ 2);",
    "INSERT INTO core_config_data VALUES (victim.f());",
    "CREATE TABLE y (a int) PARTITION BY LIST (a) (PARTITION p VALUES IN (victim.f()));",
    "CREATE TABLE y IGNORE (SELECT * FROM victim.t);",
    "ALTER TABLE core_config_data ADD KEY (a), RENAME victim.u;",
    "INSERT INTO core_config_data VALUES ({x (SELECT v FROM victim.t)});",
    "CREATE TRIGGER g BEFORE INSERT ON store FOR EACH ROW DELETE FROM store USING store, victim.t;",
    "CREATE DEFINER=root@localhost EVENT e ON SCHEDULE EVERY 1 SECOND DO DROP TABLE victim.t;",
)
WHOLE = "".join(
    f"CREATE TABLE {name} (a int, b int, c int);\n"
    for name in ("core_config_data", "eav_attribute", "store", "setup_module")
)


@pytest.fixture(scope="module")
def victim(server):
    """Another schema on the same server."""
    server.run(
        "CREATE DATABASE victim; CREATE TABLE victim.t (v int); INSERT INTO victim.t VALUES (7);"
        "CREATE SEQUENCE victim.s;"
        "CREATE FUNCTION victim.f() RETURNS int DETERMINISTIC RETURN 7"
    )
    yield lambda: server.run(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'victim';"
        "SELECT * FROM victim.t; SELECT * FROM victim.s; SELECT User, Host FROM mysql.user;"
        "SELECT EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS"
    )
    server.run("DROP DATABASE victim")


@pytest.fixture
def shop(server, schema, tmp_path):
    """A store whose env.php names the root of the server."""
    root = tmp_path / "shop"
    settings = replace(as_root(schema), password=Secret(""))
    fill(server, schema.schema, WHOLE)
    make_store(str(root), size=Size.SMALL, connection=settings)

    def run(*words):
        return subprocess.run(
            [sys.executable, "-I", "-m", "core", *words],
            cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    return root, run


def test_nothing_of_it_reaches_a_server(server, schema, shop, victim):
    root, run = shop
    directory = Path(root) / "var/backups"
    directory.mkdir(parents=True, exist_ok=True)
    before = victim()
    tables = server.run("SHOW TABLES", schema=schema.schema)
    for number, statement in enumerate(BROUGHT):
        name = f"17000000{number:02}_db.sql"
        (directory / name).write_text(f"-- MySQL dump 10.13\n{WHOLE}{statement}\n"
                                      "-- Dump completed on 2024-01-01  0:00:00\n")  # fmt: skip
        for options in (("--dry-run",), ("--yes",)):
            done = run("setup:rollback", "-d", name, *options)
            assert done.returncode != 0, (statement, done)
            assert f"line {WHOLE.count(chr(10)) + 2}: " in done.stderr, (statement, done.stderr)
            assert "Traceback" not in done.stderr
            assert "nexpected" not in done.stderr
        os.unlink(directory / name)
    assert victim() == before
    assert server.run("SHOW TABLES", schema=schema.schema) == tables
    assert not (Path(root) / "var/.maintenance.flag").exists()


def test_whom_an_object_runs_as_is_not_believed(server, schema, tmp_path):
    """Of a dump without a manifest; the account that loads it is put in the place of any other."""

    definer = "DEFINER=`other`@`%`"
    path = tmp_path / "dump.sql"
    path.write_text(
        "CREATE TABLE t (a int);\nDELIMITER ;;\n"
        f"CREATE {definer} TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1;;\n"
        f"CREATE {definer} PROCEDURE p() SELECT 1;;\n"
        f"CREATE {definer} FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;;\n"
        f"CREATE {definer} SQL SECURITY DEFINER VIEW v AS SELECT f() AS f;;\n"
        f"CREATE {definer} EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM t;;\n"
    )
    roll_back(str(path), as_root(schema), tmp_path)
    with connect(as_root(schema)) as connection:
        found = connection.query(
            "SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
            " UNION ALL SELECT DEFINER FROM information_schema.ROUTINES"
            " WHERE ROUTINE_SCHEMA = DATABASE()"
            " UNION ALL SELECT DEFINER FROM information_schema.VIEWS"
            " WHERE TABLE_SCHEMA = DATABASE()"
            " UNION ALL SELECT DEFINER FROM information_schema.EVENTS"
            " WHERE EVENT_SCHEMA = DATABASE()"
        )
    assert found == [("root@localhost",)] * 5


FOREIGN = Path(__file__).parent.parent / "database" / "sql" / "foreign"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_changed_in_a_dump_ends_in_a_line(tmp_path, seed):
    """Words left out, doubled, exchanged or cut: no statement brings up an unexpected error."""
    chance = random.Random(seed)
    texts = [path.read_bytes().replace(b"{schema}", b"shop") for path in sorted(FOREIGN.iterdir())]
    words = b"( ) , ' ` \" ; . @ = /*! */ -- # SELECT SET NAMES CREATE TABLE AS 1 \\ \xff \0".split(
        b" "
    )
    path = tmp_path / "changed.sql"
    refusals = 0
    for _ in range(60):
        pieces = chance.choice(texts).split(b" ")
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(pieces))
            match chance.randrange(5):
                case 0:
                    del pieces[at]
                case 1:
                    pieces.insert(at, pieces[chance.randrange(len(pieces))])
                case 2:
                    pieces.insert(at, chance.choice(words))
                case 3:
                    pieces[at] = pieces[at][: chance.randint(0, len(pieces[at]))]
                case _:
                    pieces[at] += chance.choice(words)
        path.write_bytes(b" ".join(pieces))
        try:
            check_dump(str(path), schema="shop")
        except MagerewindError as error:
            refusals += 1
            assert "\n" not in error.message
    assert refusals


@pytest.mark.parametrize("cut", range(3, 80, 4))
def test_a_statement_that_ends_anywhere_ends_in_a_line(cut):
    for statement in (*hostile.STATEMENTS, *hostile.BODIES, *hostile.TABLES, *hostile.ROWS):
        refused(statement.replace("{}", "1")[:cut])  # nothing else is raised


@pytest.mark.parametrize("seed", range(40))
def test_any_nesting_of_what_is_allowed_passes_and_one_word_more_does_not(tmp_path, seed):
    pieces = Pieces(seed)
    for _ in range(30):
        statement = pieces.statement()
        assert refused(statement) == "", statement
        changed = pieces.poisoned()
        assert refused(changed), changed


def test_the_same_in_a_file(tmp_path):
    """The splitter takes whole rows of literals by itself."""
    pieces = Pieces(99)
    for _ in range(40):
        check(tmp_path, pieces.rows().replace(MARK, ""), pieces.statement())
        changed = pieces.poisoned()
        with pytest.raises(StatementRefused, match=rf"line {LINES + 4}: "):
            check(tmp_path, "INSERT INTO t VALUES (1,'a')", changed)
