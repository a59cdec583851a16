"""Brings files of a snapshot here: those that are asked for, into a private open directory.

restic looks at each entry of a snapshot with each pattern, so many files are asked for by whole
directories where all in them is wanted, and the rest in several calls. It owns that choice, and the
way of a dump into a file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from core.archive.plan.fetched import Fetch
from core.archive.tree.selection import walk_key
from core.durable import translate
from core.errors import MALFORMED, RepositoryError
from core.events import Report
from core.repository.calls import WORK
from core.repository.patterns import patterns
from core.repository.restic import Restic
from core.repository.sending import list_file

MOST_PATTERNS: Final = 1000
"""Patterns of one call: with them, a tree of 109,000 entries takes two seconds to look through."""

Counts = Callable[[], Iterator[bytes]]
"""All member paths of the files in a snapshot, in the order of the walk."""


def grouped(wanted: Sequence[bytes], every: Iterator[bytes]) -> list[bytes]:
    """Return paths for which whole directories stand, where every file in them is wanted.

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
    """Return what brings files of a tree's snapshot, by their member paths."""

    def fetch(paths: list[bytes], directory: int) -> None:
        wanted = sorted(paths, key=walk_key)
        if len(wanted) > MOST_PATTERNS:
            wanted = grouped(wanted, every())
        relative = [path[len(prefix) :] for path in wanted]
        for at in range(0, len(relative), MOST_PATTERNS):
            fetch_paths(restic, snapshot, relative[at : at + MOST_PATTERNS], directory, report)

    return fetch


def fetch_paths(
    restic: Restic, snapshot: str, paths: Sequence[bytes], directory: int, report: Report
) -> None:
    """Restore these paths of a snapshot into an open directory; those it lacks are no error."""
    wanted = patterns(b"/" + path for path in paths)
    with list_file(wanted.content) as includes:
        words: list[bytes | str] = [b"--include=" + one for one in wanted.words]
        if wanted.content:
            words.append(f"--include-file=/dev/fd/{includes}")
        _run(restic, snapshot, words, directory, report, pass_fds=(includes,))


def fetch_all(restic: Restic, snapshot: str, directory: int, report: Report) -> None:
    """Restore a whole snapshot into an open directory; what is there stays as it is."""
    _run(restic, snapshot, [], directory, report)


def _run(
    restic: Restic,
    snapshot: str,
    words: Sequence[bytes | str],
    directory: int,
    report: Report,
    *,
    pass_fds: tuple[int, ...] = (),
) -> None:
    call = restic.call(
        ["restore", "--no-lock", "--target=.", "--overwrite=never", *words, "--", snapshot],
        limits=restic.first(WORK),
        cwd=f"/proc/self/fd/{directory}",
        pass_fds=(*pass_fds, directory),
    )
    last = (-1, -1)
    for line in call.lines():
        row = _row(line)
        done = _number(row, "bytes_restored"), _number(row, "files_restored")
        if done > last:
            last = done
            call.progressed()
            report(*done, "")
    call.check()


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except MALFORMED:
        return {}
    return row if isinstance(row, dict) else {}


def _number(row: dict[str, Any], name: str) -> int:
    value = row.get(name, -1)
    return value if isinstance(value, int) else -1


def fetch_file(
    restic: Restic, snapshot: str, path: str, fd: int, *, size: int, report: Report
) -> None:
    """Write one file of a snapshot to a descriptor, whole. Raises RepositoryError if it is not.

    `size` is what it has; more is not taken.
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
