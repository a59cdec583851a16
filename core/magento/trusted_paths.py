"""Opens the targets of a store's paths, component by component, never through a stranger's link.

Releases share `env.php`, `var` and `pub/media` by link, so links are followed; but an account that
may write somewhere on the way could otherwise lead this process to any file that it may open. The
rules: a link belongs to root, to this account or to the store's owner; directories that are passed
after a link belong to one of these and are not writable for everybody, unless sticky; the target
of the link belongs to this account or to the store's owner. All checks are made on descriptors, and
the descriptor that was checked is the one that is used.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from msgspec import Struct, field

from core.errors import StoreUnreadable
from core.owned_files import account_name

_LINKS_LIMIT = 40
_LOOKS = 50
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NOTED = 4096
_EXCHANGED = frozenset({errno.ESTALE, errno.ELOOP})


class UntrustedPath(StoreUnreadable):
    """A path leads through, or to, an entry of an account that is not to be followed."""


class _Way(Struct):
    """A walk: its position, the components left, and the accounts it may follow."""

    path: str
    accounts: frozenset[int]
    here: int
    left: list[bytes]
    links: int = 0
    makers: set[int] = field(default_factory=set)  # of the links, without root and this account
    gone: list[bytes] = field(default_factory=list)  # components from `/`, for messages


def trusted_accounts(owner_uid: int) -> frozenset[int]:
    """Return whose links are followed besides root's, and to whose things they may lead."""
    return frozenset({owner_uid} if os.geteuid() == 0 else {os.geteuid(), owner_uid})


def open_owned(path: str, *, accounts: Collection[int], directory: bool = False) -> int:
    """Return a read descriptor of an absolute path; never blocks.

    Raises UntrustedPath where the rules of this module are broken, OSError for all else: ENOTDIR
    for no directory where one is wanted, EINVAL for an entry that is neither a file nor a
    directory.
    """
    for last in (False, False, True):
        start = os.open("/", _LOOK | os.O_DIRECTORY)
        way = _Way(path, frozenset(accounts), start, _components(os.fsencode(path)))
        try:
            return _walk(way, directory=directory)
        except OSError as error:  # a file that is replaced by a rename is there on the next look
            if last or error.errno not in _EXCHANGED:
                raise
        finally:
            os.close(way.here)
    raise AssertionError  # pragma: no cover - the last look returns or raises


def _components(raw: bytes) -> list[bytes]:
    return [name for name in raw.split(b"/") if name not in {b"", b"."}]


def _walk(way: _Way, *, directory: bool) -> int:
    while way.left:
        name = way.left.pop(0)
        if len(way.left) + len(way.gone) > _NOTED:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), way.path)
        if way.links and name != b"..":
            _check_passed(way)
        fd = os.open(name, _LOOK, dir_fd=way.here)
        try:
            status = os.fstat(fd)
            if stat.S_ISLNK(status.st_mode):
                _follow(way, fd, status)
                continue
            if (way.left or directory) and not stat.S_ISDIR(status.st_mode):
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), way.path)
            if not way.left:
                _check_end(way, status)
                return _open_again(way, name, status, directory=directory)
            way.here, fd = fd, way.here
            _note(way, name)
        finally:
            os.close(fd)
    status = os.fstat(way.here)  # the path is `/`, or ended in `..`
    _check_end(way, status)
    return os.open(".", _READ | os.O_DIRECTORY, dir_fd=way.here)


def _note(way: _Way, name: bytes) -> None:
    if name == b"..":
        del way.gone[-1:]
    else:
        way.gone.append(name)


def _follow(way: _Way, fd: int, status: os.stat_result) -> None:
    """Put the target of a link in place of its name."""
    if status.st_uid not in way.accounts | {0}:
        raise UntrustedPath(
            f"{way.path} leads through a link of {account_name(status.st_uid)}'s, "
            "which is not followed.",
            hint="The store's owner should make that link.",
        )
    way.makers |= {status.st_uid} - {0, os.geteuid()}
    way.links += 1
    if way.links > _LINKS_LIMIT:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), way.path)
    target = os.readlink(b"", dir_fd=fd)
    if target.startswith(b"/"):
        os.close(way.here)
        way.here = os.open("/", _LOOK | os.O_DIRECTORY)
        way.gone.clear()
    way.left[:0] = _components(target)


def _check_passed(way: _Way) -> None:
    """Refuse a directory behind a link in which a stranger could exchange the next component."""
    status = os.fstat(way.here)
    shown = os.fsdecode(b"/" + b"/".join(way.gone))
    if status.st_uid not in way.accounts | {0}:
        raise UntrustedPath(
            f"{way.path} leads through {shown}, which belongs to {account_name(status.st_uid)}.",
        )
    if status.st_mode & 0o002 and not status.st_mode & stat.S_ISVTX:
        raise UntrustedPath(f"{way.path} leads through {shown}, where everybody may write.")


def _check_end(way: _Way, status: os.stat_result) -> None:
    # Another account's link may lead to its own things only, not to entries that this account may
    # open.
    if way.links and status.st_uid not in (way.makers or way.accounts):
        raise UntrustedPath(
            f"{way.path} is a link to what belongs to {account_name(status.st_uid)}: "
            "only what the store's owner owns is followed.",
        )


def _open_again(way: _Way, name: bytes, seen: os.stat_result, *, directory: bool) -> int:
    """Open the entry seen before; another entry under its name is an error."""
    if not (stat.S_ISDIR(seen.st_mode) or stat.S_ISREG(seen.st_mode)):
        raise OSError(errno.EINVAL, "Not a plain file", way.path)
    fd = os.open(name, _READ | (os.O_DIRECTORY if directory else 0), dir_fd=way.here)
    status = os.fstat(fd)
    if (status.st_dev, status.st_ino) == (seen.st_dev, seen.st_ino):
        return fd
    os.close(fd)
    raise OSError(errno.ESTALE, "It was exchanged while it was being opened", way.path)


def followed(root: str, path: str) -> str | None:
    """Return where a directory of the store at `root` really is, None where there is none.

    Raises UntrustedPath where it leads to an entry that the store's owner does not own.
    """
    try:
        accounts = trusted_accounts(os.stat(root).st_uid)
        with opened(path, accounts=accounts, directory=True) as fd:
            return real_path(fd)
    except OSError:
        return None


def open_trusted_directory(path: str | bytes) -> int:
    """Return a descriptor of a directory that was found before: no stranger's link is on its way.

    Raises OSError and UntrustedPath.
    """
    whole = os.path.abspath(os.fsdecode(path))
    return open_owned(whole, accounts={os.geteuid()}, directory=True)


def resolved(path: str) -> str:
    """Return a path with its links resolved, as far as they lead anywhere.

    `os.path.realpath` fails where a link becomes a directory between its two looks. Others may
    exchange them all the time: then the path stays as it is.
    """
    for _ in range(_LOOKS):
        with suppress(OSError):
            return os.path.realpath(path)
    return path


def real_path(fd: int) -> str:
    """Return where an open file or directory is, as the kernel names it."""
    return os.readlink(f"/proc/self/fd/{fd}")


@contextmanager
def opened(path: str, *, accounts: Collection[int], directory: bool = False) -> Iterator[int]:
    """Open as `open_owned` does, for a while."""
    fd = open_owned(path, accounts=accounts, directory=directory)
    try:
        yield fd
    finally:
        os.close(fd)


def read_owned(path: str, *, accounts: Collection[int], limit: int) -> bytes:
    """Return the bytes of a plain file. Raises UntrustedPath; OSError: EFBIG above `limit`."""
    with opened(path, accounts=accounts) as fd:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Not a plain file", path)
        content = read_bounded(fd, limit)
        if len(content) > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return content


def read_bounded(fd: int, limit: int) -> bytes:
    """Return the bytes of a descriptor, at most one more than `limit`."""
    pieces: list[bytes] = []
    size = 0
    while size <= limit and (piece := os.read(fd, min(1 << 20, limit + 1 - size))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
