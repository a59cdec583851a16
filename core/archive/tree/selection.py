"""The contents of an archive: the part of the store, the exclusions, and the order.

It owns Magento's ignore lists (matched here as whole path components; Magento's substring match
loses `.gitignore` and `pub/static.php`), and the one walk that the writer and the comparison share:
directory by directory, names sorted as bytes, a directory before its entries. An archive of ours is
in that order, so it can be compared with the live tree in one pass and without remembering names.
It knows nothing of tar.
"""

from __future__ import annotations

import bisect
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from core.account import open_via_helper
from core.archive.tree.open_directories import OpenDirectories
from core.archive.tree.patterns import Chosen, Test, below_any, resolve
from core.durable import translate
from core.errors import StoreUnreadable
from core.events import Kind
from core.magento.trusted_paths import followed

OWN_PREFIX: Final = b".magerewind"
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long

# Paths that Magento's Setup/BackupRollback.php leaves out of a code backup besides media, static,
# var.
IGNORED_IN_CODE: Final = (b"update", b"node_modules", b".grunt", b".idea", b".svn", b".git")


def walk_key(path: bytes) -> bytes:
    """Return a sort key in the order of our walk: a directory before its entries, as bytes."""
    return path.replace(b"/", b"\0")


class StoreLayout(Protocol):
    """The needed places of a store: absolute paths, text with surrogate escapes."""

    @property
    def root(self) -> str:
        """The directory of the store."""

    @property
    def media(self) -> str:
        """Its `pub/media`."""

    @property
    def media_target(self) -> str:
        """Where `pub/media` really is."""

    @property
    def static(self) -> str:
        """Its `pub/static`."""

    @property
    def var(self) -> str:
        """Its `var`."""


class Selection(Struct, frozen=True, kw_only=True):
    """A part of a store.

    `root` is the directory that is walked, `prefix` the part before its paths in the archive
    (`b""` or `b"pub/media/"`). `ignored` are member paths (without a trailing slash) that are left
    out with all below them, `exclude` the patterns (groups resolved) that leave out more.
    `state` is `var/.magerewind`: where plans and stages go when they can. With `only`, nothing
    but that path and everything below it is meant: a media directory that is missing has no root of
    its own, and is looked for from the store's. An `additive` selection loses nothing: live
    entries that an archive has not stay. With `chosen` (patterns, groups resolved), nothing but the
    matching paths and everything below them is meant; directories above them are passed through.
    """

    kind: Kind
    root: bytes
    prefix: bytes = b""
    ignored: frozenset[bytes] = frozenset()
    exclude: tuple[str, ...] = ()
    only: bytes = b""
    additive: bool = False
    chosen: tuple[str, ...] = ()
    state: bytes

    def is_above(self, path: bytes) -> bool:
        """Tell whether a path leads to `only`, and is no more than the way there."""
        return self.only.startswith(path + b"/")

    def leading(self) -> Test | None:
        """Return the test whether a path is only above the chosen ones; None: nothing is chosen."""
        return Chosen(self.chosen).leads if self.chosen else None

    def left_out(self) -> Callable[[bytes], bool]:
        """Return the test whether a member path is left out, itself or by a directory above it."""
        left_out = self.ignores()
        if not self.chosen:
            return left_out
        chosen = Chosen(self.chosen)
        return lambda path: not chosen.reaches(path) or left_out(path)

    def ignores(self) -> Callable[[bytes], bool]:
        """Return a test for member paths that are always excluded, whatever is chosen."""
        if self.only and not self.exclude:
            return self._outside
        match = below_any(self.ignored, self.exclude)
        if match is None:
            return lambda path: OWN_PREFIX in path and _is_own(path)
        return lambda path: match(path) or (OWN_PREFIX in path and _is_own(path))

    def _outside(self, path: bytes) -> bool:
        inside = path == self.only or path.startswith(self.only + b"/") or self.is_above(path)
        return not inside or (OWN_PREFIX in path and _is_own(path))


class Status(NamedTuple):
    """The used fields of an `os.stat_result`, under its names, for one from elsewhere."""

    st_mode: int
    st_ino: int
    st_dev: int
    st_nlink: int
    st_uid: int
    st_gid: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int


class Found(NamedTuple):
    """One live entry. Of a directory, `dir_fd` is its own descriptor and `name` is `b"."`.

    `content` is the part that `core.archive.plan.read_ahead_worker` has read already: all bytes of
    a file, or nothing, of a directory. With it `dir_fd` is not needed, and is none.
    """

    path: bytes  # as a member of the archive: prefix included, no trailing slash
    name: bytes
    dir_fd: int
    status: os.stat_result | Status
    content: bytes | None = None


_FILE, _DIRECTORY, _OTHER = range(3)
_Listed = list[tuple[bytes, int]]  # names and which of these each is, sorted
Problem = Callable[[bytes, OSError], None]
"""Called with a member path that vanished or cannot be read; may raise."""


def _kind_of(entry: os.DirEntry[str]) -> int:
    return _DIRECTORY if entry.is_dir(follow_symlinks=False) else _OTHER


def _has_own(listed: _Listed) -> bool:
    at = bisect.bisect_left(listed, (OWN_PREFIX, 0))
    return at < len(listed) and listed[at][0].startswith(OWN_PREFIX)


def _is_own(path: bytes) -> bool:
    return path.startswith(OWN_PREFIX) or b"/" + OWN_PREFIX in path


def _below(root: bytes, path: str) -> bytes | None:
    """Return `path` as a member path, or None when it is not below the root."""
    raw = os.fsencode(path)
    return raw[len(root) + 1 :] if raw.startswith(root + b"/") else None


def code_selection(store: StoreLayout, *, exclude: Sequence[str] = ()) -> Selection:
    """Return the code: the whole root except media, static, var and what Magento ignores."""
    root = os.fsencode(store.root)
    moved = (_below(root, path) for path in (store.media, store.static, store.var))
    ignored = {b"pub/media", b"pub/static", b"var", *IGNORED_IN_CODE}
    return Selection(
        kind=Kind.CODE,
        root=root,
        ignored=frozenset(ignored | {path for path in moved if path}),
        exclude=resolve(exclude),
        state=os.path.join(os.fsencode(store.var), OWN_PREFIX),
    )


def media_selection(store: StoreLayout, *, exclude: Sequence[str] = ()) -> Selection:
    """Return the media directory, followed where it is itself a link.

    Raises StoreUnreadable for a link without a target (a file system that is not mounted must
    not be taken for an empty directory) and for one to an entry that the store's owner does not
    own.
    """
    root = os.fsencode(store.root)
    state = os.path.join(os.fsencode(store.var), OWN_PREFIX)
    target = followed(store.root, store.media)
    if target is None:
        if os.path.lexists(store.media):
            raise StoreUnreadable(
                f"{store.media} leads to {store.media_target}, which is no directory.",
                hint="Mount it, or remove what is in its place.",
            )
        media = _below(root, store.media) or b"pub/media"
        return Selection(kind=Kind.MEDIA, root=root, only=media, state=state)
    return Selection(
        kind=Kind.MEDIA,
        root=os.fsencode(target),
        prefix=(_below(root, store.media) or b"pub/media") + b"/",
        exclude=resolve(exclude),
        state=state,
    )


def _lister(
    selection: Selection,
    skipped: Callable[[bytes], None] | None,
    mine: Callable[[bytes], bool] | None,
) -> Callable[[int, bytes], Iterator[tuple[bytes, int]]]:
    """Return the function that lists an open directory: sorted names, without those left out."""
    left_out, encoding = selection.ignores(), sys.getfilesystemencoding()
    chosen_paths = Chosen(selection.chosen) if selection.chosen else None
    # Most directories hold nothing that is left out, and need no test of each name.
    every = bool(selection.exclude or selection.only)
    above_ignored = {path[: path.rfind(b"/") + 1] for path in selection.ignored}
    shared = selection.prefix.count(b"/") + SHARED_DEPTH

    def chosen(listed: _Listed, prefix: bytes) -> Iterator[tuple[bytes, int]]:
        # At the time of the walk: `skipped` is told of them after the directory that they are in,
        # but perhaps before files that precede them there.
        for one in listed:
            if not left_out(prefix + one[0]):
                yield one
            elif skipped is not None:
                skipped(prefix + one[0])

    def inside(fd: int, prefix: bytes) -> Iterator[tuple[bytes, int]]:
        with os.scandir(fd) as entries:
            listed = [
                (
                    one.name.encode(encoding, "surrogateescape"),
                    _FILE if one.is_file(follow_symlinks=False) else _kind_of(one),
                )
                for one in entries
            ]
        listed.sort()
        if mine is not None and prefix.count(b"/") == shared:
            listed = [one for one in listed if mine(one[0])]
        if chosen_paths is not None and not chosen_paths.holds(prefix[:-1]):
            reaches = {True: chosen_paths.reaches, False: chosen_paths.holds}
            listed = [one for one in listed if reaches[one[1] == _DIRECTORY](prefix + one[0])]
        if every or prefix in above_ignored or _has_own(listed):
            return chosen(listed, prefix)
        return iter(listed)

    return inside


def _by_kind(
    listed: Iterator[tuple[bytes, int]],
) -> Iterator[list[bytes] | tuple[bytes] | bytes]:
    """Yield names in their order: files in lists, directories alone, the rest in tuples of one."""
    names: list[bytes] = []
    for name, kind in listed:
        if kind == _FILE:
            names.append(name)
            continue
        if names:
            yield names
            names = []
        yield name if kind == _DIRECTORY else (name,)
    if names:
        yield names


SHARED_DEPTH: Final = 2
"""The depth below the root where the shares of several processes begin: `vendor/magento/…`."""

Run = tuple[bytes, int, list[bytes] | tuple[bytes] | None]
"""A directory's member path (empty or with a slash at its end), its descriptor, and names in it
that follow one another in archive order: a list of files, or a tuple of one that is neither file
nor directory. Without names: the directory itself, which comes before its entries."""


def runs(
    selection: Selection,
    *,
    problem: Problem,
    skipped: Callable[[bytes], None] | None = None,
    mine: Callable[[bytes], bool] | None = None,
) -> Iterator[Run]:
    """Yield the names of a selection in archive order; links are entries, never followed.

    Nothing is looked at but directories, which are crossed into other file systems, as Magento
    does; a descriptor is good until the next run. Entries that are left out are only given to
    `skipped`. A failure goes to `problem`; a directory that cannot be read is not yielded. `mine`
    chooses by name among entries `SHARED_DEPTH` directories deep.
    """
    inside = _lister(selection, skipped, mine)
    with OpenDirectories(selection.root) as open_directories:
        ways: list[tuple[Iterator[list[bytes] | tuple[bytes] | bytes], bytes]] = []
        try:
            ways.append((_by_kind(inside(open_directories.fd, selection.prefix)), selection.prefix))
        except OSError as error:
            problem(selection.prefix.rstrip(b"/"), error)
        while ways:
            listed, prefix = ways[-1]
            for name in listed:
                if not isinstance(name, bytes):
                    yield prefix, open_directories.fd, name
                    continue
                path = prefix + name
                below = path + b"/"
                depth = open_directories.depth
                try:
                    open_directories.push(name)
                    ways.append((_by_kind(inside(open_directories.fd, below)), below))
                except OSError as error:
                    problem(path, error)
                    if open_directories.depth > depth:
                        open_directories.pop()
                    continue
                yield below, open_directories.fd, None
                break
            else:
                ways.pop()
                if ways:
                    open_directories.pop()


def walk(
    selection: Selection,
    *,
    problem: Problem,
    skipped: Callable[[bytes], None] | None = None,
) -> Iterator[Found]:
    """Yield every live entry of a selection in archive order, as `runs` does, with its status."""
    for prefix, fd, names in runs(selection, problem=problem, skipped=skipped):
        if names is None:
            yield _new(Found, (prefix[:-1], b".", fd, os.fstat(fd), None))
            continue
        for name in names:
            try:
                status = open_via_helper.lstat(name, fd)
            except OSError as error:
                problem(prefix + name, error)
                continue
            if stat.S_ISDIR(status.st_mode):  # since it was listed
                problem(prefix + name, FileNotFoundError(errno.ENOENT, "replaced by a directory"))
                continue
            yield _new(Found, (prefix + name, name, fd, status, None))


def unreadable(path: bytes, error: OSError) -> StoreUnreadable | Exception:
    """Return the error for an entry that cannot be read."""
    name = os.fsdecode(path)
    if isinstance(error, PermissionError):
        return StoreUnreadable(
            f"Not enough permissions to read {name}.",
            hint="Mend its owner or mode, or leave it out: --exclude",
        )
    return translate(error, f"reading {name}")
