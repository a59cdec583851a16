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
from core.database.sql.set_statements import DumpSession
from core.database.sql.split import DumpFile, RawStatement, Statements
from core.database.sql.table_text import parse_alter, parse_table, split_for_loading
from core.database.sql.tokens import Reading, resolve_comments
from core.errors import DamagedBackup

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


def _apply(session, text):
    statement = classify(RawStatement(text.encode(), 1, 0), reading=Reading())
    session.apply(list(statement.words), 1)


def test_a_session_follows_what_is_saved_and_put_back():
    session = DumpSession()
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


def test_an_alter_gives_up_its_foreign_keys():
    alter = parse_alter(
        _statement("ALTER TABLE `t` ADD PRIMARY KEY (`a`), ADD CONSTRAINT `f` FOREIGN KEY (`b`)"
                   " REFERENCES `u` (`x`, `y`) ON UPDATE SET NULL, MODIFY `a` int COMMENT 'x, y'")
    )  # fmt: skip
    assert alter.render("z") == (
        b"ALTER TABLE `z` ADD PRIMARY KEY (`a`), MODIFY `a` int COMMENT 'x, y'"
    )
    assert [(key.name, key.referenced) for key in alter.foreign_keys] == [("f", "u")]
