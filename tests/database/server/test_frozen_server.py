"""Servers that say nothing, say it slowly, never stop saying it, or stop in the middle."""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress

import pytest
from msgspec.structs import replace

from core import cancellation
from core.database.schema.table_names import end_connection
from core.database.server import wire
from core.database.server.connection import connect, schema_lock
from core.errors import Cancelled, ConnectionFailed, ConnectionLost, DatabaseError
from core.events import Kind
from core.magento.settings import Secret
from core.operations.requests import BackupRequest
from core.sample.server import PrivateServer
from tests.shop import Shop
from tests.waiting import until

SHORT = wire.Limits(
    connect_s=0.6, silence_s=0.3, unanswered_s=0.6, short_s=1.5, answer_s=0.6, courtesy_s=0.3
)
LATEST_S = 20.0
"""No limit of this module: a wait that has none would never end."""

HANDSHAKE = (
    b"\x0a10.11.18-MariaDB\0" + struct.pack("<I", 7) + b"12345678\0"
    + struct.pack("<HBHHB", 0xF7FE, 45, 2, 0x81BF, 21) + b"\0" * 10 + b"123456789012\0"
    + b"mysql_native_password\0"
)  # fmt: skip
OK = b"\0\0\0\x02\0\0\0"


@pytest.fixture
def little_time(monkeypatch):
    monkeypatch.setattr(wire, "USUAL", SHORT)


def packet(number, payload):
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


@contextmanager
def listener(tmp_path, settings, serve):
    """Serve each connection by `serve(sock)`; yield the settings of that server."""
    path = str(tmp_path / "listening")
    over = threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(50)

        def run(sock):
            with sock, suppress(OSError):
                serve(sock, over)

        def accept():
            while True:
                try:
                    sock, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=run, args=(sock,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield replace(settings, socket=path)
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def says_nothing(_sock, over):
    over.wait()


def begins_a_handshake(sock, over):
    sock.sendall(packet(0, HANDSHAKE)[:20])
    over.wait()


def dribbles(sock, over):
    for byte in packet(0, HANDSHAKE * 1000):
        sock.sendall(bytes([byte]))
        if over.wait(0.02):
            return


def never_ends_its_login(sock, _over):
    sock.sendall(packet(0, HANDSHAKE))
    sock.recv(1 << 16)
    number = 2
    while True:  # more and more to authenticate with
        sock.sendall(packet(number, b"\x01\x03"))
        number = (number + 1) % 256


def sends_a_giant(sock, _over):
    while True:
        sock.sendall(b"\xff\xff\xff\0" + bytes(1 << 20))


def talks_nonsense(sock, over):
    sock.sendall(packet(0, b"\x0anonsense"))
    over.wait()


@pytest.mark.parametrize(
    "serve",
    [
        says_nothing,
        begins_a_handshake,
        dribbles,
        never_ends_its_login,
        sends_a_giant,
        talks_nonsense,
    ],
)
def test_a_login_ends(little_time, schema, tmp_path, serve):
    with listener(tmp_path, schema, serve) as here:
        began = time.monotonic()
        with pytest.raises(ConnectionFailed) as caught:
            connect(here)
        assert time.monotonic() - began < LATEST_S
        assert "\n" not in caught.value.message
        assert here.socket in caught.value.message


def log_in(sock):
    sock.sendall(packet(0, HANDSHAKE))
    sock.recv(1 << 16)
    sock.sendall(packet(2, OK))


def logs_in_and_is_silent(sock, over):
    log_in(sock)
    over.wait()


def sends_rows_without_end(sock, _over):
    log_in(sock)
    sock.recv(1 << 16)  # SET NAMES
    sock.sendall(packet(1, OK))
    sock.recv(1 << 16)
    column = b"\x03def\0\0\0\x01a\0\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0"
    end = b"\xfe\0\0\x02\0"
    sock.sendall(packet(1, b"\x01") + packet(2, column) + packet(3, end))
    number = 4
    while True:
        rows = b"".join(packet((number + n) % 256, b"\x01a") for n in range(1024))
        number += 1024
        sock.sendall(rows)


@pytest.mark.parametrize("serve", [logs_in_and_is_silent, sends_rows_without_end])
def test_a_session_that_is_never_ready_ends(little_time, schema, tmp_path, monkeypatch, serve):
    monkeypatch.setattr("core.database.server.connection._QUESTION_PACKETS", 20_000)
    with listener(tmp_path, schema, serve) as here, pytest.raises(ConnectionFailed) as caught:
        connect(here)
    assert "\n" not in caught.value.message


@contextmanager
def frozen(server):
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_a_question_to_a_frozen_server_ends(little_time, schema, server):
    with connect(schema) as connection:
        with frozen(server), pytest.raises(ConnectionLost, match="has not answered for"):
            connection.query("SELECT 1")
        assert not connection.open
    with connect(schema) as connection:
        large = "SELECT '" + "x" * (16 << 20) + "'"
        with frozen(server), pytest.raises(ConnectionLost):  # it fills the buffers of the kernel
            connection.query(large)
    with connect(schema) as connection:
        assert connection.scalar("SELECT 1") == 1


def test_closing_waits_for_nobody(schema, server):
    connection = connect(schema)
    with frozen(server):
        connection.close()
        connection.close()


def test_a_long_statement_is_waited_for_as_long_as_the_server_works(little_time, schema):
    with connect(schema) as connection:
        assert connection.query("SELECT SLEEP(1.2)", long=True) == [(0,)]
        assert connection.execute("DO SLEEP(1.2)") == 0


def test_no_free_connection_is_an_answer_too(little_time, schema, server):
    server.run(
        "CREATE OR REPLACE USER few@localhost IDENTIFIED BY 'few' WITH MAX_USER_CONNECTIONS 1;"
        f"GRANT ALL ON `{schema.schema}`.* TO few@localhost"
    )
    with connect(replace(schema, username="few", password=Secret("few"))) as connection:
        assert connection.execute("DO SLEEP(1.2)") == 0


def test_a_statement_that_the_server_has_lost_is_given_up(little_time, schema, monkeypatch):
    with connect(schema) as connection:
        sent = connection._raw.wire.sendall
        monkeypatch.setattr(connection._raw.wire, "sendall", lambda data: None)  # on its way
        with pytest.raises(ConnectionLost, match="is not at work"):
            connection.execute("DO 1")
        assert sent


class _Asked:
    """A cancel that comes at once."""

    asked = True

    def check(self):
        raise Cancelled("Cancelled, as asked.")


def test_a_cancel_ends_a_wait_and_the_statement(schema):
    with connect(schema) as connection, connect(schema) as other:
        number = connection.thread_id
        with cancellation.interruptible(_Asked()), pytest.raises(Cancelled) as caught:
            connection.execute("DO SLEEP(600)")
        assert caught.value.message == "Cancelled, as asked."
        assert not connection.open
        look = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %s"
        until(lambda: not other.scalar(look, (number,)), "the server goes on with it")


def test_a_cancel_says_what_a_frozen_server_may_still_do(schema, server):
    with connect(schema) as connection:
        number = connection.thread_id
        with (
            frozen(server),
            cancellation.interruptible(_Asked()),
            pytest.raises(Cancelled) as caught,
        ):
            connection.execute("DO 1")
        assert f"does not answer: what connection {number} was doing" in caught.value.message


def test_answers_are_limited_in_size(schema, monkeypatch):
    monkeypatch.setattr("core.database.server.connection._QUESTION_BYTES", 1 << 20)
    with connect(schema) as connection, pytest.raises(DatabaseError, match="has no end"):
        connection.query("SELECT REPEAT('x', 2000000)")


@pytest.fixture(scope="module")
def frozen_shop(tmp_path_factory):
    """A shop with a server of its own, which may be stopped."""
    with PrivateServer() as server:
        shop = Shop.make(tmp_path_factory.mktemp("frozen") / "shop", server, "frozen")
        yield shop, shop.back_up((Kind.DB,))


def run_frozen(shop, request, fault):
    """Run a job whose server stops on the way; let the server go on afterwards."""
    began = time.monotonic()
    try:
        summary, events = shop.run(request, fault=fault)
    finally:
        os.kill(shop.server.pid, signal.SIGCONT)
    return summary, events, time.monotonic() - began


def live_tables(shop):
    names = shop.server.run(f"SHOW TABLES IN `{shop.schema}`").splitlines()
    return [name for name in names if not name.startswith("_mrs_")]


def gone(shop):
    """Wait until the server has ended the statements of a cancelled job."""
    look = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'shop'"
    until(lambda: shop.server.run(look).split()[-1] == "0", "connections stay")


@pytest.mark.parametrize("fault", ["sql:9:freeze", "insert:5:freeze"])
def test_a_cancel_before_the_swap_leaves_the_store_open(frozen_shop, fault):
    shop, request = frozen_shop
    request = replace(request, whole=True)
    before = live_tables(shop)
    summary, events, took_s = run_frozen(shop, request, fault)
    assert summary.exit_code == 130, events
    assert took_s < LATEST_S
    assert not shop.closed()
    left = [event for event in events if getattr(event, "code", "") == "staging-tables-left"]
    assert len(left) == 1
    gone(shop)
    assert live_tables(shop) == before


def test_a_cancel_in_the_swap_leaves_the_store_closed_until_it_is_known(frozen_shop):
    shop, request = frozen_shop
    shop.server.run(f"UPDATE `{shop.schema}`.store SET name = 'before the swap'")
    summary, events, took_s = run_frozen(shop, request, "swap:1:freeze")
    assert (summary.exit_code, shop.closed()) == (20, True), events
    assert took_s < LATEST_S
    failed = next(event for event in events if type(event).__name__ == "Failed")
    assert "The store stays closed." in failed.message
    assert "job:recover" in failed.hint
    summary, _ = shop.recover()
    assert (summary.exit_code, shop.closed()) == (0, False)
    names = shop.server.run(f"SELECT DISTINCT name FROM `{shop.schema}`.store").split("\n")
    assert "before the swap" in names
    assert shop.leftovers() == []


@pytest.mark.parametrize("fault", ["rows:1:freeze", "rows:3:halt"])
def test_a_dump_from_a_frozen_server_ends(frozen_shop, fault):
    shop, _ = frozen_shop
    summary, events, took_s = run_frozen(shop, BackupRequest(kinds=(Kind.DB,)), fault)
    assert summary.exit_code == (130 if "freeze" in fault else 1), events
    assert took_s < LATEST_S
    assert not shop.closed()
    assert shop.leftovers() == []


def test_a_load_into_a_frozen_server_ends_without_a_cancel(frozen_shop):
    shop, request = frozen_shop
    request = replace(request, whole=True)
    summary, events, took_s = run_frozen(shop, request, "insert:5:halt")
    assert summary.exit_code == 1, events
    assert took_s < LATEST_S
    assert not shop.closed()
    gone(shop)
    summary, _ = shop.run(request)  # which removes the leftovers
    assert summary.exit_code == 0
    assert shop.leftovers() == []


def test_a_connection_that_may_still_be_sent_something_is_ended(schema):
    with connect(schema) as dead, connect(schema) as other, schema_lock(schema) as holder:
        end_connection(other, dead.thread_id)
        end_connection(other, holder.thread_id)  # as a number is given again after a restart
        end_connection(other, other.thread_id)
        with pytest.raises(ConnectionLost):
            dead.query("SELECT 1")
        assert holder.scalar("SELECT 1") == 1
