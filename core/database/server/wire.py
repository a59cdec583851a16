"""The bytes between this process and a database server: every wait has an end.

A `Wire` replaces the driver's socket. It never blocks in the kernel for longer than a slice:
between two slices it looks whether the job was cancelled, whether the time of the exchange is over,
and, after a silence, whether the server is still there (`Watch`, asked by way of another
connection). The bytes and packets of one exchange are limited.

All time limits are here. They shrink once a cancel was asked for.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from msgspec import Struct

from core import cancellation
from core.silence import AFTER_S, silent

SLICE_S: Final = 0.2
"""How long a wait goes on before it looks around."""

GRACE_S: Final = 1.0
"""How long an exchange is left alone by a cancel: nearly all of them end within that."""

PACKET_BYTES: Final = 1 << 30
"""The most that servers send at once, in bytes (the greatest max_allowed_packet)."""

_BUFFER: Final = 64 << 10
_SEND: Final = 1 << 20
_GOODBYE_S: Final = 0.2
_FULL: Final = frozenset({errno.EAGAIN, errno.EINPROGRESS})


class Limits(Struct, frozen=True, kw_only=True):
    """Limits in seconds.

    `connect_s`: from the first packet of a login to a session that is ready. `silence_s`: when
    another connection is asked about a statement without an answer, and how often. `unanswered_s`:
    how long the server may give no sign of life at all. `short_s`: the longest wait for the answer
    to a question about definitions; `answer_s`: how long such an answer may take to arrive.
    `courtesy_s`: for questions that are of use only if they are quick.
    """

    connect_s: float = 10.0
    silence_s: float = 10.0
    unanswered_s: float = 30.0
    short_s: float = 600.0
    answer_s: float = 60.0
    courtesy_s: float = 5.0


USUAL: Final = Limits()
HURRIED: Final = Limits(connect_s=2.0, silence_s=1.0, unanswered_s=2.0, courtesy_s=1.0)


def limits() -> Limits:
    """Return the limits in force now."""
    return HURRIED if cancellation.hurried() else USUAL


class Unanswered(Exception):
    """A wait that was given up; the text says why, as the end of a sentence."""


class Exchange(Struct, frozen=True, kw_only=True):
    """The limits of one question and its answer.

    `limit_s`: for all of it; `answer_s`: from the first byte of the answer to its end. `bytes` and
    `packets` limit the answer. `watch` is called after a silence; it tells whether the server gave
    a sign of life, and raises Unanswered where the question is lost. With `place` a silence is told
    of (`core.silence`): where there is a `watch`, only one without a sign of life.
    """

    limit_s: float | None = None
    answer_s: float | None = None
    bytes: int = PACKET_BYTES
    packets: int | None = None
    watch: Callable[[], bool] | None = None
    place: str = ""


class Wire:
    """A socket whose waits end. Used by one thread, except `sever`."""

    def __init__(
        self, exchange: Exchange, *, stop: Callable[[], None] = cancellation.check
    ) -> None:
        self._sock: socket.socket | None = None
        self._stop = stop
        self._severed = False
        self.begin(exchange)

    def begin(self, exchange: Exchange) -> None:
        """Start the clock of another exchange."""
        self._exchange = exchange
        self._began = time.monotonic()
        self._deadline = None if exchange.limit_s is None else self._began + exchange.limit_s
        self._answering = exchange.answer_s is None
        self.allow(exchange)

    def allow(self, exchange: Exchange) -> None:
        """Let so much arrive from now on."""
        self._bytes_left = exchange.bytes
        self._packets_left = exchange.packets

    def renew(self) -> None:
        """Let as much arrive again as the exchange allows."""
        self._bytes_left = self._exchange.bytes

    # Opening.

    def open_unix(self, path: str) -> None:
        """Connect to a socket in the file system. Raises OSError, Unanswered."""
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.setblocking(False)
        while (code := self._sock.connect_ex(path)) == errno.EAGAIN:  # a full queue has no event
            self._look(time.monotonic())
            time.sleep(SLICE_S / 4)
        self._settle_connect(code, path)

    def open_tcp(self, host: str, port: int) -> None:
        """Connect to the first address of a host that answers. Raises OSError, Unanswered."""
        failure: OSError = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        for family, kind, protocol, _, address in self._addresses(host, port):
            try:
                self._sock = socket.socket(family, kind, protocol)
                self._sock.setblocking(False)
                self._settle_connect(self._sock.connect_ex(address), host)
            except OSError as error:
                self.close()
                failure = error
                continue
            self._keep_alive(self._sock)
            return
        raise failure

    def _addresses(self, host: str, port: int) -> list[Any]:
        """Look a host up; the system's own look-up can neither be limited nor interrupted."""
        found: list[Any] = []
        done = threading.Event()

        def look_up() -> None:
            try:
                found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.append(error)
            done.set()

        threading.Thread(target=look_up, name="look-up", daemon=True).start()
        while not done.wait(SLICE_S):
            self._look(time.monotonic())
        if isinstance(found[0], Exception):
            raise found[0]
        return found

    def _settle_connect(self, code: int, place: str) -> None:
        sock = self._open_socket()
        if code in _FULL:
            self._wait(select.POLLOUT)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code), place)

    @staticmethod
    def _keep_alive(sock: socket.socket) -> None:
        """Notice a network that went away within minutes instead of hours."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        with contextlib.suppress(OSError, AttributeError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6)

    def start_tls(self, context: ssl.SSLContext, host: str | None) -> None:
        """Go on in TLS. Raises ssl.SSLError, Unanswered."""
        sock = context.wrap_socket(
            self._open_socket(), server_hostname=host, do_handshake_on_connect=False
        )
        self._sock = sock
        self._through(sock.do_handshake)

    # Called by the driver.

    def settimeout(self, _seconds: float | None) -> None:
        """Ignore the driver's timeouts: the limits of the exchange hold."""

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the stream that the driver reads from."""
        return io.BufferedReader(_Incoming(self), _BUFFER)

    def sendall(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError, Unanswered, and the error that ends the job."""
        sock, rest = self._open_socket(), memoryview(data)
        while rest:
            rest = rest[self._through(partial(sock.send, rest[:_SEND]), select.POLLOUT) :]

    def close(self) -> None:
        """Close the socket, without any goodbye."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    # Called by the connection.

    def say_goodbye(self) -> None:
        """Prepare for the last packet: a server that does not take it at once gets none."""
        self.begin(Exchange(limit_s=_GOODBYE_S))

    def sever(self) -> None:
        """Cut the connection from another thread; a wait of its own thread ends at once."""
        self._severed = True
        sock = self._sock
        if sock is not None:
            with contextlib.suppress(OSError):  # not of SSLSocket, which the other thread uses
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def is_severed(self) -> bool:
        """Whether `sever` was called."""
        return self._severed

    def count_packet(self) -> None:
        """Count a packet of the answer. Raises Unanswered for an answer without end."""
        if self._packets_left is not None:
            self._packets_left -= 1
            if self._packets_left < 0:
                raise Unanswered("its answer has no end")

    def receive(self, buffer: memoryview) -> int:
        """Read available bytes into `buffer`; return their number, 0 at the end."""
        sock = self._open_socket()
        count: int = self._through(partial(sock.recv_into, buffer))
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise Unanswered("its answer has no end")
        if not self._answering:
            self._answering = True
            ends = time.monotonic() + (self._exchange.answer_s or 0.0)
            self._deadline = ends if self._deadline is None else min(self._deadline, ends)
        return count

    # Waiting.

    def _open_socket(self) -> Any:  # noqa: ANN401 - a socket, plain or of TLS
        if self._sock is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._sock

    def _through(self, action: Callable[[], Any], events: int = select.POLLIN) -> Any:  # noqa: ANN401
        """Repeat a call that may have to wait, until it is done."""
        while True:
            try:
                return action()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)
            except BlockingIOError:
                self._wait(events)

    def _wait(self, events: int) -> None:
        """Return when the socket is ready. Raises Unanswered, and the error that ends the job."""
        poller = select.poll()
        poller.register(self._open_socket(), events)
        alive = asked = time.monotonic()
        while True:
            now = time.monotonic()
            left_s = self._look(now)
            if self._exchange.watch is not None and now - asked >= limits().silence_s:
                answered = self._exchange.watch()
                asked = time.monotonic()
                if answered:
                    alive = asked
                elif self._exchange.place:
                    silent(self._exchange.place, limits().unanswered_s - (asked - alive))
                if asked - alive >= limits().unanswered_s:
                    raise Unanswered(f"it has not answered for {asked - alive:.0f} s")
            if poller.poll(max(1, int(1000 * min(SLICE_S, left_s)))):
                return

    def _look(self, now: float) -> float:
        """Return the seconds that are left, or raise the error that ends the wait."""
        if self._severed:
            raise Unanswered("the connection was cut from here")
        if now - self._began >= GRACE_S:
            self._stop()
        left_s = SLICE_S if self._deadline is None else self._deadline - now
        if left_s <= 0:
            raise Unanswered("no answer in time")
        exchange = self._exchange
        if exchange.place and exchange.watch is None and now - self._began >= AFTER_S:
            silent(exchange.place, left_s)
        return left_s


class _Incoming(io.RawIOBase):
    """The receiving side of a wire, as a stream."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._wire.receive(buffer)
