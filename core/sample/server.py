"""A private MariaDB: its own directory, a socket and nothing else, gone when it is no longer used.

A watcher, a shell that waits on a pipe held by this process, kills the server and removes its
directory when this process ends without having done so, however it ends and whatever it was doing.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Final, Self

from core.errors import ConnectionFailed

ADMIN: Final = "root"
START_TIMEOUT_S: Final = 60.0
_SEARCH_PATH: Final = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/sbin"]
)
# A line on the pipe means that the server has ended (its number may soon be another's), a second
# one that nothing is left to remove; its other end gone without them, that the owner is dead.
_WATCH: Final = """
read -r _ || {
    kill -9 "$1" 2>/dev/null
    while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
}
read -r _ && exit 0
shift
[ $# -eq 0 ] || rm -rf -- "$@" || { sleep 1; rm -rf -- "$@"; }
"""
# A test server that is killed at will needs its redo log, but not a big buffer.
_OPTIONS: Final = (
    "--skip-networking",
    "--innodb-buffer-pool-size=256M",
    "--innodb-log-file-size=128M",
    "--max-allowed-packet=64M",
    "--max-heap-table-size=64M",
    "--character-set-server=utf8mb4",
    "--performance-schema=OFF",
)
# Nothing is flushed to disk: the kernel still has the writes of a killed server, and only a machine
# that loses its power loses it. Filling a small sample takes half the time or less.
_UNFLUSHED: Final = (
    "--debug-no-sync",
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
)


def find_program(name: str) -> str:
    """Return the path of a server program. Raises ConnectionFailed naming the package."""
    found = shutil.which(name, path=_SEARCH_PATH)
    if found is None:
        raise ConnectionFailed(
            f"The program {name} is not on this machine.", hint="apt-get install mariadb-server"
        )
    return found


class PrivateServer:
    """A running server in `directory` (a new temporary one if none is given).

    `options` are added to the command line of mariadbd, such as `--log-bin`; `removes` are other
    directories that are removed with the server, by whom it may be. Rows survive a kill
    of the server; those of a `durable` one also a crash of the machine. The account `root` has all
    rights and no password; the socket is within reach of this account only (0700).
    """

    def __init__(
        self,
        directory: str | None = None,
        *,
        options: Sequence[str] = (),
        binary_log: bool = False,
        durable: bool = False,
        removes: Sequence[str] = (),
    ) -> None:
        self._temporary = directory is None
        self._removes = tuple(removes)
        self.directory = directory or tempfile.mkdtemp(prefix="magerewind-db-")
        self.data_directory = os.path.join(self.directory, "data")
        self.socket = os.path.join(self.directory, "s")
        self.options = (*(() if durable else _UNFLUSHED), *options)
        if binary_log:
            self.options += ("--log-bin=binlog", "--server-id=1", "--binlog-format=ROW")
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process of the server."""
        if self._process is None:
            raise ConnectionFailed("The private server is not running.")
        return self._process.pid

    def install(self) -> None:
        """Make the data directory, if it is not there yet."""
        if os.path.isdir(os.path.join(self.data_directory, "mysql")):
            return
        temporary = os.path.join(self.directory, "tmp")
        os.makedirs(temporary, mode=0o700, exist_ok=True)
        done = subprocess.run(
            [
                find_program("mariadb-install-db"),
                "--no-defaults",
                f"--datadir={self.data_directory}",
                f"--tmpdir={temporary}",
                f"--user={pwd.getpwuid(os.geteuid()).pw_name}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            text = done.stdout.decode(errors="replace").strip().splitlines()
            raise ConnectionFailed(f"mariadb-install-db failed: {text[-1] if text else '?'}")

    def start(self) -> None:
        """Start the server and return when it answers on its socket."""
        self.install()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        log = os.path.join(self.directory, "server.log")
        # A starting server removes the temporary tables that it finds: in /tmp also another
        # server's.
        temporary = os.path.join(self.directory, "tmp")
        os.makedirs(temporary, mode=0o700, exist_ok=True)
        with open(log, "ab") as out:
            self._process = subprocess.Popen(
                [
                    find_program("mariadbd"),
                    "--no-defaults",
                    f"--datadir={self.data_directory}",
                    f"--socket={self.socket}",
                    f"--tmpdir={temporary}",
                    f"--pid-file={os.path.join(self.directory, 'pid')}",
                    f"--user={pwd.getpwuid(os.geteuid()).pw_name}",
                    *_OPTIONS,
                    *self.options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # a Ctrl-C at the terminal is not for the server
            )
        self._watch(self._process.pid)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ConnectionFailed(f"The private server did not start; see {log}")
            time.sleep(0.05)

    def _watch(self, pid: int) -> None:
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "sh", str(pid), *self._removed_with_it()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _dismiss_watcher(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.communicate(b"removed\n")

    def _tell_watcher_of_end(self) -> None:
        if self._watcher is not None and self._watcher.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._watcher.stdin.write(b"ended\n")
                self._watcher.stdin.flush()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
            return bool(probe.recv(1))

    def stop(self) -> None:
        """Stop the server; wait until it is gone."""
        self._end()
        self._dismiss_watcher()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._tell_watcher_of_end()

    def kill(self) -> None:
        """Kill the server as a crash would; `start` brings it up again."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        self._tell_watcher_of_end()
        self._dismiss_watcher()

    def remove(self) -> None:
        """Stop the server and remove its directory, if it was a temporary one, and the others."""
        self._end()
        for directory in self._removed_with_it():
            shutil.rmtree(directory, ignore_errors=True)
        self._dismiss_watcher()  # last: the watcher does the steps that this process does not reach

    def _removed_with_it(self) -> tuple[str, ...]:
        return (*((self.directory,) if self._temporary else ()), *self._removes)

    def client(self, *arguments: str) -> list[str]:
        """Return the command line of the `mariadb` client as the administrator."""
        return [
            find_program("mariadb"),
            "--no-defaults",
            f"--socket={self.socket}",
            f"--user={ADMIN}",
            *arguments,
        ]

    def run(self, statements: str, *, schema: str | None = None) -> str:
        """Run SQL through the `mariadb` client as the administrator and return its output."""
        arguments = ["--batch", "--default-character-set=utf8mb4"]
        done = subprocess.run(
            self.client(*arguments, *([schema] if schema else [])),
            input=statements.encode(),
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise ConnectionFailed(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode(errors="replace")

    def make_schema(
        self,
        schema: str,
        *,
        username: str = "shop",
        password: str = "shop",  # noqa: S107
    ) -> None:
        """Make an empty schema and an account that has rights on it and on nothing else.

        The account has what Magento's installation guide grants: ALL on its own schema.
        """
        name = schema.replace("`", "``")
        self.run(
            f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4;"
            f"CREATE USER IF NOT EXISTS '{username}'@'localhost' IDENTIFIED BY '{password}';"
            f"GRANT ALL ON `{name}`.* TO '{username}'@'localhost';"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.remove()
