"""Starts processes that share the work on a large tree, since one interpreter uses one core.

It decides when a process is worthwhile, starts it, and owns the form of messages to and from it. A
child ends with its parent: its pipes are closed then.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import marshal
import mmap
import os
import signal
import subprocess
import sys
from typing import IO, Any, Final

from msgspec import structs

from core.archive.tree.selection import Selection, runs
from core.events import Kind
from core.program import command_of

LENGTH: Final = 4
"""Bytes of the length before each message."""
WORTHWHILE: Final = 3000
"""The number of entries from which a process is worthwhile: fewer are done before it has begun."""


def is_worthwhile(selection: Selection) -> bool:
    """Tell whether there is a second core, and enough to do for it."""
    return len(os.sched_getaffinity(0)) > 1 and _has(WORTHWHILE, selection)


@functools.lru_cache(maxsize=8)  # a job asks more than once, and it takes a hundredth of its time
def _has(number: int, selection: Selection) -> bool:
    entries = 0
    for _, _, names in runs(selection, problem=lambda _path, _error: None):
        entries += 1 if names is None else len(names)
        if entries >= number:
            return True
    return False


def start(
    module: str,
    selection: Selection,
    *,
    talk: bool = False,
    inherited: tuple[int, ...] = (),
    **words: int,
) -> subprocess.Popen[bytes]:
    """Start a module as a child that writes to a pipe. Raises OSError where that is not possible.

    With `talk` its standard input stays open for more; `inherited` are descriptors that it gets,
    by the same numbers, and `words` its arguments besides the selection. Isolated, as jobs are:
    no directory of the store and no PYTHONPATH can shadow its modules.
    """
    child = subprocess.Popen(
        command_of(module),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=inherited,
    )
    assert child.stdin is not None  # noqa: S101 - for the type checker
    # It may have ended at once; its answer, or the lack of one, says so.
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(framed((as_values(selection), words)))
        child.stdin.flush()
        if not talk:
            child.stdin.close()
    return child


def start_sharing(
    module: str,
    selection: Selection,
    size: int,
    **words: int,
) -> tuple[subprocess.Popen[bytes], mmap.mmap]:
    """Start a child that talks, and that shares so many bytes of memory: its word `memory`."""
    memory = os.memfd_create(module)
    try:
        os.ftruncate(memory, size)
        shared = mmap.mmap(memory, size)
        child = start(module, selection, talk=True, inherited=(memory,), memory=memory, **words)
    finally:
        os.close(memory)
    return child, shared


def framed(values: Any) -> bytes:  # noqa: ANN401 - plain values
    """Return plain values as one message: its length, then the values."""
    message = marshal.dumps(values)
    return len(message).to_bytes(LENGTH, "little") + message


def receive(pipe: IO[bytes]) -> Any:  # noqa: ANN401 - plain values
    """Return the values of the next message; None when the other end is closed."""
    length = pipe.read(LENGTH)
    if len(length) != LENGTH:
        return None
    size = int.from_bytes(length, "little")
    message = pipe.read(size)
    # Written by a process of our own, of the same interpreter, into a pipe of these two processes
    # alone.
    return marshal.loads(message) if len(message) == size else None  # noqa: S302


def exactly(pipe: int, size: int) -> bytes:
    """Return so many bytes from a pipe, or fewer when its other end is closed before.

    Nothing is read ahead, so that a poll of the pipe tells whether there is more.
    """
    content = os.read(pipe, size)
    if len(content) == size or not content:
        return content
    pieces = [content]
    left = size - len(content)
    while left and (content := os.read(pipe, left)):
        pieces.append(content)
        left -= len(content)
    return b"".join(pieces)


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a child, in any state."""
    child.kill()  # first: to close a pipe may mean to write its buffer
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    child.wait()


def told() -> tuple[Selection, dict[str, Any]]:
    """Return, in the started process, its selection and its words."""
    # A service is stopped by signals to all of its processes: the parent decides for them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.disable()  # a child makes no cycles, and lives for seconds
    values, words = receive(sys.stdin.buffer)
    return of_values(values), words


def as_values(selection: Selection) -> dict[str, Any]:
    """Return a selection as plain values."""
    values = structs.asdict(selection)
    return {**values, "kind": selection.kind.value, "ignored": sorted(selection.ignored)}


def of_values(values: dict[str, Any]) -> Selection:
    """Return the selection that plain values describe."""
    known = {"kind": Kind(values["kind"]), "ignored": frozenset(values["ignored"])}
    return Selection(**{**values, **known})
