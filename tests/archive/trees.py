"""Trees to archive, and the oracle that says whether two of them are the same."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import stat
from pathlib import Path

from msgspec import Struct

from core.archive.create.write_archive import ArchiveSummary, write_archive
from core.archive.plan.plan_files import plan_files
from core.archive.plan.summary import FilePlan
from core.archive.tree.open_directories import OpenDirectories
from core.archive.tree.selection import Selection, code_selection

EntryState = tuple[object, ...]


class Layout(Struct, frozen=True, kw_only=True):
    """A store as the archives see it."""

    root: str
    media: str
    media_target: str
    static: str
    var: str

    @property
    def code(self) -> Selection:
        return code_selection(self)

    @property
    def state(self) -> str:
        return self.var + "/.magerewind"


def layout(root: Path) -> Layout:
    """Return the layout of a root, with the directories that every store has."""
    path = os.path.realpath(root)
    os.makedirs(f"{path}/var", exist_ok=True)
    os.makedirs(f"{path}/var/.magerewind", mode=0o700, exist_ok=True)
    os.makedirs(f"{path}/pub/media", exist_ok=True)
    media = f"{path}/pub/media"
    return Layout(
        root=path,
        media=media,
        media_target=os.path.realpath(media),
        static=f"{path}/pub/static",
        var=f"{path}/var",
    )


def tree_hash(root: str | bytes) -> dict[bytes, EntryState]:
    """Return path -> (type, mode, size, sha256 or link target); our own places are left out."""
    found: dict[bytes, EntryState] = {}
    with OpenDirectories(os.fsencode(root)) as open_directories:
        ways: list[tuple[list[bytes], bytes]] = [(_names(open_directories.fd), b"")]
        while ways:
            names, prefix = ways[-1]
            if not names:
                ways.pop()
                if ways:
                    open_directories.pop()
                continue
            name = names.pop()
            if name.startswith(b".magerewind"):
                continue
            status = os.lstat(name, dir_fd=open_directories.fd)
            found[prefix + name] = _look(name, open_directories.fd, status)
            if stat.S_ISDIR(status.st_mode):
                open_directories.push(name)
                ways.append((_names(open_directories.fd), prefix + name + b"/"))
    return found


def _names(fd: int) -> list[bytes]:
    return [os.fsencode(name) for name in os.listdir(fd)]


def _look(name: bytes, fd: int, status: os.stat_result) -> EntryState:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return ("link", os.readlink(name, dir_fd=fd))
    if stat.S_ISREG(mode):
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=fd)
        digest = hashlib.sha256()
        while piece := os.read(opened, 1 << 20):
            digest.update(piece)
        os.close(opened)
        return ("file", oct(mode & 0o7777), status.st_size, digest.hexdigest())
    return ("directory" if stat.S_ISDIR(mode) else "special", oct(mode & 0o7777))


def covered(root: str | bytes) -> dict[bytes, EntryState]:
    """Return the tree hash of the entries of a code backup."""
    ignored = (b"pub/media", b"pub/static", b"var", b"node_modules", b".git", b"update")
    return {
        path: look
        for path, look in tree_hash(root).items()
        if not any(path == one or path.startswith(one + b"/") for one in ignored)
        and look[0] != "special"
    }


NAMES = (
    b"plain.php", b"with space", b"a$b&c'd\"e", "ünïcödé.txt".encode(), b"not-utf8-\xff\xfe",
    b"new\nline", b"esc\x1b]0;x\x07", b"-rf", b".hidden", b"l" * 200, b"back\\slash", b"*", b"?",
)  # fmt: skip


def make_tree(root: bytes, rng: random.Random, *, entries: int = 120) -> None:
    """Fill a directory with files, links and directories of awkward names, modes and sizes."""
    os.makedirs(root, exist_ok=True)
    directories = [root]
    for number in range(entries):
        parent = rng.choice(directories)
        path = parent + b"/" + rng.choice(NAMES) + b"%d" % number
        kind = rng.random()
        if kind < 0.2 and len(path) < 2500:
            os.mkdir(path, 0o700)
            directories.append(path)
        elif kind < 0.3:
            target = rng.choice([b"nowhere", b"../x", b"/etc/hostname", b"t" * 150, b"plain.php0"])
            os.symlink(target, path)
        else:
            size = rng.choice([0, 1, 511, 512, 513, 4096, 70_000])
            put(path, rng.randbytes(size), mode=rng.choice([0o644, 0o600, 0o755, 0o444, 0o660]))
            os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number))
    for directory in directories[1:]:
        os.chmod(directory, rng.choice([0o755, 0o700, 0o2775, 0o1777, 0o775]))


def put(path: bytes | str, content: bytes = b"x", *, mode: int = 0o644) -> None:
    """Write a file in place."""
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def write(selection: Selection, path: Path | str, *, level: int | None = None) -> ArchiveSummary:
    """Write an archive to a file."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return write_archive(selection, fd, level=level)
    finally:
        os.close(fd)


def children_now() -> set[str]:
    """Return the processes that this one has started and not ended."""
    path = f"/proc/self/task/{os.getpid()}/children"
    with open(path, encoding="ascii") as file:
        return set(file.read().split())


def plan(
    archive: Path | str, shop: Layout, summary: ArchiveSummary | None = None, name: str = "plan"
) -> FilePlan:
    """Plan a rollback of the code."""
    return plan_files(
        str(archive),
        shop.code,
        f"{shop.state}/{name}",
        sha256=None if summary is None else summary.sha256,
        members=None if summary is None else summary.members,
    )


def damage(root: str, rng: random.Random, times: int = 25) -> None:
    """Change, add, remove, retype and chmod at random."""
    for number in range(times):
        base = os.fsencode(root)
        paths = covered(base).keys() - {b"pub"}
        path = base + b"/" + rng.choice(sorted(paths or {b"none"}))
        if not os.path.lexists(path):
            continue
        is_directory = stat.S_ISDIR(os.lstat(path).st_mode)
        what = rng.randrange(6)
        if what == 0 and not is_directory:
            os.unlink(path)
        elif what == 1 and is_directory:
            make_tree(path + b"/new%d" % number, rng, entries=6)
        elif what == 2 and path.count(b"/") > base.count(b"/") + 1:
            shutil.rmtree(path) if is_directory else os.unlink(path)
            put(path, b"now a file") if is_directory else os.mkdir(path)
        elif what == 3 and not os.path.islink(path):
            os.chmod(path, rng.choice([0o700, 0o755]) if is_directory else 0o640)
        elif what == 4 and not is_directory:
            os.unlink(path)
            os.symlink(b"elsewhere", path)
        elif not is_directory and not os.path.islink(path):
            os.chmod(path, 0o600)
            put(path, rng.randbytes(rng.randrange(900)))
