"""Connections: logins, errors, streams, locks."""

from __future__ import annotations

import threading
import traceback

import pytest
from msgspec.structs import replace

from core.database.server import address
from core.database.server.connection import connect, lock_name, schema_lock
from core.database.server.dialect import one_line, parse_version, quote_name, quote_text
from core.errors import (
    ConnectionFailed,
    ConnectionLost,
    DatabaseError,
    JobRunning,
    RightsMissing,
)
from core.magento.settings import Secret


def test_values_come_as_documented(schema):
    with connect(schema) as connection:
        row = connection.query(
            "SELECT 7, NULL, 1e0/3, 'ä€😀', CAST('1.50' AS DECIMAL(5,2)), %s, %s, SUM(3)",
            ("o'\\x\n", 5),
        )[0]
        assert row == (7, None, 1 / 3, "ä€😀", "1.50", "o'\\x\n", 5, 3)
        assert connection.query_bytes("SELECT x'00ff', 12, NULL") == [(b"\x00\xff", b"12", None)]


def test_session_is_the_same_on_every_server(schema, server):
    server.run("SET GLOBAL sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'")
    server.run("SET GLOBAL time_zone='+05:00'")
    try:
        with connect(schema, variables={"group_concat_max_len": 4096}) as connection:
            names = "sql_mode time_zone autocommit net_write_timeout lock_wait_timeout"
            names += " group_concat_max_len character_set_client"
            rows = connection.query("SELECT " + ",".join("@@" + n for n in names.split()))
            assert rows == [("NO_AUTO_VALUE_ON_ZERO", "+00:00", 1, 86400, 5, 4096, "utf8mb4")]
            assert connection.scalar("SELECT %s", ("a\\'b",)) == "a\\'b"
    finally:
        server.run("SET GLOBAL sql_mode=DEFAULT; SET GLOBAL time_zone='SYSTEM'")


@pytest.mark.parametrize(
    "password", ["", "ü€'\"\\`%s", os_bytes := b"\xff\xfe\x80".decode(errors="surrogateescape")]
)
def test_passwords_of_any_bytes(schema, server, password):
    raw = password.encode(errors="surrogateescape").hex()
    server.run(
        f"SET @p = CAST(x'{raw}' AS CHAR CHARACTER SET binary);"
        "SET @s = CONCAT('*', UPPER(SHA1(UNHEX(SHA1(@p)))));"
        'EXECUTE IMMEDIATE CONCAT("CREATE OR REPLACE USER odd@localhost IDENTIFIED BY PASSWORD \'",'
        " IF(@p = '', '', @s), \"'\");"
        f"GRANT ALL ON `{schema.schema}`.* TO odd@localhost"
    )
    settings = replace(schema, username="odd", password=Secret(password))
    with connect(settings) as connection:
        assert connection.scalar("SELECT CURRENT_USER()") == "odd@localhost"


def test_wrong_logins_are_told_apart_and_never_show_the_password(schema, server, tmp_path):
    secret = Secret("pa55word-canary")
    cases = {
        "refused the login": replace(schema, password=secret),
        "No database server answers": replace(
            schema, socket=str(tmp_path / "none"), password=secret
        ),
        "has no schema": replace(schema, schema="nowhere", username="root", password=Secret("")),
        "may not use the schema": replace(schema, schema="mysql"),
        "127.0.0.1:1": replace(schema, socket=None, host="127.0.0.1", port=1, password=secret),
    }
    for words, settings in cases.items():
        with pytest.raises(ConnectionFailed, match=words) as caught:
            connect(settings)
        assert "\n" not in caught.value.message
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert "pa55word-canary" not in "".join(shown.format())


def test_errors_are_translated(schema):
    with connect(schema) as connection:
        with pytest.raises(DatabaseError) as caught:
            connection.query("SELECT * FROM no_such_table")
        assert caught.value.errno == 1146
        with pytest.raises(RightsMissing):
            connection.execute("FLUSH TABLES WITH READ LOCK")
        with connect(schema) as other:
            other.kill(connection.thread_id)
            other.kill(connection.thread_id)
        with pytest.raises(ConnectionLost):
            connection.query("SELECT 1")
        with pytest.raises(ConnectionLost):
            connection.query("SELECT 1")


def test_stream_holds_nothing_and_is_never_drained(schema):
    sql = "SELECT seq, REPEAT('x', 1000) FROM seq_1_to_200000000"
    with connect(schema) as connection:
        rows = connection.stream(sql)
        assert next(rows)[0] == b"1"
        rows.close()  # would take minutes if the rest were read
        assert not connection.open
        with pytest.raises(ConnectionLost):
            connection.query("SELECT 1")
    with connect(schema) as connection:
        assert [row[0] for row in connection.stream("SELECT seq FROM seq_1_to_3")] == [
            b"1",
            b"2",
            b"3",
        ]
        assert connection.scalar("SELECT 1") == 1


def test_abort_frees_a_waiting_thread(schema):
    with connect(schema) as connection:
        caught: list[BaseException] = []
        asked = threading.Event()

        def wait() -> None:
            asked.set()
            try:
                connection.query("SELECT SLEEP(600)")
            except ConnectionLost as error:
                caught.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        asked.wait()
        with connect(schema) as other:
            while not other.query(
                "SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP%'"
            ):
                pass
            connection.abort()
            thread.join(30)
            assert len(caught) == 1
            other.kill(connection.thread_id)


def test_one_job_for_one_schema(schema):
    with schema_lock(schema) as holder:
        expected = f"connection {holder.thread_id} of shop"
        with pytest.raises(JobRunning, match=expected), schema_lock(schema):
            pass
    with schema_lock(schema):
        pass
    assert len(lock_name("x" * 64)) <= 64
    assert lock_name("x" * 64) != lock_name("x" * 63 + "y")


def test_localhost_means_the_usual_socket(schema, monkeypatch):
    monkeypatch.setattr(address, "USUAL_SOCKETS", ("/nowhere", schema.socket))
    with connect(replace(schema, socket=None, host="localhost")) as connection:
        assert connection.scalar("SELECT 1") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.5.5-10.6.21-MariaDB-log", "MariaDB 10.6.21"),
        ("11.8.3-MariaDB-1 from Debian", "MariaDB 11.8.3"),
        ("8.0.42", "MySQL 8.0.42"),
        ("9.7", "MySQL 9.7.0"),
    ],
)
def test_versions(text, expected):
    assert str(parse_version(text)) == expected


def test_quoting(schema):
    odd = "a`b'c\\d\n\x1a\0%s😀"
    with connect(schema) as connection:
        assert connection.scalar("SELECT " + quote_text(odd)) == odd
        name = "a`b'c\\d%s"
        connection.execute(f"CREATE TABLE {quote_name(name)} (a INT)")
        assert connection.query("SHOW TABLES") == [(name,)]
    assert one_line("a\x1b[31m\nb" + "c" * 900).startswith("a [31m bc")
    assert len(one_line("x" * 900)) == 400
