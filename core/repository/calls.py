"""One call of restic: started, followed line by line, ended within its limits.

It owns time limits, cancellation and the meaning of exit codes. A call has a session of its own and
ends with the process that made it. The content of the lines is not known here.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from core import cancellation
from core.errors import (
    MALFORMED,
    Cancelled,
    DiskFull,
    MagerewindError,
    RepositoryError,
    RepositoryKeyRefused,
    RepositoryLocked,
    RepositoryMissing,
    RepositoryUnreachable,
)
from core.repository.settings import Repository, without_secrets

_CHUNK: Final = 1 << 16
_PIPE: Final = 1 << 20  # of a call that is listened to later, so that it need not wait
_TICK_S: Final = 0.2
_GRACE_S: Final = 5.0  # to give its lock back
_ERRORS_KEPT: Final = 64 << 10
_LONGEST_LINE: Final = 16 << 20
# Ends with its parent: an orphaned call would only hold the repository's lock.
_LAUNCH: Final = (
    "import ctypes,os,signal,sys\n"
    "ctypes.CDLL(None).prctl(1,signal.SIGINT)\n"
    "if os.getppid()!=int(sys.argv[1]): os._exit(1)\n"
    "os.execv(sys.argv[2],sys.argv[2:])\n"
)
_WHERE: Final = "Is there a repository at the following location"
_RETRYING: Final = b"retrying after"
_RETRIES_S: Final = 120.0  # without progress, of a call that says that it tries again
_FETCHING: Final = frozenset({"restore", "dump"})
_FULL: Final = re.compile(rb"(?i)insufficient storage|no space left|disk quota exceeded")
_ABSENT: Final = re.compile(r"(?i)(?<!you provided )does not exist|no such file|not found|\b404\b")
_RETRY: Final = re.compile(r"^.*?retrying after [^:]*: ")
SOME_UNREAD: Final = 3
"""The exit code of a backup that left out unreadable files."""


class CallLimits(Struct, frozen=True, kw_only=True):
    """Seconds: of a whole call, and without any sign of progress.

    Up to the first sign of progress: `retries` is how many messages of another try restic may
    print, None: any number; `first_s` takes the place of a longer `idle_s`.
    """

    whole_s: float = float("inf")
    idle_s: float
    retries: int | None = None
    first_s: float = float("inf")


LOOK: Final = CallLimits(whole_s=45, idle_s=45, retries=1)
"""Whether anything answers: a wrong key or a dead server is tried again by restic for a quarter of
an hour."""
LIST: Final = CallLimits(whole_s=600, idle_s=180)
WORK: Final = CallLimits(idle_s=300)
CHECK: Final = CallLimits(idle_s=6 * 3600)  # it says nothing while it reads


class Call:
    """A call that runs. `progressed` puts off the limit of calls without progress."""

    def __init__(
        self,
        argv: Sequence[bytes | str],
        repository: Repository,
        environ: Mapping[str, str],
        *,
        limits: CallLimits,
        cwd: str | bytes = "/",
        pass_fds: tuple[int, ...] = (),
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        succeeded: Callable[[], None] = lambda: None,
    ) -> None:
        self._repository = repository
        self._limits = limits
        self._succeeded = succeeded
        self._has_progressed = False
        self._what = os.fsdecode(argv[1]) if len(argv) > 1 else "restic"
        self._errors = bytearray()
        self._began_s = self._alive_s = time.monotonic()
        self.code: int | None = None
        launch = (sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()))
        try:
            self._child = subprocess.Popen(
                [*launch, *argv],
                env=dict(environ),
                cwd=cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                pass_fds=pass_fds,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise RepositoryError(f"restic cannot be started: {error.strerror}.") from error

        if self._child.stdout is not None:
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._child.stdout, fcntl.F_SETPIPE_SZ, _PIPE)

    def progressed(self) -> None:
        """Take note that something was done."""
        self._has_progressed = True
        self._alive_s = time.monotonic()

    def waited(self) -> None:
        """Begin to count its seconds now: nobody has listened to it before."""
        self._began_s = self._alive_s = time.monotonic()

    @property
    def stdin(self) -> int:
        """Its standard input, where that is a pipe."""
        assert self._child.stdin is not None  # noqa: S101 - asked for
        return self._child.stdin.fileno()

    def close_stdin(self) -> None:
        """Let go of its standard input here."""
        if self._child.stdin is not None:
            self._child.stdin.close()

    def lines(self, *, ticks: bool = False) -> Iterator[bytes]:
        """Yield the lines of its output to its end; the exit code is in `code` then.

        With `ticks` an empty line whenever it has said nothing for a moment. Raises as `pieces`.
        """
        rest = bytearray()
        for chunk in self.pieces(ticks=ticks):
            if not chunk:
                yield b""
                continue
            rest += chunk
            *whole, last = rest.split(b"\n")
            rest = bytearray(last)
            if len(rest) > _LONGEST_LINE:
                self.end()
                raise RepositoryError("restic said more than can be understood.")
            yield from map(bytes, whole)
        if rest:
            yield bytes(rest)

    def pieces(self, *, ticks: bool = False) -> Iterator[bytes]:
        """Yield its output as it comes; with `ticks` nothing, when nothing came for a moment.

        Raises RepositoryUnreachable beyond a limit, Cancelled when the job is to stop; the call is
        ended then, as it is when the iteration is left.
        """
        child = self._child
        assert child.stderr is not None  # noqa: S101 - a pipe
        try:
            with selectors.DefaultSelector() as selector:
                if child.stdout is not None:
                    selector.register(child.stdout, selectors.EVENT_READ)
                selector.register(child.stderr, selectors.EVENT_READ)
                while selector.get_map():
                    self._look()
                    ready = selector.select(_TICK_S)
                    if ticks and not ready:
                        yield b""
                    for key, _ in ready:
                        chunk = os.read(key.fd, _CHUNK)
                        if not chunk:
                            selector.unregister(key.fileobj)
                        elif key.fileobj is child.stderr:
                            self._keep(chunk)
                        else:
                            yield chunk
            self.code = self._waited()
        finally:
            self.end()

    def _keep(self, chunk: bytes) -> None:
        self._errors += chunk
        retries = self._limits.retries
        if self._what == "backup" and _RETRYING in self._errors and _FULL.search(self._errors):
            raise self._full(self.reason())
        if self._has_progressed:
            retries = None
        if retries is not None and self._errors.count(_RETRYING) > retries:
            self._give_up(time.monotonic() - self._began_s)
        if len(self._errors) > _ERRORS_KEPT:  # the first lines say most, the last one why it ended
            del self._errors[_ERRORS_KEPT // 2 : -_ERRORS_KEPT // 4]

    def _look(self) -> None:
        cancellation.check()
        if cancellation.hurried() and threading.current_thread() is not threading.main_thread():
            raise Cancelled("Cancelled, as asked.")  # for the one that may be stuck in a write
        now_s = time.monotonic()
        if now_s - self._began_s > self._limits.whole_s:
            self._give_up(now_s - self._began_s)
        idle_s = self._limits.idle_s
        if not self._has_progressed:
            idle_s = min(idle_s, self._limits.first_s)
        elif self._errors.count(_RETRYING) > 1:
            idle_s = min(idle_s, _RETRIES_S)
        if now_s - self._alive_s > idle_s:
            self._give_up(now_s - self._alive_s)

    def _give_up(self, after_s: float) -> None:
        said = _RETRY.sub("", self.reason())
        name, url = self._repository.name, self._repository.shown_url
        if "bucket does not exist" in said:
            raise self._missing()
        raise RepositoryUnreachable(
            f"The repository {name} ({url}) gave no answer "
            f"{f'for {after_s:.0f} seconds' if after_s >= 10 else 'that could be used'}"
            f"{f': {said}' if said else '.'}",
            hint="Is the server there, and are the address and the keys right?",
        )

    def _full(self, said: str) -> MagerewindError:
        if self._what in _FETCHING:
            return DiskFull(f"There is no room here for what is fetched: {said}")
        return RepositoryError(
            f"There is no room in the repository {self._repository.name}: {_RETRY.sub('', said)}",
            hint="What was sent counts as nothing without its set; repo:forget --prune makes room.",
        )

    def _missing(self) -> MagerewindError:
        repository = self._repository
        return RepositoryMissing(
            f"There is no repository at {repository.shown_url}.",
            hint="Is its address right?"
            if repository.given
            else f"magerewind repo:init {repository.name} makes it.",
        )

    def _refused(self, said: str) -> MagerewindError:
        repository = self._repository
        return RepositoryUnreachable(
            f"The repository {repository.name} ({repository.shown_url}) does not let itself be "
            f"opened: {said}",
            hint="Are the address and the keys right?",
        )

    def _waited(self) -> int:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._child.wait(_TICK_S)
            self._look()

    def interrupt(self) -> None:
        """Ask it to end and to undo its unfinished work."""
        with contextlib.suppress(ProcessLookupError):
            if self._child.poll() is None:
                os.kill(self._child.pid, signal.SIGINT)

    def end(self) -> None:
        """End it, gently if it lets us, and everything that it started."""
        child = self._child
        if child.poll() is None:
            self.interrupt()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE_S)
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def reason(self) -> str:
        """Return its last words on standard error, in one line without secrets."""
        said = ""
        for line in bytes(self._errors).decode("utf-8", "replace").splitlines():
            if line.startswith(_WHERE):  # older ones end with it, and the place
                break
            said = _sentence(line) or said
        return without_secrets(said, self._repository)[:500]

    def problems(self) -> list[dict[str, Any]]:
        """Return the errors that a backup named, as its JSON has them."""
        found = (json_row(line) for line in bytes(self._errors).splitlines())
        return [row for row in found if row.get("message_type") == "error"]

    def check(self, *, allowed: frozenset[int] = frozenset({0})) -> None:
        """Raise the error for an exit code."""
        if self.code is None or self.code in allowed:
            if self.code == 0:
                self._succeeded()
            return
        raise self._error(self.code, self.reason())

    def _error(self, code: int, said: str) -> MagerewindError:
        name = self._repository.name
        if code == 12 or "wrong password" in said:
            return RepositoryKeyRefused(
                f"The password does not open the repository {name}.",
                hint="The password that was given is another one's."
                if self._repository.given
                else "password_file or password_command of its configuration is another one's.",
            )
        unopened = said.startswith("unable to open config file")
        if code == 10 or (unopened and _ABSENT.search(said)):
            return self._missing()
        if unopened:
            return self._refused(said)
        if code == 11 or "already locked" in said:
            return RepositoryLocked(
                f"Somebody else works on the repository {name}: {said}",
                hint=f"If nobody does, magerewind repo:unlock {name} removes locks that are stale.",
            )
        if _FULL.search(said.encode()):
            return self._full(said)
        reason = said or f"exit code {code}"
        return RepositoryError(f"restic {self._what} on {name} failed: {reason}")


def json_row(line: bytes | str) -> dict[str, Any]:
    """Return the object of a line of restic's output, empty where it is no object."""
    try:
        row = json.loads(line)
    except MALFORMED:
        return {}
    return row if isinstance(row, dict) else {}


def _sentence(line: str) -> str:
    """Return the message of a line on standard error."""
    row = json_row(line)
    if not row:
        return line.strip().removeprefix("Fatal: ")
    error = row.get("error")
    text = error.get("message") if isinstance(error, dict) else row.get("message")
    return str(text or "").split("\n", 1)[0].removeprefix("Fatal: ")
