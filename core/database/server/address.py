"""Where a database server is, and how TLS to it is set up, as PHP would have it.

Knows nothing of the driver.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import stat
from collections.abc import Mapping
from typing import Final

from core.database.server.dialect import one_line
from core.errors import ConnectionFailed
from core.magento.settings import DatabaseConnection, TlsOptions

# Where distributions put the socket that libmysql means by "localhost".
USUAL_SOCKETS: Final = (
    "/run/mysqld/mysqld.sock",
    "/var/lib/mysql/mysql.sock",
    "/run/mysql/mysql.sock",
    "/tmp/mysql.sock",  # noqa: S108 - MySQL's own default
)


def tls_context(tls: TlsOptions) -> ssl.SSLContext:
    """Return the driver's context of TLS. Raises ConnectionFailed for bad files."""
    try:
        context = ssl.create_default_context(cafile=tls.ca, capath=tls.capath)
        # Certificates that MySQL makes by itself do not pass Python 3.13's strict rules.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if tls.cert:
            context.load_cert_chain(tls.cert, keyfile=tls.key)
        if tls.cipher:
            context.set_ciphers(tls.cipher)
    except (OSError, ssl.SSLError) as error:
        raise ConnectionFailed(
            f"The TLS files of the database connection cannot be used: {one_line(str(error))}",
            hint="See driver_options under db/connection in app/etc/env.php.",
        ) from error
    return context


def socket_of(settings: DatabaseConnection) -> str | None:
    """Return the socket to use. For "localhost" PHP uses the usual one, so do we."""
    if settings.socket is not None or settings.host != "localhost":
        return settings.socket
    for path in USUAL_SOCKETS:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.stat(path).st_mode):
                return path
    return None


def place_of(settings: DatabaseConnection) -> str:
    """Return where the server is, for messages."""
    path = socket_of(settings)
    return path if path is not None else f"{settings.host}:{settings.port}"


def tls_ways(settings: DatabaseConnection) -> tuple[Mapping[str, object], ...]:
    """Return the ways to try, as keywords of the driver.

    PHP connects in plain text unless told otherwise. On this machine so do we, because TLS costs
    CPU and protects nothing there; elsewhere TLS is used where the server offers it.
    """
    if settings.tls is not None:
        return ({"ssl": tls_context(settings.tls)},)
    plain: Mapping[str, object] = {"ssl_disabled": True}
    if socket_of(settings) is not None:
        return (plain,)
    loopback = settings.host in {"localhost", "127.0.0.1", "::1"}
    return (plain, {}) if loopback else ({}, plain)
