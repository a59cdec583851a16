"""Sends the parts of a set: trees, dumps as streams, and the manifest that makes them a set.

A tree is sent by its root and the excluded paths, so that restic finds the files of the last set by
itself. A dump is fed by a command that exits non-zero unless we send an end marker, so a truncated
dump never becomes a snapshot: restic alone would take a closed pipe for the end.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from core import cancellation
from core.archive.create.outline import Outline
from core.durable import write_all
from core.errors import RepositoryError, StoreUnreadable
from core.events import Report
from core.repository.calls import SOME_UNREAD, WORK, Call, json_row
from core.repository.patterns import patterns
from core.repository.restic import Restic
from core.repository.sets import MANIFEST_FILE

_NAMES: Final = 1000
_PIECE: Final = 1 << 16
_TICK_S: Final = 0.2
# Frames of a length and so many bytes; the one of length 0 says that all was whole.
_RELAY: Final = (
    "import os,sys\n"
    "i=os.fdopen(int(sys.argv[1]),'rb',1<<20)\n"
    "while True:\n"
    " h=i.read(4)\n"
    " if len(h)<4: os._exit(1)\n"
    " n=int.from_bytes(h,'big')\n"
    " if not n: os._exit(0)\n"
    " b=memoryview(i.read(n))\n"
    " if len(b)<n: os._exit(1)\n"
    " while b: b=b[os.write(1,b):]\n"
)


class Sent(Struct, frozen=True, kw_only=True):
    """A snapshot that was made. Bytes of content, and those added to the repository."""

    snapshot: str
    files: int
    bytes: int
    added: int
    vanished: tuple[str, ...] = ()


def _words(store_host: str, tags: Sequence[str]) -> list[str]:
    return [f"--host={store_host}", f"--tag={','.join(tags)}"]


def _follow(call: Call, report: Report, *, total_items: int = 0) -> dict[str, Any]:
    """Follow a backup to its end; return its summary."""
    summary: dict[str, Any] = {}
    last = (-1, -1)
    for line in call.lines():
        row = json_row(line)
        if row.get("message_type") == "summary":
            summary = row
        if row.get("message_type") != "status":
            continue
        done = int(row.get("bytes_done", 0)), int(row.get("files_done", 0))
        if done != last:
            last = done
            call.progressed()
        current = (row.get("current_files") or [""])[0]
        report(done[0], min(done[1], total_items) if total_items else done[1], str(current))
    return summary


def _sent(summary: dict[str, Any], *, vanished: tuple[str, ...] = ()) -> Sent:
    snapshot = str(summary.get("snapshot_id", ""))
    if not snapshot:
        raise RepositoryError("restic ended without naming the snapshot that it made.")
    return Sent(
        snapshot=snapshot,
        files=int(summary.get("total_files_processed", 0)),
        bytes=int(summary.get("total_bytes_processed", 0)),
        added=int(summary.get("data_added_packed", summary.get("data_added", 0))),
        vanished=vanished,
    )


@contextlib.contextmanager
def list_file(content: bytes) -> Iterator[int]:
    """Give a file in memory that a call inherits, and reads as `/dev/fd/NUMBER`."""
    fd = os.memfd_create("list", os.MFD_CLOEXEC)
    try:
        write_all(fd, content)
        yield fd
    finally:
        os.close(fd)


class TreeOnItsWay(Struct, frozen=True):
    """A call that sends a tree; another may be followed before it."""

    call: Call
    entries: int

    def finish(self, report: Report) -> Sent:
        """Follow it to its end.

        Raises StoreUnreadable for files that this account may not read; those that vanished are
        named.
        """
        self.call.waited()
        summary = _follow(self.call, report, total_items=self.entries)
        if self.call.code == SOME_UNREAD:
            return _sent(summary, vanished=_vanished(self.call))
        self.call.check()
        return _sent(summary)


def begin_tree(
    restic: Restic,
    root: bytes,
    outline: Outline,
    *,
    host: str,
    tags: Sequence[str],
    parent: str | None,
) -> TreeOnItsWay:
    """Begin to send a tree without the paths that its outline leaves out.

    `parent` is the snapshot to compare with, None for the newest of the same root.
    """
    left_out = patterns(outline.left_out)
    with list_file(left_out.content) as excludes:
        words: list[bytes | str] = [
            "backup",
            *_words(host, tags),
            f"--exclude-file=/dev/fd/{excludes}",
        ]
        words += [b"--exclude=" + one for one in left_out.words]
        if restic.is_new:
            words.append("--no-scan")  # how much there is was counted before
        if parent is not None:
            words.append(f"--parent={parent}")
        call = restic.call(
            [*words, "--", "."], limits=restic.first(WORK), cwd=root, pass_fds=(excludes,)
        )
    return TreeOnItsWay(call, outline.entries)


def _vanished(call: Call) -> tuple[str, ...]:
    """Return the files that vanished before restic read them; refuse unreadable ones."""
    names: list[str] = []
    for row in call.problems():
        path = str(row.get("item", ""))
        if os.path.lexists(path):
            said = row.get("error")
            why = said.get("message", "") if isinstance(said, dict) else ""
            raise StoreUnreadable(
                f"restic could not read {path}: {why}",
                hint="Mend its owner or mode, or leave it out: --exclude",
            )
        names.append(path)
    return tuple(names[:_NAMES])


def send_stream(
    restic: Restic,
    produce: Callable[[int], int],
    *,
    name: str,
    host: str,
    tags: Sequence[str],
    parent: str | None = None,
) -> Sent:
    """Send the stream that `produce` writes to a descriptor; it returns the number of bytes.

    A stream that breaks off leaves no snapshot. Progress is the producer's.
    """
    words = ["backup", *_words(host, tags), f"--stdin-filename={name}"]
    if parent is not None:
        words.append(f"--parent={parent}")
    send = _with_command if restic.is_new else _by_pipe
    sent, size = send(restic, words, produce)
    if sent.bytes != size:
        raise RepositoryError(
            f"restic took {sent.bytes} bytes of {name}, and {size} were sent: it is not whole."
        )
    return sent


class _Follower(threading.Thread):
    """Follows a call beside the thread that produces."""

    def __init__(self, call: Call) -> None:
        super().__init__(daemon=True)
        self.summary: dict[str, Any] = {}
        self.error: BaseException | None = None
        self._call = call

    def run(self) -> None:
        try:
            self.summary = _follow(self._call, lambda *_: None)
        except BaseException as error:  # noqa: BLE001 - raised by who waits
            self.error = error

    def wait(self) -> None:
        """Wait for its end; a cancel ends the call first."""
        try:
            while self.is_alive():
                cancellation.check()
                self.join(_TICK_S)
        except BaseException:
            self._call.interrupt()
            self.join()
            raise


def _with_command(
    restic: Restic, words: Sequence[str], produce: Callable[[int], int]
) -> tuple[Sent, int]:
    """Let restic run a command that passes on our stream, and fails without its end mark."""
    reader, writer = os.pipe()
    source, target = os.pipe()
    relay = ["/usr/bin/env", "-i", sys.executable, "-I", "-S", "-c", _RELAY, str(reader)]
    try:
        call = restic.call(
            [*words, "--stdin-from-command", "--", *relay],
            limits=restic.first(WORK),
            pass_fds=(reader,),
        )
    except BaseException:
        for fd in (writer, source, target):
            os.close(fd)
        raise
    finally:
        os.close(reader)
    follower = _Follower(call)
    follower.start()
    framer = _Framer(source, writer, call)
    framer.start()
    size = 0
    try:
        try:
            size = produce(target)
        finally:
            os.close(target)
            framer.join()
        framer.finish(size)
    except BaseException:
        framer.close()
        call.interrupt()
        follower.join()
        if framer.is_broken:  # restic ended first, and that is why nothing could be written
            _raise_first(follower, call)
        raise
    framer.close()
    follower.wait()
    _raise_first(follower, call)
    return _sent(follower.summary), size


def _raise_first(follower: _Follower, call: Call) -> None:
    """Raise why restic ended; a relay that lacks our last word is no reason."""
    if follower.error is not None:
        raise follower.error
    if "command failed" not in call.reason():
        call.check()


class _Framer(threading.Thread):
    """Passes a pipe on in frames, and counts."""

    def __init__(self, source: int, target: int, call: Call) -> None:
        super().__init__(daemon=True)
        self._source, self._target, self._call = source, target, call
        self._taken = 0
        self.is_broken = False

    def run(self) -> None:
        try:
            while piece := os.read(self._source, _PIECE):
                self._taken += len(piece)
                write_all(self._target, len(piece).to_bytes(4, "big") + piece)
                self._call.progressed()
        except OSError:
            self.is_broken = True
        finally:
            os.close(self._source)  # its writer gets a broken pipe

    def finish(self, size: int) -> None:
        """Say that all was whole, when it was."""
        if not self.is_broken and self._taken == size:
            with contextlib.suppress(OSError):
                write_all(self._target, bytes(4))

    def close(self) -> None:
        """Close the pipe to the command."""
        os.close(self._target)


def _by_pipe(
    restic: Restic, words: Sequence[str], produce: Callable[[int], int]
) -> tuple[Sent, int]:
    """Feed an old restic by its standard input: it is interrupted before that is ever closed."""
    call = restic.call([*words, "--stdin"], limits=restic.first(WORK), stdin=subprocess.PIPE)
    follower = _Follower(call)
    follower.start()
    fd = os.dup(call.stdin)
    call.close_stdin()
    try:
        size = produce(fd)
    except BaseException:
        call.interrupt()
        follower.join()
        os.close(fd)
        raise
    os.close(fd)
    follower.wait()
    if follower.error is not None:
        raise follower.error
    call.check()
    return _sent(follower.summary), size


def send_manifest(restic: Restic, content: bytes, *, host: str, tags: Sequence[str]) -> Sent:
    """Send the manifest of a set, which makes it one. `tags` name its parts."""

    def produce(fd: int) -> int:
        write_all(fd, content)
        return len(content)

    return send_stream(restic, produce, name=MANIFEST_FILE, host=host, tags=tags)


__all__ = ["Sent", "TreeOnItsWay", "begin_tree", "send_manifest", "send_stream"]
