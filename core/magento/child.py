"""Runs one foreign program with limits of time, output and environment.

It owns the start and the end of a child process. It knows no program's purpose. The program
has the account of this process: root has become the store's owner long before.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, structs

from core.account.environment import for_program
from core.account.ids import Ids as Account
from core.account.ids import ids_of as account_of
from core.durable import write_all

_CHUNK: Final = 65536
_POLL_S: Final = 0.2
_MOST_DRAINED: Final = 32  # chunks: more than a pipe holds
_WATCH: Final = 'read -r group && { read -r never || kill -KILL "-$group"; }'


class Finished(Struct, frozen=True, kw_only=True):
    """How a child ended. `timed_out` and `too_much` mean that it was killed."""

    status: int
    output: bytes
    timed_out: bool = False
    too_much: bool = False


def process_start(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field is the name in brackets, and may hold spaces and brackets itself.
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def _ignored(_pid: int) -> None:
    """Take no note of the number of a child."""


def run_child(
    argv: Sequence[str],
    *,
    cwd: str,
    environ: Mapping[str, str],
    account: Account,
    timeout_s: float,
    limit_bytes: int,
    feed: bytes = b"",
    merge_errors: bool = False,
    variables: Collection[str] = (),
    started: Callable[[int], None] | None = None,
    poll: Callable[[], None] | None = None,
    keep_last: bool = False,
    leave_rest: bool = False,
) -> Finished:
    """Run a program to its end and return its output; `account` is the one of this process.

    Its environment is the allow-listed part of `environ`, and `variables`; never all. It has a
    session of its own, so that it has no terminal to type into (TIOCSTI), and that session is
    killed with the rest of its processes at the end, and where this process is killed. `feed` is
    its standard input, from memory and not from a pipe, which a child that does not read could
    block. Raises OSError when it cannot be started.

    `started` gets the number of the child; `poll` is called every fifth of a second, and the child
    is killed when it raises. `keep_last`: the end of too much output is kept, and the child goes
    on. `leave_rest`: a child that has ended by itself may leave others in the background.
    """
    with (
        _standard_input(feed) as stdin,
        _watch() as watch,
        subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=subprocess.PIPE,
            cwd=cwd,
            stderr=subprocess.STDOUT if merge_errors else subprocess.DEVNULL,
            env=for_program(environ, account, variables),
            start_new_session=True,
        ) as child,  # fmt: skip
    ):
        ended = False
        try:
            watch(child.pid)
            (started or _ignored)(child.pid)
            following = _Following(child, timeout_s, limit_bytes, poll, keep_last, leave_rest)
            finished = following.follow()
            ended = not finished.timed_out
        finally:
            if not (leave_rest and ended):
                _kill_session(child)  # not waited for yet, it still holds its number
        return structs.replace(finished, status=child.wait())


@contextlib.contextmanager
def _watch() -> Iterator[Callable[[int], None]]:
    """Have a process group killed should this process die in the block, by whatever it is.

    Yields a function that takes the group. The watch runs before the first process of the group, so
    that there is nearly no moment without it. It is a shell that waits for the end of a pipe which
    this process alone holds open; the kernel's own signal (PR_SET_PDEATHSIG) would reach one
    process and not the group.
    """
    ours, held = os.pipe()

    def guard(group: int) -> None:
        with contextlib.suppress(OSError):  # the shell is gone, or there is none
            os.write(held, f"{group}\n".encode())

    watch: subprocess.Popen[bytes] | None = None
    try:
        with contextlib.suppress(OSError):
            watch = subprocess.Popen(
                ["/bin/sh", "-c", _WATCH],
                stdin=ours,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
            )
        yield guard
    finally:
        if watch is not None:  # before the pipe ends
            watch.kill()
            watch.wait()
        os.close(ours)
        os.close(held)


@contextlib.contextmanager
def _standard_input(feed: bytes) -> Iterator[int]:
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC)
    try:
        write_all(fd, feed)
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _kill_session(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


class _Following:
    """Collects the output until all who hold it are gone; the status is still to be fetched."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        timeout_s: float,
        limit_bytes: int,
        poll: Callable[[], None] | None,
        keep_last: bool,
        leave_rest: bool,
    ) -> None:
        assert child.stdout is not None  # noqa: S101 - opened as a pipe above
        self._child = child
        self._stdout = child.stdout.fileno()
        self._deadline = time.monotonic() + timeout_s
        self._limit = limit_bytes
        self._poll = poll
        self._keep_last = keep_last
        self._leave_rest = leave_rest
        self._output = bytearray()
        self._too_much = False

    def follow(self) -> Finished:
        """Return the output at the end, or at the first limit."""
        ended = os.pidfd_open(self._child.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._stdout, selectors.EVENT_READ)
                selector.register(ended, selectors.EVENT_READ)
                while selector.get_map():
                    ready = self._wait(selector)
                    if ready is None:
                        return self._finished(timed_out=True)
                    if ended in ready:
                        selector.unregister(ended)
                        if self._leave_rest:
                            self._drain()
                            return self._finished()
                        _kill_session(self._child)  # its own children would hold the output open
                    if self._stdout in ready and not self._take():
                        selector.unregister(self._stdout)
                    if self._too_much and not self._keep_last:
                        return self._finished()
        finally:
            os.close(ended)
        return self._finished()

    def _finished(self, *, timed_out: bool = False) -> Finished:
        return Finished(
            status=0,
            output=bytes(self._output),
            timed_out=timed_out,
            too_much=self._too_much,
        )

    def _wait(self, selector: selectors.BaseSelector) -> set[int] | None:
        """Return the ready descriptors, perhaps none; None when the time is over."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            return None
        if self._poll is None:
            return {key.fd for key, _ in selector.select(left)} or None
        self._poll()
        return {key.fd for key, _ in selector.select(min(left, _POLL_S))}

    def _take(self) -> bool:
        """Read some output; False at its end."""
        chunk = os.read(self._stdout, _CHUNK)
        self._output += chunk
        if len(self._output) > self._limit:
            self._too_much = True
            if self._keep_last:
                del self._output[: -self._limit]
        return bool(chunk)

    def _drain(self) -> None:
        """Take the output of an ended child; other processes may hold it open for ever."""
        os.set_blocking(self._stdout, False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MOST_DRAINED):
                if not self._take():
                    return


__all__ = ["Account", "Finished", "account_of", "process_start", "run_child"]
