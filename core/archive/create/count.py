"""Counts a selection, and finds entries that this account cannot read, without reading contents.

It runs before every backup, while an administrator waits; a child process counts a part of a large
tree.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import zlib
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct, field

from core.account.client import keeper
from core.account.open_via_helper import is_readable, lstat
from core.archive.tree.open_directories import is_gone
from core.archive.tree.selection import SHARED_DEPTH, Run, Selection, runs
from core.archive.workers import child
from core.events import Report, no_report

_REPORT_EVERY: Final = 1024
_FORMAT: Final = 0o170000
_HIDES_A_DIRECTORY: Final = b".htaccess"


class Measured(Struct, frozen=True, kw_only=True):
    """The size of a selection, and its unreadable entries."""

    files: int
    directories: int
    links: int
    bytes: int
    members: int
    unreadable: tuple[str, ...] = ()
    special: tuple[str, ...] = ()  # sockets, fifos and devices: skipped by a backup
    outside: tuple[str, ...] = ()  # links: their targets are no part of the selection


def leads_out(selection: Selection) -> Callable[[bytes, bytes], bool]:
    """Return the test whether a link (its path, its target) leads out of a selection.

    By the words of the target alone: the target of today may be another one at a rollback.
    """
    left_out, prefix = selection.left_out(), selection.prefix

    def test(path: bytes, target: bytes) -> bool:
        if target.startswith(b"/"):
            inside = os.path.relpath(target, selection.root)
        else:
            here = os.path.dirname(path.removeprefix(prefix))
            inside = os.path.normpath(os.path.join(here, target))
        return inside == b".." or inside.startswith(b"../") or left_out(prefix + inside)

    return test


def holds_files(selection: Selection) -> bool:
    """Tell whether there is anything but directories and the files that hide them from the web."""

    def problem(_path: bytes, _error: OSError) -> None:
        """Go on: `measure` names an unreadable directory."""

    for _prefix, _fd, names in runs(selection, problem=problem):
        if names is not None and any(name != _HIDES_A_DIRECTORY for name in names):
            return True
    return False


def _readable(name: bytes, fd: int, wanted: int) -> bool:
    return os.access(name, wanted, dir_fd=fd, effective_ids=True) or is_readable(name, fd)


def _target(name: bytes, fd: int) -> bytes:
    try:
        return os.readlink(name, dir_fd=fd)
    except OSError:  # it is gone since
        return b""


class _Count(Struct):
    """The counts so far; plain values, which go through a pipe as they are."""

    files: int = 0
    directories: int = 0
    links: int = 0
    size: int = 0  # bytes of files with one name
    unreadable: list[bytes] = field(default_factory=list)
    special: list[bytes] = field(default_factory=list)
    outside: list[bytes] = field(default_factory=list)
    # Files with several names are written once, whichever part of the tree they are met in.
    linked: dict[tuple[int, int], int] = field(default_factory=dict)

    def take(self, run: Run, euid: int, leads_out: Callable[[bytes, bytes], bool]) -> None:
        """Count the entries of a run."""
        prefix, fd, names = run
        if names is None:
            self.directories += 1
            # A directory opened through another account is read the same way.
            if euid and keeper() is None and not _readable(b".", fd, os.R_OK | os.X_OK):
                self.unreadable.append(prefix[:-1])
            return
        for name in names:
            try:
                status = lstat(name, fd)
            except OSError as error:
                self.problem(prefix + name, error)
                continue
            mode = status.st_mode
            if (
                mode & _FORMAT == stat.S_IFREG
                and status.st_nlink == 1
                and (not euid or (status.st_uid == euid and mode & 0o400))
            ):  # nearly all are so
                self.files += 1
                self.size += status.st_size
            else:
                self._take(prefix + name, name, fd, status)
                if stat.S_ISLNK(mode) and leads_out(prefix + name, _target(name, fd)):
                    self.outside.append(prefix + name)

    def _take(self, path: bytes, name: bytes, fd: int, status: os.stat_result) -> None:
        mode = status.st_mode
        if stat.S_ISLNK(mode):
            self.links += 1
        elif stat.S_ISREG(mode):
            self.files += 1
            if status.st_nlink == 1:
                self.size += status.st_size
            else:
                self.linked[(status.st_dev, status.st_ino)] = status.st_size
            if not _readable(name, fd, os.R_OK):
                self.unreadable.append(path)
        elif not stat.S_ISDIR(mode):  # which it would have become since it was listed
            self.special.append(path)

    def problem(self, path: bytes, error: OSError) -> None:
        """Count an entry whose status cannot be read."""
        if not is_gone(error):
            self.unreadable.append(path)

    def values(self) -> tuple[Any, ...]:
        """Return all of it as plain values."""
        return (
            self.files, self.directories, self.links, self.size, self.unreadable, self.special,
            self.outside, self.linked,
        )  # fmt: skip

    def add(self, other: _Count) -> None:
        """Add the counts of another process."""
        self.files += other.files
        self.directories += other.directories
        self.links += other.links
        self.size += other.size
        self.unreadable += other.unreadable
        self.special += other.special
        self.outside += other.outside
        self.linked |= other.linked

    def measured(self) -> Measured:
        """Return the sums."""
        return Measured(
            files=self.files,
            directories=self.directories,
            links=self.links,
            bytes=self.size + sum(self.linked.values()),
            members=self.files + self.directories + self.links,
            unreadable=tuple(os.fsdecode(path) for path in sorted(self.unreadable)),
            special=tuple(os.fsdecode(path) for path in sorted(self.special)),
            outside=tuple(os.fsdecode(path) for path in sorted(self.outside)),
        )


def _count(
    selection: Selection, *, report: Report, mine: Callable[[bytes], bool] | None = None
) -> _Count:
    count, euid, outside, next_report = _Count(), os.geteuid(), leads_out(selection), 0
    for run in runs(selection, problem=count.problem, mine=mine):
        count.take(run, euid, outside)
        entries = count.files + count.directories
        if entries >= next_report:
            next_report = entries + _REPORT_EVERY
            report(count.size, entries, os.fsdecode(run[0].rstrip(b"/")))
    return count


# Of eight parts: a child has to start first, but then it reports no progress.
_CHILDS: Final = 4


def _is_childs(name: bytes) -> bool:
    return zlib.crc32(name) & 7 < _CHILDS


def _is_mine(name: bytes) -> bool:
    return not _is_childs(name)


def _childs_share(selection: Selection) -> _Count:
    """Count the child's share only: entries above the shares belong to the other process."""
    count, euid, outside = _Count(), os.geteuid(), leads_out(selection)
    least = selection.prefix.count(b"/") + SHARED_DEPTH

    def problem(path: bytes, error: OSError) -> None:
        if path.count(b"/") >= least:
            count.problem(path, error)

    for run in runs(selection, problem=problem, mine=_is_childs):
        prefix, _, names = run
        if prefix.count(b"/") >= least + (names is None):
            count.take(run, euid, outside)
    return count


def measure(selection: Selection, *, report: Report = no_report) -> Measured:
    """Count a selection without reading it; name the entries that the account cannot read.

    `report` gets bytes and entries so far.
    """
    worker = None
    if child.is_worthwhile(selection):
        with contextlib.suppress(OSError):
            worker = child.start(__name__, selection)
    if worker is None:
        return _count(selection, report=report).measured()
    try:
        count = _count(selection, report=report, mine=_is_mine)
        try:
            assert worker.stdout is not None  # noqa: S101 - for the type checker
            answer = _Count(*child.receive(worker.stdout))
        except (EOFError, ValueError, TypeError):
            answer = _childs_share(selection)  # it was killed
        if answer.unreadable and keeper() is not None:
            answer = _childs_share(selection)  # this process may read more than the child
    finally:
        child.stop(worker)
    count.add(answer)
    return count.measured()


def main() -> None:
    """Be the child."""
    selection, _ = child.told()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(child.framed(_childs_share(selection).values()))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing to clean up, and a closed pipe is no error
