"""Splitting, reading and refusing statements; no server."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.database.server.dialect import Flavour, Server
from core.database.sql.allowed import classify
from core.database.sql.set_statements import Session
from core.database.sql.split import DumpFile, RawStatement, Statements
from core.database.sql.statement import StatementKind
from core.database.sql.table_text import parse_alter, parse_table, split_for_loading
from core.database.sql.tokens import Reading, resolve_comments
from core.errors import DamagedBackup, StatementRefused

MARIADB = Server(flavour=Flavour.MARIADB, version=(10, 11, 6), text="")
MYSQL = Server(flavour=Flavour.MYSQL, version=(8, 0, 35), text="")
_paths = itertools.count()


def split(tmp_path, content, *, chunk=4 << 20, reading=None, packed=False):
    path = tmp_path / f"{next(_paths)}.sql"
    path.write_bytes(gzip.compress(content) if packed else content)
    file = DumpFile(str(path))
    try:
        statements = Statements(file, chunk=chunk)
        if reading is not None:
            statements.reading = reading
        return [(one.text, one.line) for one in statements]
    finally:
        file.close()


PIECES = [
    b"SELECT 1",
    b"'it''s; here'",
    b"'back\\'slash; \\\\'",
    b'"dou\\"ble;"',
    b"`tick;``s`",
    b"a - b",
    b"a / b",
    b"--1",
    b"-- comment; '\n",
    b"# hash; `\n",
    b"/* block; ' */",
    b"/*!50001 x ';' */",
    b"/*M!100100 y */",
    b"\n",
    b"\t",
    b"(1,'a'),(2,NULL)",
    b"'\n;\n'",
    b"'\xff\x00\x1a'",
    b"x'00'",
    b"/*! outer /* inner; */ 'q' */",
    b"*",
    b"-",
    b"/",
    b"'\\\\'",
    b"''",
    b"\xc3\xa9",
]


@settings(max_examples=300, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), min_size=1, max_size=6
    ),
    chunk=st.integers(1, 40),
)
def test_any_statements_come_apart_again_whatever_the_chunks(tmp_path_factory, texts, chunk):
    made = [b"X " + b" ".join(pieces) + b" Y" for pieces in texts]
    found = split(tmp_path_factory.getbasetemp(), b";\n".join(made) + b";\n", chunk=chunk)
    assert [text for text, _ in found] == made
    lines = [1 + b";\n".join(made[:n]).count(b"\n") + (n > 0) for n in range(len(made))]
    assert [line for _, line in found] == lines


@settings(max_examples=200, deadline=None)
@given(value=st.binary(max_size=60), chunk=st.integers(1, 30), escapes=st.booleans())
def test_a_value_never_ends_its_statement(tmp_path_factory, value, chunk, escapes):
    literal = value.replace(b"'", b"''")
    if escapes:
        literal = value.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
    made = [b"INSERT INTO t VALUES ('" + literal + b"')", b"SELECT 2"]
    reading = Reading(backslash_escapes=escapes)
    found = split(
        tmp_path_factory.getbasetemp(), b";\n".join(made) + b";", chunk=chunk, reading=reading
    )
    assert [text for text, _ in found] == made


def test_delimiters_comments_and_empty_statements(tmp_path):
    content = (
        b"-- a; b\n#c; d\n/* e; */;;SELECT 1;\r\nDELIMITER ;;\r\nBEGIN a; b; -- it's;;\n END;;\n"
        b"delimiter //\nx / y ; /* // */ z//\nDelimiter ;\nSELECT '//';SELECT 3"
    )
    for chunk in (1, 3, 7, 1000):
        assert split(tmp_path, content, chunk=chunk) == [
            (b"SELECT 1", 3),
            (b"BEGIN a; b; -- it's;;\n END", 5),
            (b"x / y ; /* // */ z", 8),
            (b"SELECT '//'", 10),
            (b"SELECT 3", 10),
        ]


def test_gzip_is_known_by_its_magic_and_a_cut_one_is_damaged(tmp_path):
    assert split(tmp_path, b"SELECT 1;\nSELECT 2;", packed=True) == [
        (b"SELECT 1", 1),
        (b"SELECT 2", 2),
    ]
    whole = gzip.compress(b"SELECT 1;\n" * 1000)
    path = tmp_path / "cut.gz"
    for content in (whole[:-9], whole[:-1], whole[:40] + b"\xff\xff" + whole[42:]):
        path.write_bytes(content)
        file = DumpFile(str(path))
        with pytest.raises(DamagedBackup):
            list(Statements(file))
        file.close()


@pytest.mark.parametrize("end", [b"'abc", b"`abc", b"/* abc", b"/*! abc", b'"abc'])
def test_a_statement_without_end_is_a_cut_dump(tmp_path, end):
    with pytest.raises(DamagedBackup, match="Line 2"):
        split(tmp_path, b"SELECT 1;\nSELECT " + end)


def test_in_our_own_dumps_a_row_statement_is_a_line(tmp_path):
    rows = b"INSERT INTO `t` (`a`) VALUES ('-- it\\'s; /*'),('b');"
    content = b"-- magerewind dump, format 1\n" + rows + b"\n" + rows + b"\nSELECT 1;\n"
    for chunk in (1, 10, 1 << 20):
        assert split(tmp_path, content, chunk=chunk) == [
            (rows[:-1], 2),
            (rows[:-1], 3),
            (b"SELECT 1", 4),
        ]


def test_memory_is_bounded_by_the_largest_statement(tmp_path):
    row = b"INSERT INTO t VALUES " + b",".join([b"(1,'some text; here')"] * 20_000) + b";\n"
    path = tmp_path / "large.sql"
    path.write_bytes(row * 60)
    tracemalloc.start()
    file = DumpFile(str(path))
    count = sum(1 for _ in Statements(file, chunk=1 << 20))
    file.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60
    assert peak < 8 * len(row) + (4 << 20) < len(row) * 60


@pytest.mark.parametrize(
    ("text", "server", "wanted"),
    [
        (b"a /*!50001 b */ c", MARIADB, b"a   b   c"),
        (b"a /*!80001 b */ c", MARIADB, b"a  c"),
        (b"a /*!80001 b */ c", MYSQL, b"a   b   c"),
        (b"a /*!80099 b */ c", MYSQL, b"a  c"),
        (b"a /*M!100100 b */ c", MARIADB, b"a   b   c"),
        (b"a /*M!100100 b */ c", MYSQL, b"a  c"),
        (b"/*!80000 x '*/' y */z", None, b"x '*/' y  z"),
        (b"/*!99999 a /* b */ c */ d", MARIADB, b"d"),
        (b"/* plain */ a", MARIADB, b"/* plain */ a"),
        (b"/*M!999999\\- enable the sandbox mode */", MARIADB, b""),
    ],
)
def test_conditional_comments_are_read_as_the_server_reads_them(text, server, wanted):
    assert resolve_comments(text, server).split() == wanted.split()


REFUSED = [
    "GRANT ALL ON *.* TO x",
    "CREATE DATABASE other",
    "USE other",
    "DROP SCHEMA shop",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE t",
    "SELECT * FROM t INTO OUTFILE '/tmp/x'",
    "SELECT 1",
    "SET GLOBAL max_connections = 1",
    "SET @@global.log_bin_trust = 1",
    "SET PERSIST x = 1",
    "SET PASSWORD = 'x'",
    "SET @a = (SELECT LOAD_FILE('/etc/passwd'))",
    "INSERT INTO t VALUES (LOAD_FILE('/etc/passwd'))",
    "INSERT INTO other.t VALUES (1)",
    "INSERT INTO t SELECT * FROM mysql.user",
    "INSERT INTO t VALUES ((SELECT 1))",
    "INSERT INTO t VALUES (1) INTO OUTFILE 'x'",
    "CREATE TABLE other.t (a int)",
    "DROP TABLE mysql.user",
    "CREATE USER x",
    "ALTER USER x IDENTIFIED BY 'y'",
    "FLUSH PRIVILEGES",
    "CREATE VIEW v AS SELECT * FROM mysql.user",
    "SHUTDOWN",
    "KILL 3",
    "CALL p()",
    "DO SLEEP(9)",
    "CREATE FUNCTION f RETURNS STRING SONAME 'udf.so'",
    "INSTALL PLUGIN x SONAME 'y'",
    "UPDATE t SET a=1",
    "CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW GRANT ALL ON *.* TO x",
    "RENAME TABLE a TO b",
    "/*!50001 GRANT ALL ON *.* TO x */",
    "/*!99999 DROP DATABASE x */",
    "DELETE FROM t",
    "HANDLER t OPEN",
    "PREPARE s FROM 'DROP TABLE t'",
    "ALTER TABLE t RENAME TO u",
    "TRUNCATE t",
    "EXECUTE IMMEDIATE 'DROP TABLE t'",
    "PREPARE s FROM @x",
    "SELECT 1 INTO @x",
    "SELECT @rocksdb, @x",
    "SELECT user FROM mysql.user INTO @rocksdb_x, @y",
    "\\! sh",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1 INTO DUMPFILE '/x'",
    "CHANGE MASTER TO x=1",
    "SET some_unknown_variable = 1",
    "SET NAMES gbk",
    "DO SETVAL(s, (SELECT 1 FROM t))",
    "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
    "CREATE SERVER s FOREIGN DATA WRAPPER x",
    "CREATE DATABASE IF NOT EXISTS `other` CHARACTER SET utf8mb4",
    "ALTER DATABASE other CHARACTER SET latin1",
    "CREATE DATABASE",
    "DROP DATABASE shop",
]
# What a body may not do, in a dump that no manifest vouches for.
REACHING = [
    "SELECT * FROM a, mysql.user",
    "SELECT * FROM (a JOIN b) JOIN mysql.user",
    "SELECT a.x FROM a WHERE a.x IN (SELECT User FROM c, mysql.user)",
    "SELECT mysql.user.password FROM a",
    "SELECT other.f(1)",
    "CALL other.p()",
    "INSERT other.t VALUES (1)",
    "INSERT IGNORE INTO other.t VALUES (1)",
    "REPLACE DELAYED other.t SELECT 1",
    "DELETE QUICK FROM other.t",
    "DELETE other.t FROM other.t JOIN a",
    "UPDATE IGNORE other.t SET a = 1",
    "UPDATE a, other.t SET a.b = 1",
    "TRUNCATE other.t",
    "DROP TABLE IF EXISTS other.t",
    "DROP TEMPORARY TABLE a, other.t",
    "SELECT * FROM JSON_TABLE(x.y, '$' COLUMNS(a int PATH '$')) j, other.t",
    "SET @x = CONCAT('GR', 'ANT ALL ON *.* TO x'); PREPARE s FROM @x; EXECUTE s",
    "EXECUTE IMMEDIATE CONCAT('GR', 'ANT ALL ON *.* TO x')",
]
STAYING = [
    "SELECT EXTRACT(DAY FROM a.at), TRIM(LEADING '0' FROM a.sku), a.x FROM a JOIN b USING (x, y)",
    "SELECT a.x INTO NEW.y FROM a",
    "SELECT a.x INTO r.y FROM shop.a",
    "INSERT INTO t (a) VALUES (NEW.a) ON DUPLICATE KEY UPDATE t.a = OLD.a",
    "SELECT INSERT(a.b, 1, 2, 'x'), REPLACE(a.b, c.d, '') FROM a, c WHERE f(a.x, c.y) = 1.5",
    "UPDATE a JOIN b ON f(a.x, b.y) SET a.x = b.y, a.z = b.z",
    "SELECT a.b FROM a GROUP BY c.d, e.f ORDER BY g.h, i.j",
    "FETCH c INTO r.a",
    "CALL shop.p(); SELECT shop.f(1)",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_never_run_is_refused_with_its_line(text):
    with pytest.raises(StatementRefused, match="Line 7"):
        _read(text)


@pytest.mark.parametrize("text", REACHING)
@pytest.mark.parametrize("ansi", [False, True])
def test_a_body_that_reaches_into_another_schema_is_refused(text, ansi):
    create = f"CREATE PROCEDURE p() BEGIN {text}; END"
    reading = Reading(ansi_quotes=ansi)
    with pytest.raises(StatementRefused, match=r"Line 7: the procedure 'p' (reaches|runs text)"):
        classify(RawStatement(create.encode(), 7, 0), reading=reading, schema="shop")
    assert classify(
        RawStatement(create.encode(), 7, 0), reading=reading, schema="shop", trusted=True
    )


@pytest.mark.parametrize("text", STAYING)
def test_a_body_that_stays_in_its_schema_is_not(text):
    _read(f"CREATE PROCEDURE p() BEGIN {text}; END")


def _read(text):
    statement = classify(RawStatement(text.encode(), 7, 0), reading=Reading(), schema="shop")
    if statement.kind is StatementKind.SET:
        Session().apply(list(statement.words), statement.line)
    if statement.kind is StatementKind.ALTER:
        parse_alter(statement)


ALLOWED = [
    ("INSERT INTO `t` (`select`,`b`) VALUES (1,'LOAD_FILE(x) select into outfile')", "rows"),
    ("insert ignore into shop.t values(1)", "rows"),
    ("REPLACE INTO t VALUES (1)", "rows"),
    ("/*!50708 INSERT INTO t VALUES (1) */", "rows"),
    ("CREATE TABLE IF NOT EXISTS t (a int)", "table"),
    ("/*!40000 ALTER TABLE `t` DISABLE KEYS */", "nothing"),
    ("LOCK TABLES `t` WRITE", "nothing"),
    (
        (
            "/*!50001 CREATE ALGORITHM=UNDEFINED */\n"
            "/*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */\n"
            "/*!50001 VIEW `v` AS select `t`.`a` AS `a` from `t` */"
        ),
        "view",
    ),
    ("CREATE DEFINER=`a`@`%` PROCEDURE p() BEGIN SELECT 1; END", "procedure"),
    (
        (
            "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x BEFORE INSERT"
            " ON `t` FOR EACH ROW SET NEW.a = 1 */"
        ),
        "trigger",
    ),
    ("DO SETVAL(`s`, 5, 0)", "setval"),
    ("SELECT SETVAL(`s`, 5, 0)", "setval"),
    ("USE shop", "nothing"),
    ("use `Shop`", "nothing"),
    ("CREATE DATABASE shop", "nothing"),
    (
        (
            "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET"
            " utf8mb4 COLLATE utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */"
        ),
        "nothing",
    ),
    ("ALTER DATABASE `shop` CHARACTER SET latin1 COLLATE latin1_swedish_ci", "nothing"),
    ("CREATE UNIQUE INDEX i ON t (a)", "alter"),
    ("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'x:1-5'", "set"),
    (
        (
            "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`b`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY"
            " 1 DAY DO BEGIN END */"
        ),
        "event",
    ),
]


@pytest.mark.parametrize(("text", "kind"), ALLOWED)
def test_what_dumps_hold_is_known(text, kind):
    statement = classify(RawStatement(text.encode(), 1, 0), reading=Reading(), schema="shop")
    assert statement.kind.value == kind
    if kind == "set":
        Session().apply(list(statement.words), 1)


def _apply(session, text):
    statement = classify(RawStatement(text.encode(), 1, 0), reading=Reading())
    session.apply(list(statement.words), 1)


def test_a_session_follows_what_is_saved_and_put_back():
    session = Session()
    _apply(session, "SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
    assert session.state.reading == Reading(False, True)
    _apply(session, "SET time_zone='+02:00', @x = @@session.time_zone")
    _apply(session, "SET SESSION character_set_client = latin1")
    _apply(session, "SET collation_connection = latin1_german1_ci")
    assert session.state.charset == "latin1"
    assert session.state.collation == "latin1_german1_ci"
    _apply(session, "SET SQL_MODE=@OLD_SQL_MODE, time_zone = DEFAULT")
    assert session.state.sql_mode == "NO_AUTO_VALUE_ON_ZERO"
    assert session.state.time_zone == "+00:00"
    _apply(session, "SET sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
    assert session.state.sql_mode == "NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES"


def _statement(text):
    return classify(RawStatement(text.encode(), 1, 0), reading=Reading())


def test_keys_that_can_wait_are_the_last_ones():
    table = parse_table(
        _statement(
            "CREATE TABLE `t` (`id` int AUTO_INCREMENT, `a` int COMMENT 'a, KEY b (c)',"
            " UNIQUE KEY `u` (`a`), KEY `auto` (`id`), KEY `k` (`a`,`id`), FULLTEXT KEY f (x),"
            " CONSTRAINT `fk` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE CASCADE,"
            " CONSTRAINT c CHECK (`a` > 1)) ENGINE=InnoDB"
        )
    )
    parts, later = split_for_loading(table)
    assert [part.name for part in later] == ["k", "f"]
    assert [part.kind.value for part in parts] == ["column", "column", "unique", "index", "check"]
    key = table.foreign_keys[0]
    assert key.render(name="tmp", rename={"p": "_mrs_1"}.get) == (
        "CONSTRAINT `tmp` FOREIGN KEY (`a`) REFERENCES `_mrs_1` (`id`) ON DELETE CASCADE"
    )
    assert table.render("x") == (
        b"CREATE TABLE `x` (\n  `id` int AUTO_INCREMENT,\n  `a` int COMMENT 'a, KEY b (c)',\n"
        b"  UNIQUE KEY `u` (`a`),\n  KEY `auto` (`id`),\n  KEY `k` (`a`,`id`),\n"
        b"  FULLTEXT KEY f (x),\n  CONSTRAINT c CHECK (`a` > 1)\n) ENGINE=InnoDB"
    )


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t LIKE u",
        "CREATE TABLE t (LIKE u)",
        "CREATE TABLE t SELECT 1",
        "CREATE TABLE t (a int) AS SELECT * FROM u",
        "CREATE TABLE t (a int) ENGINE=MERGE UNION=(u)",
        "CREATE TABLE t (a int REFERENCES u (a))",
    ],
)
def test_tables_made_of_others_are_refused(text):
    with pytest.raises(StatementRefused, match="Line 1"):
        parse_table(_statement(text))


def test_an_alter_gives_up_its_foreign_keys():
    alter = parse_alter(
        _statement("ALTER TABLE `t` ADD PRIMARY KEY (`a`), ADD CONSTRAINT `f` FOREIGN KEY (`b`)"
                   " REFERENCES `u` (`x`, `y`) ON UPDATE SET NULL, MODIFY `a` int COMMENT 'x, y'")
    )  # fmt: skip
    assert alter.render("z") == (
        b"ALTER TABLE `z` ADD PRIMARY KEY (`a`), MODIFY `a` int COMMENT 'x, y'"
    )
    assert [(key.name, key.referenced) for key in alter.foreign_keys] == [("f", "u")]
