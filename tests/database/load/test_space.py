"""A full database server is reported in words, and the needs of a load are known before."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.database.load import server_check
from core.database.load.server_check import check_against_server, check_dump
from core.database.server.error_codes import server_error
from core.errors import LoadFailed
from tests.database.server_settings import setting
from tests.database.shop_flow import new_journal, stage, write

ROWS = "CREATE TABLE t (id int PRIMARY KEY, v longtext);\n" + "".join(
    f"INSERT INTO t VALUES ({number},'{'x' * 500_000}');\n" for number in range(60)
)


def test_a_table_without_room_is_named_as_that(server, schema, tmp_path):
    text = ROWS.replace("longtext)", "longtext) ENGINE=MyISAM")
    with (
        setting(server, "myisam_data_pointer_size", 2, 6),
        pytest.raises(LoadFailed, match="'t': The database server is full: ") as caught,
    ):
        stage(write(tmp_path, text), schema, new_journal(tmp_path))
    assert "disk" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1021, "Disk full (/tmp/x); waiting for someone to free some space"),
        (1114, "The table 't' is full"),
        (3, "Error writing file '/tmp/MYx' (Errcode: 28 \"No space left on device\")"),
        (1030, 'Got error 135 "No more room in record file" from storage engine Aria'),
        (1030, 'Got error 136 "No more room in index file" from storage engine MyISAM'),
        (1005, 'Can\'t create table `a`.`b` (errno: 28 "No space left on device")'),
    ],
)
def test_every_word_for_it_is_known(number, words):
    error = server_error(Exception(number, words))
    assert error.message.startswith("The database server is full: ")
    assert error.errno == number


def test_other_words_of_engines_are_not_taken_for_it():
    for number, words in [
        (1030, 'Got error 194 "Tablespace is missing" from storage engine InnoDB'),
        (1005, 'Can\'t create table `a`.`b` (errno: 150 "Foreign key")'),
        (1025, "Error on rename of './a/t28' to './a/b' (errno: 2 \"No such file\")"),
    ]:
        assert "is full" not in server_error(Exception(number, words)).message


def test_what_is_needed_is_compared_with_what_is_free(schema, tmp_path, monkeypatch):
    check = check_dump(write(tmp_path, ROWS))
    found = check_against_server(check, schema, partial=True)
    assert found.problems == ()
    assert found.space_needed > 30_000_000
    assert found.space_free is not None
    small = SimpleNamespace(f_bavail=10, f_frsize=4096)
    monkeypatch.setattr(server_check.os, "statvfs", lambda _: small)
    (problem,) = check_against_server(check, schema, partial=True).problems
    assert "The database server's disk has 0 MB free" in problem
