"""Files that are no dump, and the messages of the programs that make dumps, are named."""

import pytest

from core.database.load.offline_check import check_dump
from core.errors import DamagedBackup, PackedOtherwise

TABLE = b"CREATE TABLE t (id int);\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html><body>404 Not Found</body></html>", "a web page"),
        (b'<?xml version="1.0"?>\n<mysqldump>', "XML"),
        (b'{"error": "no such bucket"}', "JSON"),
        (b"SQLite format 3\0" + bytes(100), "SQLite"),
        (b"PGDMP\x01\x0e", "pg_dump"),
        (b"--\n-- PostgreSQL database dump\n--\n\nSET x = 0;\n", "a dump of PostgreSQL"),
        (b"\x7fELF\x02\0\0\0", "binary data"),
        (b"mysqldump: [Warning] Using a password.\n" + TABLE, "a message of the program"),
        (b"mariadb-dump: Got error: 1045: Access denied", "a message of the program"),
    ],
)
def test_what_is_no_sql_is_named_and_not_cut(content, words, tmp_path):
    path = tmp_path / "1700000000_db.sql"
    path.write_bytes(content)
    with pytest.raises(PackedOtherwise, match=words):
        check_dump(str(path))


@pytest.mark.parametrize(
    "end",
    [
        b"mysqldump: Error 2013: Lost connection to server during query\n",
        b"INSERT INTO t VALUES (1)\nmariadb-dump: Couldn't execute 'SHOW x': gone\n",
    ],
)
def test_a_message_at_the_end_is_told(end, tmp_path):
    path = tmp_path / "1700000000_db.sql"
    path.write_bytes(TABLE + end)
    with pytest.raises(
        DamagedBackup, match=r"ends with a message of .*: (mysqldump|mariadb-dump): "
    ):
        check_dump(str(path))


@pytest.mark.parametrize(
    "begin", [b"\n\n  \n", b"-- {\n", b"# <x>\n", b"/* [ */ ", b"\xef\xbb\xbf"]
)
def test_other_beginnings_are_those_of_dumps(begin, tmp_path):
    path = tmp_path / "1700000000_db.sql"
    path.write_bytes(begin + TABLE)
    assert [*check_dump(str(path)).tables] == ["t"]
