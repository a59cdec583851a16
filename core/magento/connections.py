"""The meaning of an entry of `db/connection`: the server's address and the login.

Follows Magento's DB/Adapter/Pdo/Mysql.php and PHP's mysqlnd where they give an entry a meaning of
their own (a host with a slash, `localhost`), and goes further where Magento only breaks (IPv6).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.magento.php.operators import PDO
from core.magento.settings import DatabaseConnection, Secret, TlsOptions

DEFAULT_PORT: Final = 3306
# Where distributions put the socket that mysqlnd takes for the host "localhost", with any port the
# entry names: with another server on TCP, connecting there would be the wrong database.
SOCKETS: Final = (
    "/run/mysqld/mysqld.sock",
    "/var/run/mysqld/mysqld.sock",
    "/var/lib/mysql/mysql.sock",
    "/tmp/mysql.sock",  # noqa: S108 - the default of MySQL's own packages
)
_TLS: Final = {
    "key": PDO[b"MYSQL_ATTR_SSL_KEY"],
    "cert": PDO[b"MYSQL_ATTR_SSL_CERT"],
    "ca": PDO[b"MYSQL_ATTR_SSL_CA"],
    "capath": PDO[b"MYSQL_ATTR_SSL_CAPATH"],
    "cipher": PDO[b"MYSQL_ATTR_SSL_CIPHER"],
}
_VERIFY: Final = PDO[b"MYSQL_ATTR_SSL_VERIFY_SERVER_CERT"]
_BRACKETED: Final = re.compile(r"\A\[([0-9A-Fa-f:.%\w]+)\](?::(\d+))?\Z")
_HOST_PORT: Final = re.compile(r"\A([^:]*):(\d+)\Z")
_PORT_DIGITS: Final = 20


def connections_of(
    entries: Mapping[Any, Any], *, table_prefix: str, sockets: Sequence[str] = SOCKETS
) -> tuple[DatabaseConnection, ...]:
    """Return every connection of `db/connection`; malformed entries are left out.

    An entry without a schema keeps an empty one: it is known, and cannot be used.
    """
    return tuple(
        _connection(str(name), entry, table_prefix, sockets)
        for name, entry in entries.items()
        if isinstance(entry, Mapping)
    )


def wrong_field(entry: Mapping[Any, Any]) -> str:
    """Return the key of an address that cannot be used, and why; empty where there is none.

    Without this, the default of such a field would lead to another server.
    """
    for key in ("host", "dbname", "username", "password", "unix_socket"):
        if isinstance(entry.get(key), Mapping):
            return f"{key} is an array, where a text is expected"
    port = entry.get("port")
    if isinstance(port, Mapping) or (_text(port).strip() and _port(port) is None):
        return "port is no number from 1 to 65535"
    return ""


def _connection(
    name: str, entry: Mapping[Any, Any], table_prefix: str, sockets: Sequence[str]
) -> DatabaseConnection:
    host, port, socket = _address(entry, sockets)
    return DatabaseConnection(
        name=name,
        schema=_text(entry.get("dbname")),
        username=_text(entry.get("username")),
        password=Secret(_text(entry.get("password"))),
        host=host,
        port=port,
        socket=socket,
        tls=_tls(entry.get("driver_options")),
        table_prefix=table_prefix,
    )


def _address(entry: Mapping[Any, Any], sockets: Sequence[str]) -> tuple[str, int, str | None]:
    """Return host, port and socket; with a socket, the other two are not used."""
    host, port = split_host(_text(entry.get("host")) or "localhost")
    if "/" in host:
        return "localhost", DEFAULT_PORT, host
    port = port or _port(entry.get("port")) or DEFAULT_PORT
    if host.lower() != "localhost":
        return host, port, None
    # PDO takes `unix_socket` for localhost only.
    socket = _text(entry.get("unix_socket")) or next(filter(_is_socket, sockets), None)
    return host, port, socket


def split_host(text: str) -> tuple[str, int | None]:
    """Return host and port of `host`, `host:port`, an IPv6 literal, or a path (kept whole)."""
    if "/" in text:
        return text, None
    if bracketed := _BRACKETED.match(text):
        return bracketed[1], _port(bracketed[2])
    if with_port := _HOST_PORT.match(text):
        return with_port[1] or "localhost", _port(with_port[2])
    return text, None


def _port(value: object) -> int | None:
    text = _text(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS):
        return None
    return int(text) if 0 < int(text) < 65536 else None


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _tls(options: object) -> TlsOptions | None:
    """Return the TLS options; as in PDO, asking for no file and no cipher asks for no TLS."""
    if not isinstance(options, Mapping):
        return None
    given = {
        field: _text(options.get(number))
        for field, number in _TLS.items()
        if _text(options.get(number))
    }
    if not given:
        return None
    verify = options.get(_VERIFY)
    return TlsOptions(**given, verify=verify is None or verify not in (False, 0, "0", "", "false"))


def _text(value: object) -> str:
    if value is None or isinstance(value, bool | Mapping):
        return ""
    return str(value)
