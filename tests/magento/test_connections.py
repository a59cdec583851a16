"""The meaning of entries of db/connection."""

from __future__ import annotations

import socket

import pytest

from core.magento.connections import connections_of, split_host
from core.magento.settings import TlsOptions


def connection(sockets=(), **entry):
    (found,) = connections_of({"default": entry}, table_prefix="m2_", sockets=sockets)
    return found


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("db", ("db", 3306, None)),
        ("db:3307", ("db", 3307, None)),
        ("db.example.com:33060", ("db.example.com", 33060, None)),
        ("127.0.0.1", ("127.0.0.1", 3306, None)),
        ("::1", ("::1", 3306, None)),
        ("[::1]", ("::1", 3306, None)),
        ("[fe80::1%eth0]:3307", ("fe80::1%eth0", 3307, None)),
        ("2001:db8::2", ("2001:db8::2", 3306, None)),
        ("/run/mysqld/mysqld.sock", ("localhost", 3306, "/run/mysqld/mysqld.sock")),
        ("localhost", ("localhost", 3306, None)),
        ("", ("localhost", 3306, None)),
        ("db:99999", ("db", 3306, None)),
    ],
)
def test_a_host(host, wanted):
    found = connection(host=host, dbname="shop")
    assert (found.host, found.port, found.socket) == wanted


def test_a_host_keeps_its_colons():
    assert split_host("::1") == ("::1", None)
    assert split_host(":3307") == ("localhost", 3307)


def test_a_port_of_its_own():
    assert connection(host="db", port="3310").port == 3310
    assert connection(host="db:3311", port=3310).port == 3311


def test_localhost_is_the_socket_as_for_php(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        sockets = (str(tmp_path / "none"), path)
        assert connection(sockets, host="localhost").socket == path
        assert connection(sockets, host="localhost:3307").socket == path
        assert connection(sockets, host="127.0.0.1").socket is None
        assert connection(sockets, host="localhost", unix_socket="/x").socket == "/x"
    assert connection(sockets, host="127.0.0.1", unix_socket="/x").socket is None


def test_tls_is_asked_for_by_a_file_or_a_cipher():
    assert connection(driver_options={}).tls is None
    assert connection(driver_options={1014: False}).tls is None
    assert connection(driver_options={1007: "", 1009: None}).tls is None
    assert connection(driver_options={1009: "/ca.pem"}).tls == TlsOptions(ca="/ca.pem", verify=True)
    found = connection(
        driver_options={1007: "/k", 1008: "/c", 1009: "/a", 1010: "/p", 1011: "X", 1014: "0"}
    )
    assert found.tls == TlsOptions(
        key="/k", cert="/c", ca="/a", capath="/p", cipher="X", verify=False
    )


def test_what_is_no_entry_is_left_out():
    assert connections_of({"default": "x", "a": {}}, table_prefix="")[0].name == "a"


def test_a_number_is_a_password_too():
    assert connection(password=1234).password.reveal() == "1234"
    assert connection(password=None).password.reveal() == ""
    assert connection(dbname="s").table_prefix == "m2_"
