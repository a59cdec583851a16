"""The outline of a tree: excluded paths, names that are not UTF-8, and link targets, for restic.

A repository stores the tree itself instead of an archive of it. This module turns a selection into
the values that a copying program needs: each excluded path by name, and the facts that the listing
of that program lacks (names that are not UTF-8, targets of links, attributes of directories). It
does not depend on the program.
"""

from __future__ import annotations

import os
import stat

from msgspec import Struct, field
from msgspec.structs import replace

from core.account.open_via_helper import lstat, readlink
from core.archive.tree.open_directories import is_gone
from core.archive.tree.selection import Problem, Selection, runs, unreadable, walk, walk_key
from core.archive.tree.xattrs import read_attributes


class Outline(Struct, frozen=True, kw_only=True):
    """The outline of a selection.

    `left_out` are absolute paths: ignored and excluded entries, and those that are neither file,
    directory nor link. `odd` are the member paths that are no UTF-8, in the order of the walk,
    `links` the targets of links by member path, `attributes` the extended ones of directories.
    `entries` counts the selected ones.
    """

    left_out: tuple[bytes, ...]
    odd: tuple[bytes, ...]
    links: dict[bytes, bytes]
    entries: int
    attributes: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)

    def with_later(self, later: Outline) -> Outline:
        """Return it joined with a later outline of the same tree."""
        odd = sorted({*self.odd, *later.odd}, key=walk_key)
        return replace(
            self,
            odd=tuple(odd),
            links={**self.links, **later.links},
            attributes={**self.attributes, **later.attributes},
        )


def _is_odd(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return True
    return False


def _target(path: bytes, name: bytes, fd: int, problem: Problem) -> bytes | None:
    """Return the target of a link, None for any other entry."""
    try:
        return readlink(name, fd) if stat.S_ISLNK(lstat(name, fd).st_mode) else None
    except OSError as error:
        problem(path, error)
        return None


def outline(selection: Selection) -> Outline:
    """Walk a selection without looking at its files. Raises StoreUnreadable."""
    prefix, root = selection.prefix, selection.root
    left_out = {os.path.join(root, path) for path in selection.ignored}
    odd: list[bytes] = []
    links: dict[bytes, bytes] = {}
    attributes: dict[bytes, dict[bytes, bytes]] = {}
    entries = 0

    def absolute(path: bytes) -> bytes:
        return os.path.join(root, path[len(prefix) :])

    def problem(path: bytes, error: OSError) -> None:
        if not is_gone(error):
            raise unreadable(path, error) from error

    def skipped(path: bytes) -> None:
        left_out.add(absolute(path))

    for above, fd, names in runs(selection, problem=problem, skipped=skipped):
        paths = [above[:-1]] if names is None else [above + name for name in names]
        entries += len(paths)
        odd += [path for path in paths if not path.isascii() and _is_odd(path)]
        if names is None and (found := read_attributes(fd)):
            attributes[above[:-1]] = found
        if names is None or isinstance(names, list):
            continue
        for path, name in zip(paths, names, strict=True):  # neither file nor directory
            target = _target(path, name, fd, problem)
            if target is None:
                entries -= 1
                left_out.add(absolute(path))
            else:
                links[path] = target
    return Outline(
        left_out=tuple(sorted(left_out)),
        odd=tuple(odd),
        links=links,
        entries=entries,
        attributes=attributes,
    )


def changed_since(selection: Selection, since_s: float) -> tuple[str, ...]:
    """Return the entries that changed since a moment (unix seconds), by the time of their inodes.

    A removal shows as a change of the directory above.
    """
    since_ns = int(since_s * 1_000_000_000)
    found = [
        os.fsdecode(entry.path)
        for entry in walk(selection, problem=lambda _path, _error: None)
        if entry.status.st_ctime_ns >= since_ns
    ]
    return tuple(found)
