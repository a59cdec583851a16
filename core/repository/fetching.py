"""Fetches chosen files of a snapshot into a private open directory.

restic looks at each entry of a snapshot with each pattern, so many files are asked for by whole
directories where all in them is wanted, and in several calls. It owns that choice, and the
way of a dump into a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

from core.archive.plan.fetched import Fetch
from core.archive.tree.selection import walk_key
from core.durable import translate
from core.errors import RepositoryError
from core.events import Report
from core.repository.calls import WORK, Call, json_row
from core.repository.patterns import patterns
from core.repository.restic import Restic
from core.repository.sending import list_file
from core.repository.sets import PartManifest

MOST_PATTERNS: Final = 1000
"""Paths beyond which whole directories are asked for where all in them is wanted."""
_OF_CALL: Final = 400
"""Patterns of one call. restic tries each with each entry, so 800 in one call take 3.5 s of a
processor, and 2.8 s in two that can run at a time."""
_AT_ONCE: Final = 2

Counts = Callable[[], Iterator[bytes]]
"""All member paths of the files in a snapshot, in the order of the walk."""


def grouped(wanted: Sequence[bytes], every: Iterator[bytes]) -> list[bytes]:
    """Return paths with whole directories in place of their files, where all of these are wanted.

    Both are in the order of the walk. At the top a directory is always named, never everything.
    """
    asked = set(wanted)
    lacking: set[bytes] = set()
    for path in every:
        if path not in asked:
            above = path.rpartition(b"/")[0]
            while above and above not in lacking:
                lacking.add(above)
                above = above.rpartition(b"/")[0]
    chosen: dict[bytes, None] = {}
    for path in wanted:
        parts = path.split(b"/")
        for depth in range(1, len(parts)):
            above = b"/".join(parts[:depth])
            if above not in lacking:
                chosen[above] = None
                break
        else:
            chosen[path] = None
    return list(chosen)


def fetcher(restic: Restic, snapshot: str, prefix: bytes, every: Counts, report: Report) -> Fetch:
    """Return the fetch of files of a tree's snapshot, by their member paths."""

    def fetch(paths: list[bytes], make: Callable[[], int]) -> None:
        wanted = sorted(paths, key=walk_key)
        if len(wanted) > MOST_PATTERNS:
            wanted = grouped(wanted, every())
        relative = [path[len(prefix) :] for path in wanted]
        fetch_paths(restic, snapshot, relative, make, report)

    return fetch


def fetch_paths(
    restic: Restic,
    snapshot: str,
    paths: Sequence[bytes],
    make: Callable[[], int],
    report: Report,
) -> None:
    """Restore these paths of a snapshot into open directories; those it lacks are no error.

    Neighbours go into one call, two calls run at a time, and `make` gives each a directory.
    """
    calls = -(-len(paths) // _OF_CALL)
    of_call = -(-len(paths) // calls) if calls else 0
    waiting = [paths[at : at + of_call] for at in range(0, len(paths), of_call or 1)]
    done = (0, 0)
    while waiting:
        now, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        with ExitStack() as stack:
            running = [_started(restic, snapshot, one, make(), stack) for one in now]
            for call in running:
                done = _followed(call, report, done)


def _started(
    restic: Restic, snapshot: str, paths: Sequence[bytes], directory: int, stack: ExitStack
) -> Call:
    wanted = patterns(b"/" + path for path in paths)
    words: list[bytes | str] = [b"--include=" + one for one in wanted.words]
    pass_fds: tuple[int, ...] = ()
    if wanted.content:
        includes = stack.enter_context(list_file(wanted.content))
        words.append(f"--include-file=/dev/fd/{includes}")
        pass_fds = (includes,)
    call = _restore(restic, snapshot, words, directory, pass_fds)
    stack.callback(call.end)
    return call


def fetch_all(restic: Restic, part: PartManifest, directory: int, report: Report) -> None:
    """Restore the whole snapshot of a part into an open directory; existing entries stay.

    Raises RepositoryError for one with more content than its manifest says.
    """
    call, most = _restore(restic, part.snapshot, [], directory, ()), part.facts.size_bytes

    def bounded(done_bytes: int, items: int, current: str) -> None:
        if done_bytes > most:
            raise RepositoryError("The snapshot holds more than the manifest of its set says.")
        report(done_bytes, items, current)

    _followed(call, bounded, (0, 0))


def _restore(
    restic: Restic,
    snapshot: str,
    words: Sequence[bytes | str],
    directory: int,
    pass_fds: tuple[int, ...],
) -> Call:
    return restic.call(
        ["restore", "--no-lock", "--target=.", "--overwrite=never", *words, "--", snapshot],
        limits=restic.first(WORK),
        cwd=f"/proc/self/fd/{directory}",
        pass_fds=(*pass_fds, directory),
    )


def _followed(call: Call, report: Report, before: tuple[int, int]) -> tuple[int, int]:
    """Follow a restore to its end; return the bytes and files done, those `before` included."""
    last = (-1, -1)
    call.waited()
    for line in call.lines():
        row = json_row(line)
        done = _number(row, "bytes_restored"), _number(row, "files_restored")
        if done > last:
            last = done
            call.progressed()
            report(before[0] + max(0, done[0]), before[1] + max(0, done[1]), "")
    call.check()
    return before[0] + max(0, last[0]), before[1] + max(0, last[1])


def _number(row: dict[str, Any], name: str) -> int:
    value = row.get(name, -1)
    return value if isinstance(value, int) else -1


def fetch_file(
    restic: Restic, snapshot: str, path: str, fd: int, *, size: int, report: Report
) -> None:
    """Write one file of a snapshot to a descriptor, whole. Raises RepositoryError if it is not.

    `size` is its expected size; more is not taken.
    """
    call = restic.call(("dump", "--no-lock", snapshot, path), limits=restic.first(WORK), stdout=fd)
    done = 0
    try:
        for _ in call.lines(ticks=True):
            now = os.fstat(fd).st_size
            if now != done:
                done = now
                call.progressed()
                report(done, 0, "")
            if done > size:
                call.end()
                raise RepositoryError(f"{path} of the repository is larger than its manifest says.")
        call.check()
        found = os.fstat(fd).st_size
    except OSError as error:
        raise translate(error, f"fetching {path}") from error
    if found != size:
        raise RepositoryError(f"{path} came with {found} bytes of {size}: it is not whole.")
