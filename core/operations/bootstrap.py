"""Lays the files of a set down in an empty directory, by restic alone.

No store is there yet, and so no job, no lock and no undo: nothing that is there is ever replaced.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from msgspec import Struct

from core.durable import translate, way_hint
from core.errors import StorageError, UsageError
from core.events import Kind, Report
from core.repository.fetching import fetch_all
from core.repository.restic import Restic
from core.repository.sets import SetManifest

_KEPT = ("app", "etc", "env.php")


class Laid(Struct, frozen=True, kw_only=True):
    """The written files of one kind. `left_out`: entries of other types, which were removed."""

    kind: Kind
    path: str
    files: int
    bytes: int
    left_out: int = 0


@contextmanager
def open_target(root: str, *, keep_env: bool) -> Iterator[int]:
    """Give the descriptor of an empty directory, made where it is missing.

    With `keep_env` it may hold app/etc/env.php, and must. Raises UsageError for any other content.
    """
    try:
        os.makedirs(root, mode=0o755, exist_ok=True)
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        failed = translate(error, f"opening {root}")
        raise type(failed)(failed.message, hint=failed.hint or way_hint(root)) from error
    try:
        _refuse_content(fd, root, keep_env=keep_env)
        yield fd
    finally:
        os.close(fd)


def _refuse_content(fd: int, root: str, *, keep_env: bool) -> None:
    found = sorted(
        os.path.normpath(os.path.join(above, name))
        for above, _, names, _ in os.fwalk(".", dir_fd=fd)
        for name in names
    )
    kept = os.path.join(*_KEPT)
    if keep_env and found == [kept]:
        return
    if keep_env:
        raise UsageError(f"--keep-env: {root} has to hold {kept}, and nothing else.")
    if found or os.listdir(fd):
        raise UsageError(
            f"{root} is not empty.",
            hint="A store that is there is put back by setup:rollback --set ... --from ...",
        )


def lay_down(restic: Restic, manifest: SetManifest, target: int, report: Report) -> Iterator[Laid]:
    """Restore code and media of a set into an open directory, one after the other."""
    for kind in (Kind.CODE, Kind.MEDIA):
        part = manifest.parts.get(kind)
        if part is None:
            continue
        below = os.fsdecode(part.prefix).strip("/")
        fd = _below(target, below)
        try:
            os.fchmod(fd, 0o700)  # no other account may reach the entries changed below
            fetch_all(restic, part, fd, report)
            left_out = _only_ordinary(fd)
            os.fchmod(fd, part.mode)
            _give(target, fd)
        except OSError as error:
            raise translate(error, f"laying {kind} down") from error
        finally:
            os.close(fd)
        yield Laid(
            kind=kind,
            path=below or ".",
            files=part.facts.members or 0,
            bytes=part.facts.size_bytes,
            left_out=left_out,
        )


def _only_ordinary(top: int) -> int:
    """Leave nothing but files, directories and links below, no file with another's rights.

    As in a rollback, where a listing is read so. Returns how many entries were removed.
    """
    removed = 0
    for _, names, files, fd in os.fwalk(".", dir_fd=top):
        for name in (*names, *files):
            mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
            if stat.S_IFMT(mode) not in {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}:
                os.unlink(name, dir_fd=fd)
                removed += 1
            elif stat.S_ISREG(mode) and mode & 0o4000:
                os.chmod(name, mode & 0o3777, dir_fd=fd)
    return removed


def open_configuration(target: int) -> int:
    """Return a descriptor of app/etc in a directory, whose way there are no links.

    Raises StorageError.
    """
    fd = os.dup(target)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    for name in _KEPT[:-1]:
        try:
            inner = os.open(name, flags, dir_fd=fd)
        except OSError as error:
            raise translate(error, "opening the app/etc that was laid down") from error
        finally:
            os.close(fd)
        fd = inner
    return fd


def _give(target: int, fd: int) -> None:
    """As root, give a directory that we made to the owner of the store's configuration."""
    if os.geteuid() != 0:
        return
    with suppress(FileNotFoundError):
        status = os.stat("app/etc", dir_fd=target, follow_symlinks=False)
        os.fchown(fd, status.st_uid, status.st_gid)


def make_var(target: int) -> None:
    """Make the `var` that no backup holds, for its owner and, but for root, its group."""
    try:
        with suppress(FileExistsError):
            os.mkdir("var", 0o700, dir_fd=target)
        fd = os.open("var", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=target)
        try:
            _give(target, fd)
            os.fchmod(fd, 0o770 if os.fstat(fd).st_uid else 0o755)
        finally:
            os.close(fd)
    except OSError as error:
        raise translate(error, "making var") from error


def _below(target: int, path: str) -> int:
    """Return a descriptor of a directory below another, made where it is missing, no link."""
    fd = os.dup(target)
    for name in filter(None, path.split("/")):
        if name in {".", ".."}:
            os.close(fd)
            raise StorageError("The manifest of the set leads out of the store.")
        try:
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=fd)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(name, flags, dir_fd=fd)
        except OSError as error:
            raise translate(error, f"making {path}") from error
        finally:
            os.close(fd)
        fd = inner
    return fd
