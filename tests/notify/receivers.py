"""Receivers on the loopback: an HTTP server and an SMTP server, willing and unwilling ones."""

from __future__ import annotations

import base64
import email
import http.server
import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from pathlib import Path


class _Http(http.server.BaseHTTPRequestHandler):
    """Does what the first part of the path says, and puts down what it got."""

    def log_message(self, *_words):
        pass

    def _answer(self):
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        self.server.got.append((self.command, self.path, dict(self.headers), body))
        what = self.path.split("/")[1].split("?")[0]
        with suppress(OSError):
            getattr(self, f"_{what}", self._ok)()

    do_POST = _answer  # noqa: N815 - the name that the library looks for
    do_GET = _answer  # noqa: N815 - as above

    def _ok(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"OK")

    def _broken(self):
        self.send_error(500, "hunter2")

    def _hang(self):
        self.server.closing.wait(60)

    def _drip(self):
        while not self.server.closing.wait(0.05):
            self.wfile.write(b"H")

    def _flood(self):
        self.send_response(200)
        self.end_headers()
        while not self.server.closing.is_set():
            self.wfile.write(bytes(1 << 16))

    def _nonsense(self):
        self.wfile.write(b"hello\r\n\r\n")

    def _to(self, location, status=302):
        self.send_response(status)
        self.send_header("Location", location)
        self.end_headers()

    def _moved(self):
        self._to("/ok/there", 307)

    def _seeother(self):
        self._to("/ok/there", 303)

    def _loop(self):
        self._to("/loop/again")

    def _tofile(self):
        self._to("file:///etc/passwd")

    def _toftp(self):
        self._to("ftp://127.0.0.1/x")

    def _away(self):
        self._to(f"http://localhost:{self.server.server_address[1]}/ok/away", 307)


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    block_on_close = False

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.got = []
        self.closing = threading.Event()

    @property
    def port(self):
        return self.server_address[1]

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def handle_error(self, *_words):
        pass


class _Smtp(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as is needed; `server.mode` says what it refuses."""

    def say(self, *lines):
        for line in lines:
            self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        mode = self.server.mode
        if mode == "hang":
            self.server.closing.wait(60)
            return
        self.say("220 here")
        self.secure = self.logged_in = False
        with suppress(OSError, ssl.SSLError):
            while self.line(self.rfile.readline(4096).decode().strip(), mode):
                pass

    def finish(self):
        with suppress(OSError):
            super().finish()
        self.request.close()

    def line(self, line, mode):
        word = line.upper()
        if word.startswith("EHLO"):
            more = ["250-STARTTLS"] if self.server.tls and not self.secure else []
            self.say("250-here", *more, "250-AUTH PLAIN", "250 SIZE")
        elif word == "STARTTLS":
            self.say("220 go on")
            plain = (self.rfile, self.wfile)
            try:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            except OSError:
                return False  # the other end does not trust the certificate
            for file in plain:
                file.close()
            self.setup()
            self.secure = True
        elif word.startswith("AUTH PLAIN"):
            given = base64.b64decode(line.split()[2]).split(b"\0")[1:]
            good = given == [b"shop", b"hunter2"]
            self.logged_in = good
            self.say("235 good" if good else "535 no, not hunter2")
        elif word.startswith("RCPT") and mode == "no-recipient":
            self.say("550 nobody of that name")
        elif word == "DATA":
            self.say("354 go on")
            self.take()
            self.say("250 taken")
        elif word == "QUIT" or not line:
            self.say("221 bye")
            return False
        else:
            self.say("250 good")
        return True

    def take(self):
        lines = []
        while (line := self.rfile.readline(65536)) not in (b".\r\n", b""):
            lines.append(line)
        message = email.message_from_bytes(b"".join(lines))
        self.server.got.append((self.secure, self.logged_in, message))


@contextmanager
def _serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def http_server():
    """Serve HTTP for a while; `got` has what came."""
    return _serving(_Server(_Http))


def smtp_server(mode="", tls=None):
    """Serve SMTP for a while; `got` has what came."""
    server = _Server(_Smtp)
    server.mode, server.tls = mode, tls
    return _serving(server)


def certificate(place: Path):
    """Return the server's side of TLS, and the path of a certificate to trust."""
    key, cert = place / "key.pem", place / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", cert),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, str(cert)
