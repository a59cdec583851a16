"""Rows that no single statement brings back: a dump writes them so that their server takes them."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from core.database.load.offline_check import check_dump
from core.database.load.server_check import check_against_server
from core.database.server.connection import connect
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import swap_tables
from core.errors import DumpFailed, LoadFailed
from core.magento.settings import DatabaseConnection, Secret
from core.sample.server import PrivateServer
from tests.database.dumping import dump_to, load_plain
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import fill, new_journal, stage
from tests.long import some

MIB = 1 << 20

# {packet} is the server's limit; REPEAT makes no longer text.
SCHEMA = """
CREATE TABLE plain (id int PRIMARY KEY, b longblob, note varchar(20) DEFAULT 'small');
INSERT INTO plain VALUES (1, REPEAT(x'00ff27', {packet} DIV 5), 'over half'),
 (2, REPEAT('x', {packet}), 'all'), (3, REPEAT('y', {packet} - 1), 'nearly'), (4, 'z', 'small'),
 (5, NULL, NULL), (6, REPEAT('\\n\\\\''\\r', {packet} DIV 8), 'escapes');
CREATE TABLE keyless (b longblob NOT NULL, c longblob, d longtext) ENGINE=MyISAM;
INSERT INTO keyless VALUES
 (REPEAT('b', {packet} - 9), REPEAT('c', {packet} - 7), REPEAT('d''\\\\', {packet} DIV 4)),
 ('', NULL, 'small'), (REPEAT('b', {packet} DIV 5), REPEAT('c', {packet} DIV 5), NULL);
CREATE TABLE texts (
  id varchar(9) PRIMARY KEY, u longtext, m longtext CHARACTER SET utf8mb3,
  l longtext CHARACTER SET latin1, s longtext CHARACTER SET ucs2, g longtext CHARACTER SET gbk,
  j json CHECK (json_valid(j)), e enum('a','b') DEFAULT 'b');
INSERT INTO texts SELECT 'one',
 REPEAT('€😀\\n''\\\\', {packet} DIV 12), REPEAT('ä€', {packet} DIV 8),
 REPEAT('ü\\\\', {packet} DIV 4), REPEAT('Ω', {packet} DIV 3), REPEAT('中', {packet} DIV 3),
 CONCAT('["', REPEAT('€"," ', {packet} DIV 8), '"]'), 'a';
INSERT INTO texts SELECT 'two', NULL, 'm', 'ü', 's', REPEAT('中文', {packet} DIV 7), '{{}}', 'b';
CREATE TABLE stamped (
  id int AUTO_INCREMENT PRIMARY KEY, t timestamp NOT NULL DEFAULT '2001-01-01' ON UPDATE now(),
  b longblob, n int AS (LENGTH(b)) STORED, v int AS (LENGTH(b) + 1) VIRTUAL);
INSERT INTO stamped (id, t, b) VALUES (7, '2002-02-02 02:02:02', REPEAT('t', {packet} DIV 2));
CREATE TABLE log (what varchar(20));
CREATE TRIGGER on_insert AFTER INSERT ON stamped FOR EACH ROW INSERT INTO log VALUES ('insert');
CREATE TRIGGER on_update AFTER UPDATE ON stamped FOR EACH ROW INSERT INTO log VALUES ('update');
CREATE TABLE shapes (id int, g geometry, KEY (id));
CREATE TABLE parts (id int, b longblob, KEY (id)) PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO parts SELECT seq, REPEAT('r', {packet} DIV 2) FROM seq_1_to_3;
INSERT INTO shapes SELECT 1, ST_GeomFromText(
 CONCAT('LINESTRING(0 0', REPEAT(',1 1', {packet} DIV 32), ')'), 4326);
CREATE TABLE past (id int PRIMARY KEY, b longblob) WITH SYSTEM VERSIONING;
INSERT INTO past VALUES (1, REPEAT('p', {packet} DIV 2));
UPDATE past SET b = REPEAT('q', {packet} DIV 2 + 1);
CREATE TABLE many (id int PRIMARY KEY, t text);
INSERT INTO many SELECT seq, REPEAT('\\\\', 900) FROM seq_1_to_3000;
"""


def account(server, name):
    server.make_schema(name)
    return DatabaseConnection(
        name="default", schema=name, username="shop", password=Secret("shop"), socket=server.socket
    )


SIZES = [1, *(pytest.param(size, marks=pytest.mark.large) for size in (2, 16))]


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size}M")
def small_server(request):
    packet = request.param * MIB
    with PrivateServer(options=(f"--max-allowed-packet={packet}",)) as server:
        yield server, packet


@pytest.fixture(scope="module")
def dumped(small_server, tmp_path_factory):
    server, packet = small_server
    settings = account(server, "large")
    fill(server, "large", SCHEMA.format(packet=packet))
    path = str(tmp_path_factory.mktemp("large") / "dump.sql")
    return server, packet, settings, path, dump_to(path, settings)


def test_no_statement_takes_more_than_half_of_what_the_server_does(dumped):
    _, packet, _, path, summary = dumped
    assert summary.max_statement_bytes <= packet // 2
    with open(path, "rb") as file:
        assert max(len(line) for line in file) <= packet // 2 + len(b"\n")
    check = check_dump(path)
    assert check.max_statement_bytes <= packet // 2
    assert check.max_value_bytes == packet
    # Values within every limit are written as before.
    with open(path, "rb") as file:
        plain = [line[:60] for line in file if line.startswith(b"INSERT INTO `many`")]
    assert 1 <= len(plain) < 60


def test_the_client_loads_it(dumped):
    server, _, settings, path, _ = dumped
    load_plain(server, path, "again")
    again = replace(settings, schema="again", username="root", password=Secret(""))
    assert differences(portrait(settings), portrait(again)) == {}
    server.run("DROP DATABASE again")


@pytest.mark.parametrize("workers", some([1, 4], 4))
def test_our_load_brings_it_back(dumped, tmp_path, workers):
    server, _, settings, path, summary = dumped
    before = portrait(settings)
    server.run("UPDATE plain SET b = 'damaged'; DELETE FROM keyless", schema="large")
    checked = check_against_server(check_dump(path), settings, partial=True)
    assert checked.problems == ()
    journal = new_journal(tmp_path)
    staged = stage(path, settings, journal, workers=workers, expected_rows=summary.rows)
    definitions = str(tmp_path / "definitions.json")
    swap = swap_tables(staged, settings, journal=journal, definitions_path=definitions)
    forward_tables(settings, journal)
    assert differences(before, portrait(settings)) == {}
    with connect(settings) as connection:
        connection.execute("SET foreign_key_checks = 0")
        for name in swap.asides:
            connection.execute(f"DROP TABLE `{name}`")


def test_a_server_that_takes_less_is_told_before(dumped, tmp_path):
    server, packet, settings, path, _ = dumped
    less = replace(settings, schema="less")
    server.run(f"CREATE DATABASE less; GRANT ALL ON less.* TO shop@localhost;"
               f"SET GLOBAL max_allowed_packet = {packet // 2 + 65536}")  # fmt: skip
    try:
        problems = check_against_server(check_dump(path), less, partial=True).problems
        assert any(f"a value of {packet} bytes" in problem for problem in problems)
        with pytest.raises(LoadFailed, match=r"larger than max_allowed_packet.*would be lost"):
            stage(path, less, new_journal(tmp_path))
        with pytest.raises(AssertionError, match="can't be set to the value of '2'"):
            load_plain(server, path, "less")
        with pytest.raises(DumpFailed, match=r"the table '\w+'.*max_allowed_packet"):
            dump_to(str(tmp_path / "dump.sql"), settings)
    finally:
        server.run(f"SET GLOBAL max_allowed_packet = {packet}; DROP DATABASE IF EXISTS less")


def test_pieces_of_another_form_are_no_pieces(tmp_path):
    for text in (
        "SET @magerewind_piece1 = CONVERT(@other USING utf8mb4);",
        "SET @magerewind_piece1 = CONCAT(@magerewind_piece2,X'00');",
        "SET @magerewind_piece1 = LOAD_FILE('/etc/passwd');",
        "SET @magerewind_piece1 = X'00', GLOBAL general_log = 1;",
    ):
        path = tmp_path / "dump.sql"
        path.write_text(f"CREATE TABLE a (b blob);\n{text}\nINSERT INTO a VALUES ('');\n")
        try:
            check = check_dump(str(path))
        except Exception as error:  # noqa: BLE001 - any refusal
            assert re.search(r"line 2|LOAD_FILE", str(error)), error
        else:
            assert check.max_value_bytes == 0
