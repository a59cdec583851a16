"""Database servers of other Debian suites, each in the directory that it was installed in.

`scripts/server_root.sh` makes the directories. A server listens on a socket and nothing else, and
goes with the process that started it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from core.errors import ConnectionFailed
from core.magento.settings import DatabaseConnection, Secret

START_TIMEOUT_S: Final = 120.0


class Build(Struct, frozen=True, kw_only=True):
    """How a server is called: its directory, its programs, its first start, its options."""

    name: str
    daemon: str
    client: str
    install: tuple[str, ...]
    options: tuple[str, ...]
    without_log: tuple[str, ...]
    dump: tuple[str, ...]
    first: str = "DO 0"


MARIADB: Final = Build(
    name="mariadb",
    daemon="/usr/sbin/mariadbd",
    client="/usr/bin/mariadb",
    install=(
        "/usr/bin/mariadb-install-db",
        "--no-defaults",
        "--force",
        "--user=root",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ),
    options=("--innodb-log-file-size=128M",),
    without_log=(),
    dump=("/usr/bin/mariadb-dump", "--dump-history"),
)
MYSQL: Final = Build(
    name="mysql",
    daemon="/usr/sbin/mysqld",
    client="/usr/bin/mysql",
    install=("/usr/sbin/mysqld", "--no-defaults", "--initialize-insecure", "--user=root"),
    options=(
        "--mysqlx=OFF",
        "--secure-file-priv=NULL",
        "--innodb-redo-log-capacity=128M",
    ),
    without_log=("--skip-log-bin",),  # it is on by default
    dump=("/usr/bin/mysqldump", "--no-tablespaces", "--set-gtid-purged=OFF"),
    # MD5(), which the sample's rows are computed with, is no part of MySQL 9 any more.
    first="INSTALL COMPONENT 'file://component_classic_hashing'",
)
BUILDS: Final = (MARIADB, MYSQL)
EVERY: Final = tuple((build, log) for build in BUILDS for log in (False, True))
"""Each server without and with its binary log."""


def roots_directory() -> str:
    """Where `scripts/server_root.sh` puts the directories."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("MAGEREWIND_SERVERS") or os.path.join(cache, "magerewind", "servers")


def server_id(build: Build, binary_log: bool) -> str:
    """How a server is called in the names of tests."""
    return f"{build.name}-{'binlog' if binary_log else 'no-binlog'}"


def why_not(build: Build) -> str:
    """Return why a server cannot be started here; empty if it can."""
    root = os.path.join(roots_directory(), build.name)
    if not os.access(root + build.daemon, os.X_OK):
        return f"{root} is missing: run scripts/server_root.sh {build.name} as root"
    if os.geteuid() != 0:
        return "only root may start a server in a directory of its own (chroot)"
    return ""


def settings_of(server: Any, schema: str, username: str = "shop") -> DatabaseConnection:
    """Return the settings of an account: `shop`, or `root` that has all rights."""
    return DatabaseConnection(
        name="default",
        schema=schema,
        username=username,
        password=Secret("" if username == "root" else "shop"),
        socket=server.socket,
    )


class RootedServer:
    """A running server. The account `root` has all rights and no password."""

    def __init__(self, build: Build, *, binary_log: bool, options: Sequence[str] = ()) -> None:
        self.build = build
        self.binary_log = binary_log
        self.root = os.path.join(roots_directory(), build.name)
        self.options = [*build.options, *options]
        if binary_log:
            self.options += ["--log-bin=binlog", "--server-id=1"]
        else:
            self.options += build.without_log
        self._process: subprocess.Popen[bytes] | None = None
        self.directory = ""

    @property
    def socket(self) -> str:
        """The socket, as it is seen from here."""
        return os.path.join(self.directory, "s")

    @property
    def _inside(self) -> str:
        """The server's own directory, as the server sees it."""
        return self.directory[len(self.root) :]

    def _chroot(self, *command: str) -> list[str]:
        # It dies with this process, however that ends.
        return ["setpriv", "--pdeathsig", "KILL", "chroot", self.root, *command]

    def start(self) -> None:
        """Make the server, start it and return when it answers."""
        _clear(os.path.join(self.root, "my"))
        self.directory = tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=f"{self.root}/my")
        data = f"--datadir={self._inside}/data"
        log = os.path.join(self.directory, "server.log")
        with open(log, "ab") as out:
            installed = subprocess.run(
                self._chroot(*self.build.install, data), stdout=out, stderr=out, check=False
            )
            if installed.returncode:
                raise ConnectionFailed(f"{self.build.name} was not made: {_tail(log)}")
            self._process = subprocess.Popen(
                self._chroot(
                    self.build.daemon,
                    "--no-defaults",
                    "--user=root",
                    data,
                    f"--socket={self._inside}/s",
                    f"--pid-file={self._inside}/pid",
                    "--skip-networking",
                    "--innodb-buffer-pool-size=256M",
                    "--max-allowed-packet=64M",
                    "--max-heap-table-size=64M",
                    *self.options,
                ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ConnectionFailed(f"{self.build.name} did not start: {_tail(log)}")
            time.sleep(0.05)
        self.run(self.build.first)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
            return bool(probe.recv(1))

    def remove(self) -> None:
        """Stop the server and remove its data."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def load(self, path: str, schema: str) -> None:
        """Run a file of statements through the server's own client, as the administrator."""
        with open(path, "rb") as file:
            self._client(file, schema)

    def dump(self, schema: str, path: str) -> None:
        """Write a dump with the server's own program."""
        program, *options = self.build.dump
        command = [program, "--no-defaults", f"--socket={self._inside}/s", "--user=root", *options]
        command += ["--routines", "--events", "--triggers", "--hex-blob", schema]
        with open(path, "wb") as file:
            subprocess.run(self._chroot(*command), stdout=file, check=True)

    def run(self, statements: str, *, schema: str | None = None, username: str = "root") -> str:
        """Run SQL through the server's own client and return its output."""
        with tempfile.TemporaryFile() as file:
            file.write(statements.encode())
            file.seek(0)
            return self._client(file, schema, username)

    def _client(self, file: object, schema: str | None, username: str = "root") -> str:
        done = subprocess.run(
            self._chroot(
                self.build.client,
                "--no-defaults",
                f"--socket={self._inside}/s",
                f"--user={username}",
                *(["--password=shop"] if username != "root" else []),
                "--batch",
                "--default-character-set=utf8mb4",
                *([schema] if schema else []),
            ),
            stdin=file,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise ConnectionFailed(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode(errors="replace")

    def make_schema(self, schema: str, *, username: str = "shop", password: str = "shop") -> None:
        """Make an empty schema and an account that has rights on it and on nothing else."""
        name = schema.replace("`", "``")
        self.run(
            f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4;"
            f"CREATE USER IF NOT EXISTS '{username}'@'localhost' IDENTIFIED BY '{password}';"
            f"GRANT ALL ON `{name}`.* TO '{username}'@'localhost';"
        )


def _tail(log: str) -> str:
    with open(log, encoding="utf-8", errors="replace") as text:
        return "".join(text.readlines()[-5:])


def _clear(directory: str) -> None:
    """Remove what the servers of dead processes left."""
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(directory):
        pid = name.partition("-")[0]
        if not pid.isdigit() or not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
