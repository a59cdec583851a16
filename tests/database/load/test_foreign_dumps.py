"""Dumps as other programs write them: each is loaded as the client loads it, or refused in a line.

The files in sql/foreign/ are written by hand after the output of the programs; `{schema}` is the
placeholder of the schema's name.
"""

from __future__ import annotations

import gzip
import os
import re

import pytest

from core.database.load.server_check import check_against_server, check_dump
from core.database.server.connection import connect
from core.errors import DamagedBackup, StatementRefused
from tests.database.dumping import as_root
from tests.database.foreign_dumps import FOREIGN, MAKERS, NOT_FOR_THE_CLIENT, plain, text_of
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import fill, fill_as_written, roll_back


def write(directory, content):
    path = directory / "dump.sql"
    path.write_bytes(content)
    return str(path)


def test_every_file_is_known():
    assert {f"{name}.sql" for name in MAKERS} == set(os.listdir(FOREIGN))


@pytest.mark.parametrize("name", MAKERS)
def test_it_gives_what_the_client_gives(server, schema, tmp_path, name):
    content = text_of(name, schema.schema)
    fill_as_written(server, schema.schema, NOT_FOR_THE_CLIENT.sub(b"", content))
    wanted = portrait(as_root(schema))
    assert {"TABLE a", "rows a", "TABLE b", "TRIGGER trg"} <= wanted.keys()
    fill(server, schema.schema, "DELETE FROM a; DROP TRIGGER trg; CREATE TABLE later (a int)")
    path = write(tmp_path, content)
    check = check_dump(path, schema=schema.schema)
    assert (check.made_by, check.problems) == (MAKERS[name], ())
    assert check.complete == bool(MAKERS[name])
    assert check.tables in {("a", "b"), ("b", "a")}
    assert check_against_server(check, schema, partial=True).problems == ()
    roll_back(path, schema, tmp_path)
    assert differences(plain(wanted, schema), plain(portrait(as_root(schema)), schema)) == {}


def _crlf(content):
    return content.replace(b"\n", b"\r\n")


def _with_mark(content):
    return b"\xef\xbb\xbf" + content


def _latin1_comments(content):
    return b"-- Gr\xfc\xdfe; it's\n/* caf\xe9; */\n# \xff\xfe\n" + content.replace(
        b"-- Table structure", b"-- Tabelle f\xfcr"
    )


def _two_members(content):
    half = len(content) // 2
    return gzip.compress(content[:half]) + gzip.compress(content[half:])


FORMS = [_crlf, _with_mark, _latin1_comments, gzip.compress, _two_members]


@pytest.mark.parametrize("name", ["magento", "mysqldump-5.7", "phpmyadmin", "mariadb-dump-11.4"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__.strip("_"))
def test_the_form_of_the_file_does_not_matter(server, schema, tmp_path, name, form):
    content = text_of(name, schema.schema)
    fill_as_written(server, schema.schema, NOT_FOR_THE_CLIENT.sub(b"", content))
    wanted = portrait(as_root(schema))
    path = write(tmp_path, form(content))
    roll_back(path, schema, tmp_path)
    found = portrait(as_root(schema))
    if form is _crlf:  # bodies keep their line ends
        wanted, found = (
            {what: str(value).replace("\\r", "") for what, value in one.items()}
            for one in (wanted, found)
        )
    assert differences(wanted, found) == {}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_dump_in_utf_16_is_refused_in_a_line(tmp_path, encoding):
    """The output of mysqldump as PowerShell writes it."""
    content = text_of("mysqldump-5.7", "shop").decode().encode(encoding)
    with pytest.raises(DamagedBackup, match="is written in UTF-16"):
        check_dump(write(tmp_path, content), schema="shop")


@pytest.mark.parametrize("name", ["mysqldump-8.0-databases", "heidisql", "adminer", "workbench"])
def test_the_same_of_another_schema_is_refused_in_a_line(tmp_path, name):
    path = write(tmp_path, text_of(name, "elsewhere"))
    with pytest.raises(StatementRefused) as caught:
        check_dump(path, schema="shop")
    assert re.search(
        r"dump\.sql, line \d+: a statement about another schema, 'elsewhere'\.",
        caught.value.message,
    )
    assert "--databases" in str(caught.value.hint)


def test_a_mode_is_put_back_as_heidisql_does_it(schema, tmp_path):
    text = (
        "SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_BACKSLASH_ESCAPES';CREATE TABLE t (a text);"
        "SET SQL_MODE=IFNULL(@OLD_SQL_MODE, ''), TIME_ZONE=IFNULL(@NOT_SET, '+02:00');"
        "INSERT INTO t VALUES ('a\\'b');"
    )
    roll_back(write(tmp_path, text.encode()), schema, tmp_path)
    with connect(schema) as connection:
        assert connection.query("SELECT a FROM t") == [("a'b",)]


def test_tables_that_a_rollback_set_aside_are_passed_over(server, schema, tmp_path):
    """Magento's own dump, taken while an undo is kept, holds them all."""
    aside = "_mra_20260101000000aaaa_1"
    text = (
        "CREATE TABLE a (id int PRIMARY KEY);\n"
        "INSERT INTO a VALUES (1);\n"
        f"CREATE TABLE `{aside}` (id int PRIMARY KEY, v text);\n"
        f"INSERT INTO `{aside}` VALUES (7,'x'),(8,'y');\n"
        f"ALTER TABLE `{aside}` ADD KEY (v(3));\n"
        "DELIMITER ;;\n"
        f"CREATE TRIGGER old BEFORE INSERT ON `{aside}` FOR EACH ROW SET @a = 1;;\n"
        "DELIMITER ;\n"
        "CREATE TABLE `_mrs_trial5_2` (id int);\n"
    )
    fill(server, schema.schema, f"CREATE TABLE `{aside}` (kept int)")
    path = write(tmp_path, text.encode())
    check = check_dump(path, schema=schema.schema)
    assert (check.tables, check.triggers) == (("a",), ())
    (warned,) = [one for one in check.warnings if one.code == "own-tables"]
    assert set(warned.names) == {aside, "_mrs_trial5_2"}
    assert check_against_server(check, schema, partial=True).problems == ()
    roll_back(path, schema, tmp_path)
    with connect(schema) as connection:
        assert connection.query("SELECT * FROM a") == [(1,)]
        assert connection.query(f"SHOW COLUMNS FROM `{aside}`")[0][0] == "kept"
        assert connection.query("SHOW TRIGGERS") == []
