"""Runs one foreign program with limits of time, output and environment.

It owns the start and the end of a child process. It knows no program's purpose. The program
has the account of this process: root has become the store's owner long before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.account.environment import for_program
from core.account.ids import Ids as Account
from core.account.ids import ids_of as account_of
from core.durable import write_all

_CHUNK: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a child ended. `timed_out` and `too_much` mean that it was killed."""

    status: int
    output: bytes
    timed_out: bool = False
    too_much: bool = False


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
) -> Finished:
    """Run a program to its end and return its output; `account` is the one of this process.

    Its environment is the allow-listed part of `environ`, and `variables`; never all. It has a
    session of its own, so that it has no terminal to type into (TIOCSTI), and that session is
    killed at the end, whatever is left of it. `feed` is its standard input, from memory and not
    from a pipe, which a child that does not read could block. Raises OSError when it cannot be
    started.
    """
    with (
        _standard_input(feed) as stdin,
        subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge_errors else subprocess.DEVNULL,
            cwd=cwd,
            env=for_program(environ, account, variables),
            start_new_session=True,
        ) as child,
    ):
        try:
            finished = _follow(child, timeout_s=timeout_s, limit_bytes=limit_bytes)
        finally:
            # Not waited for yet, it still holds its number: no other group can have taken it.
            _kill_session(child)
        return dataclasses.replace(finished, status=child.wait())


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


def _follow(child: subprocess.Popen[bytes], *, timeout_s: float, limit_bytes: int) -> Finished:
    """Collect the output until all who hold it are gone; the status is still to be fetched."""
    assert child.stdout is not None  # noqa: S101 - opened as a pipe above
    deadline = time.monotonic() + timeout_s
    output = bytearray()
    ended = os.pidfd_open(child.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            selector.register(ended, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                ready = {key.fd for key, _ in selector.select(left)} if left > 0 else set()
                if not ready:
                    return Finished(status=0, output=bytes(output), timed_out=True)
                if ended in ready:
                    selector.unregister(ended)
                    _kill_session(child)  # its own children would hold the output open
                if child.stdout.fileno() in ready:
                    chunk = os.read(child.stdout.fileno(), _CHUNK)
                    output += chunk
                    if not chunk:
                        selector.unregister(child.stdout)
                    elif len(output) > limit_bytes:
                        return Finished(status=0, output=bytes(output), too_much=True)
    finally:
        os.close(ended)
    return Finished(status=0, output=bytes(output))


__all__ = ["Account", "Finished", "account_of", "run_child"]
