"""Loading beside: foreign dumps, odd values, faults; the live tables are never touched."""

from __future__ import annotations

import gzip
import os
import re
import threading
import tracemalloc

import pytest

from core.database.load import batches, load, row_writers
from core.database.load.batches import Finishing, RowStatement, StatementPlace
from core.database.load.load import load_beside
from core.database.load.row_writers import RowWriters
from core.database.load.server_check import check_against_server, check_dump
from core.database.load.work_queue import WorkQueue
from core.database.schema.names import owner_of, short_id
from core.database.server.connection import connect
from core.database.sql.set_statements import SessionState
from core.database.swap.swap import revert_tables
from core.database.swap.undo import leftovers
from core.errors import Cancelled, ConnectionLost, DamagedBackup, LoadFailed
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import (
    JOB,
    fill,
    new_journal,
    roll_back,
    stage,
    write,
)

MAGENTO = """-- Magento DB backup
--
-- Host: db    Database: shop
-- ------------------------------------------------------
-- Server version: 10.6

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;

DROP TABLE IF EXISTS `a`;
CREATE TABLE `a` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `b_id` int(10) unsigned DEFAULT NULL,
  `text` varchar(99) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `B` (`b_id`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb3 COMMENT='it''s';
LOCK TABLES `a` WRITE;
/*!40000 ALTER TABLE `a` DISABLE KEYS */;
INSERT INTO `a` VALUES (0,1,'zero; \\'quoted\\''),
(2,1,'two
lines');
/*!40000 ALTER TABLE `a` ENABLE KEYS */;
UNLOCK TABLES;
DROP TABLE IF EXISTS `b`;
CREATE TABLE `b` (`id` int(10) unsigned NOT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB;
INSERT INTO `b` VALUES (1);
DROP VIEW IF EXISTS `v`;
CREATE VIEW `v` AS select `a`.`id` AS `id` from `a`;
ALTER TABLE `a` ADD CONSTRAINT `A_B` FOREIGN KEY (`b_id`) REFERENCES `b` (`id`) ON DELETE CASCADE;
/*!50003 DROP TRIGGER IF EXISTS trg */;
delimiter ;;
/*!50003 CREATE TRIGGER trg AFTER INSERT ON `a` FOR EACH ROW BEGIN SET @x = 1; SET @y = 2; END */;;
delimiter ;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
-- Dump completed on 2024-01-01 00:00:00 GMT
"""

PHPMYADMIN = """-- phpMyAdmin SQL Dump
-- version 5.2.1

SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";
START TRANSACTION;
SET time_zone = "+00:00";
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;

CREATE TABLE `a` (
  `id` int(10) UNSIGNED NOT NULL COMMENT 'Id; `a`',
  `b_id` int(10) UNSIGNED DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `a` (`id`, `b_id`) VALUES
(0, 1),
(5, 1);
CREATE TABLE `b` (`id` int(10) UNSIGNED NOT NULL) ENGINE=InnoDB;
INSERT INTO `b` (`id`) VALUES (1);
-- Stand-in
CREATE TABLE `v` (
`id` int(10) unsigned
);
DROP TABLE IF EXISTS `v`;
CREATE ALGORITHM=UNDEFINED DEFINER=`x`@`y` SQL SECURITY INVOKER VIEW `v`  AS SELECT `id` FROM `a` ;
ALTER TABLE `a`
  ADD PRIMARY KEY (`id`),
  ADD KEY `B` (`b_id`);
ALTER TABLE `b`
  ADD PRIMARY KEY (`id`);
ALTER TABLE `a`
  MODIFY `id` int(10) UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'Id; `a`', AUTO_INCREMENT=9;
ALTER TABLE `a`
  ADD CONSTRAINT `A_B` FOREIGN KEY (`b_id`) REFERENCES `b` (`id`) ON DELETE CASCADE;
COMMIT;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
"""


@pytest.mark.parametrize(
    ("text", "maker", "definer"), [(MAGENTO, "magento", None), (PHPMYADMIN, "phpmyadmin", "x@y")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_foreign_dumps_give_what_the_client_gives(
    server, schema, tmp_path, text, maker, definer, packed
):
    content = text.replace("Database: shop", f"Database: {schema.schema}").encode()
    # The client, as the same account, is the judge; no definer of such a dump is believed.
    fill(server, schema.schema, content.replace(b"DEFINER=`x`@`y`", b""))
    wanted = portrait(schema)
    fill(server, schema.schema, "INSERT INTO b VALUES (9); DROP VIEW v; CREATE TABLE later (a int)")
    path = write(tmp_path, gzip.compress(content) if packed else content)
    check = check_dump(path, schema=schema.schema)
    assert (check.made_by, check.complete, check.problems) == (maker, True, ())
    assert check.tables == ("a", "b")
    assert check.definers == ((definer,) if definer else ())
    said = check_against_server(check, schema, partial=True).warnings
    assert [one.names for one in said if one.code == "definer-mapped"] == (
        [(definer,)] if definer else []
    )
    roll_back(path, schema, tmp_path)
    assert differences(wanted, portrait(schema)) == {}
    with connect(schema) as connection:
        assert connection.scalar("SELECT COUNT(*) FROM a WHERE id = 0") == 1


def test_a_dump_without_backslash_escapes_and_in_latin1(server, schema, tmp_path):
    content = (
        "SET NAMES latin1; SET sql_mode='NO_BACKSLASH_ESCAPES,ANSI_QUOTES'; SET time_zone='+03:00';"
        'CREATE TABLE "t" ("a" varchar(20) CHARACTER SET latin1, at timestamp NOT NULL);'
        "INSERT INTO \"t\" VALUES ('\\', '2020-01-01 03:00:00'),('é;''', '2020-06-01 00:00:00');"
    ).encode("latin-1")
    roll_back(write(tmp_path, content), schema, tmp_path)
    with connect(schema) as connection:
        assert connection.query("SELECT a, at FROM t") == [
            ("\\", "2020-01-01 00:00:00"),
            ("é;'", "2020-05-31 21:00:00"),
        ]


def test_odd_dates_and_values_stay_what_the_dump_says(server, schema, tmp_path):
    text = (
        "CREATE TABLE t (d date, n datetime NOT NULL DEFAULT '0000-00-00 00:00:00', f float,"
        " id int AUTO_INCREMENT PRIMARY KEY, e enum('a','b') NOT NULL);"
        "INSERT INTO t VALUES ('2020-02-31','0000-00-00 00:00:00',16777216,0,''),"
        "('0000-00-00','2020-00-01 00:00:00',1.2345678,-1,'b');"
    )
    roll_back(write(tmp_path, text), schema, tmp_path)
    with connect(schema) as connection:
        rows = connection.query("SELECT d, n, id, e, e+0 FROM t ORDER BY id DESC")
    assert rows == [
        ("2020-02-31", "0000-00-00 00:00:00", 0, "", 0.0),
        ("0000-00-00", "2020-00-01 00:00:00", -1, "b", 2.0),
    ]


LOSING = [
    ("CREATE TABLE t (a tinyint); INSERT INTO t VALUES (1),(300);", "Out of range"),
    ("CREATE TABLE t (a varchar(2)); INSERT INTO t VALUES ('abc');", "truncated"),
    ("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1),(1);", "Duplicate"),
    ("CREATE TABLE t (a int); INSERT INTO t VALUES (1,2);", "count"),
    ("CREATE TABLE t (a vector(3));", "Unknown data type|'vector'"),
    (
        "CREATE TABLE t (a int); CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.zz = 1;",
        "zz",
    ),
]


@pytest.mark.parametrize(("text", "why"), LOSING)
def test_what_cannot_be_loaded_as_it_is_fails_and_leaves_nothing(
    server, schema, tmp_path, text, why
):
    fill(server, schema.schema, "CREATE TABLE t (mine int); INSERT INTO t VALUES (42)")
    before = portrait(schema, ours=True)
    journal = new_journal(tmp_path)
    with pytest.raises(LoadFailed, match=f"'[tx]'.*{why}"):
        stage(write(tmp_path, text), schema, journal)
    assert differences(before, portrait(schema, ours=True)) == {}
    revert_tables(schema, journal)
    assert leftovers(schema) == ()


def test_a_wrong_count_of_rows_is_found(schema, tmp_path):
    path = write(tmp_path, "CREATE TABLE t (a int); INSERT INTO t VALUES (1),(2);")
    with pytest.raises(LoadFailed, match="2 rows instead of 3"):
        stage(path, schema, new_journal(tmp_path), expected_rows={"t": 3})
    assert leftovers(schema) == ()


def test_a_file_that_changes_after_its_check_is_not_loaded(schema, tmp_path):
    path = write(tmp_path, "CREATE TABLE t (a int); INSERT INTO t VALUES (1);")
    check = check_dump(path)
    write(tmp_path, "CREATE TABLE t (a int); INSERT INTO t VALUES (2);")
    with pytest.raises(LoadFailed, match="not the file that was checked"):
        load_beside(path, check, schema, job_id=JOB, journal=new_journal(tmp_path))
    with pytest.raises(DamagedBackup, match="SHA-256"):
        check_dump(path, sha256=check.sha256)


def _many_rows(count=6000):
    rows = ",".join(f"({n},'{'x' * 500}')" for n in range(200))
    lines = [f"INSERT INTO t (a, b) VALUES {rows};" for _ in range(count // 200)]
    create = "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a int, b varchar(600), KEY (a));"
    return create + "\n" + "\n".join(lines) + "\n"


def test_cancelling_stops_at_once_and_leaves_nothing(monkeypatch, schema, tmp_path):
    monkeypatch.setattr(load, "BATCH", 64 << 10)
    calls = []

    def report(done_bytes, done_items, current):
        calls.append((done_bytes, done_items, current))
        if len(calls) == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        stage(write(tmp_path, _many_rows()), schema, new_journal(tmp_path), report=report)
    assert leftovers(schema) == ()
    assert not [t for t in threading.enumerate() if t.name.startswith("rows-")]


def test_a_connection_killed_in_the_middle_is_a_lost_connection(
    monkeypatch, server, schema, tmp_path
):
    monkeypatch.setattr(load, "BATCH", 64 << 10)
    killed = []

    def report(done_bytes, done_items, current):
        if done_items and not killed:
            ids = server.run(
                "SELECT ID FROM information_schema.PROCESSLIST WHERE USER='shop'"
                f" AND DB='{schema.schema}' ORDER BY ID DESC LIMIT 1"
            ).split()
            killed.append(ids[1])
            server.run(f"KILL {ids[1]}")

    with pytest.raises(ConnectionLost):
        stage(write(tmp_path, _many_rows(20000)), schema, new_journal(tmp_path), report=report)
    assert killed
    assert leftovers(schema) == ()


def test_keys_made_after_the_rows_are_those_of_the_dump(monkeypatch, server, schema, tmp_path):
    monkeypatch.setattr(load, "DEFER_FROM", 0)
    text = (
        "CREATE TABLE t (id int NOT NULL AUTO_INCREMENT, a int, b varchar(600), c text,"
        " PRIMARY KEY (a), KEY z (b(10)), UNIQUE KEY u (a, id), KEY auto (id), KEY after (c(5)),"
        " FULLTEXT KEY f1 (b), FULLTEXT KEY f2 (c)) ENGINE=InnoDB AUTO_INCREMENT=50;"
        "INSERT INTO t VALUES (0,1,'x y','w'),(3,2,'z','w');"
    )
    fill(server, schema.schema, "SET sql_mode='NO_AUTO_VALUE_ON_ZERO';" + text)
    wanted = portrait(schema)
    roll_back(write(tmp_path, text), schema, tmp_path)
    assert differences(wanted, portrait(schema)) == {}


def test_an_index_that_the_server_makes_for_a_foreign_key_gets_its_name(server, schema, tmp_path):
    text = (
        "CREATE TABLE p (id int PRIMARY KEY) ENGINE=InnoDB;"
        "CREATE TABLE c (a int, b int, d int, CONSTRAINT NAMED FOREIGN KEY (a) REFERENCES p (id)"
        " ON DELETE RESTRICT ON UPDATE CASCADE, FOREIGN KEY (b) REFERENCES p (id)) ENGINE=InnoDB;"
        "ALTER TABLE c ADD FOREIGN KEY (d) REFERENCES p (id);"
    )
    fill(server, schema.schema, text)
    wanted = portrait(schema)["TABLE c"]
    roll_back(write(tmp_path, text), schema, tmp_path)
    assert portrait(schema)["TABLE c"] == wanted


def test_a_load_that_died_is_cleared_by_the_next_of_the_same_job(schema, tmp_path):
    with connect(schema) as connection:
        connection.execute(f"CREATE TABLE _mrs_{short_id(JOB)}_1 (old int)")
        connection.execute("CREATE TABLE _mrs_other_1 (old int)")
    path = write(tmp_path, "CREATE TABLE t (a int); INSERT INTO t VALUES (1);")
    roll_back(path, schema, tmp_path)
    assert [one.short for one in leftovers(schema)] == ["other"]


def test_names_tell_their_job():
    assert owner_of(f"_mrs_{short_id(JOB)}_12") == short_id(JOB) == "202611230315001a2b"
    assert owner_of("_mra_x_f3") == "x"
    assert owner_of("sales_order") is None
    assert len(short_id("a" * 50)) == 20


def test_a_large_row_takes_little_more_than_itself(schema, tmp_path):
    size = 24 << 20
    row = b"INSERT INTO `t` VALUES ('" + b"x" * size + b"');\n"
    content = b"-- magerewind dump, format 1\nCREATE TABLE `t` (b longblob);\n" + row * 3
    path = write(tmp_path, content + b"-- Dump completed: 1 tables, 3 rows\n")
    del content, row
    tracemalloc.start()
    check = check_dump(path)
    load_beside(path, check, schema, job_id=JOB, journal=new_journal(tmp_path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * size
    with connect(schema) as connection:
        name = f"_mrs_{short_id(JOB)}_1"
        assert connection.query(f"SELECT COUNT(*), MIN(LENGTH(b)) FROM {name}") == [(3, size)]


def test_work_that_waits_may_be_stopped(monkeypatch, schema, tmp_path):
    path = write(tmp_path, _many_rows(40000))
    monkeypatch.setattr(load, "DEFER_FROM", 0)
    after_the_rows = []

    def report(done_bytes, done_items, current):
        if done_items == 40000:
            after_the_rows.append(done_bytes)
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        stage(path, schema, new_journal(tmp_path), report=report)
    assert after_the_rows
    assert leftovers(schema) == ()


def test_each_writer_goes_on_with_a_large_table_of_its_own():
    queue = WorkQueue(2, 10)

    def note(table, size, rows, cost=1):
        for _ in range(rows):
            at = StatementPlace(0, size, b"")
            row = RowStatement(table, table, b"", (0, 0), SessionState(), 1, at=at)
            queue.note(row, size * rows, cost * size * rows)

    def take(taker):
        work = queue.take(taker, 0)
        return work.name if isinstance(work, Finishing) else work.rows[0].staged

    note("middle", 10, 3)
    assert [take(1), take(2)] == ["middle", "middle"]  # there is no other yet
    note("small", 10, 1)
    note("large", 10, 4)
    assert [take(1), take(1), take(2)] == ["large", "large", "middle"]
    assert queue.put(Finishing("keys", ()), 0)
    assert [take(2), take(2), take(1), take(1)] == ["keys", "small", "large", "large"]
    assert queue.take(1, 0) is None
    note("long texts", 10, 3)
    note("many keys", 10, 2, cost=9)
    assert [take(3), take(3), take(4)] == ["many keys", "many keys", "long texts"]


def test_large_tables_are_read_where_they_stand(monkeypatch, server, schema, tmp_path):
    monkeypatch.setattr(batches, "LARGE_FROM", 1 << 20)
    monkeypatch.setattr(batches, "LARGE_STATEMENT", 1 << 10)
    monkeypatch.setattr(row_writers, "BATCH", 64 << 10)
    taken, real, calls = set(), RowWriters._write, []

    def write_(self, loading, batch):
        taken.update((row.name, row.at is not None) for row in batch.rows)
        return real(self, loading, batch)

    monkeypatch.setattr(RowWriters, "_write", write_)
    text = "CREATE TABLE small (id int PRIMARY KEY); INSERT INTO small VALUES (1),(2);\n"
    for name in ("t", "u"):
        text += re.sub(r"\bt\b", name, _many_rows())
    path = write(tmp_path, text)
    staged = stage(path, schema, new_journal(tmp_path), report=lambda *now: calls.append(now))
    assert staged.rows == {"small": 2, "t": 6000, "u": 6000}
    assert taken == {("small", False), ("t", True), ("u", True)}
    assert calls == sorted(calls, key=lambda now: now[0])
    assert calls[-1] == (os.path.getsize(path), 12002, "")


def test_rows_that_change_while_they_are_loaded_are_not_written(monkeypatch, schema, tmp_path):
    monkeypatch.setattr(batches, "LARGE_FROM", 1 << 20)
    monkeypatch.setattr(batches, "LARGE_STATEMENT", 1 << 10)
    path = write(tmp_path, _many_rows())
    real = RowWriters.note

    def note(self, row, *sizes):
        with open(path, "r+b") as file:
            file.seek(row.at.offset + row.at.length - 5)
            file.write(b"y")
        real(self, row, *sizes)

    monkeypatch.setattr(RowWriters, "note", note)
    with pytest.raises(LoadFailed, match="is not the file that was checked"):
        stage(path, schema, new_journal(tmp_path))
    assert leftovers(schema) == ()
