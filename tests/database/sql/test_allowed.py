"""Statements that are refused with their line, and those that dumps hold; no server."""

from __future__ import annotations

import pytest

from core.database.sql.allowed import classify
from core.database.sql.set_statements import DumpSession
from core.database.sql.split import RawStatement
from core.database.sql.statement import StatementKind
from core.database.sql.table_text import parse_alter, parse_table
from core.database.sql.tokens import Reading
from core.errors import StatementRefused

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


# Bodies that are refused in a dump that no manifest vouches for.
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
    "FETCH c INTO r.a; FETCH GROUP NEXT ROW",
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
        DumpSession().apply(list(statement.words), statement.line)
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
        DumpSession().apply(list(statement.words), 1)


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
        parse_table(classify(RawStatement(text.encode(), 1, 0), reading=Reading()))
