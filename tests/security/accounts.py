"""Commands as root and as other accounts, on stores that belong to somebody else.

Programs of other accounts must be readable for them. Where the interpreter or the checkout is not
(below root's own directory, say), its files are linked into a directory that is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.said import Said

CHECKOUT = Path(__file__).resolve().parents[2]
OWNER = 4711  # an account that no machine knows by name
GROUP = 33  # www-data's on Debian
WEB = 33  # www-data
OTHER = 4712
LIMIT_S = 120  # for a command: none of them may hang

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


class Installation:
    """The package and an interpreter that every account can read."""

    def __init__(self, python):
        self.python = str(python)

    def command(self, *words):
        """Return the command line of a headless command."""
        return [self.python, "-I", "-m", "core", *words]

    def application(self, *words):
        """Return the command line of the application."""
        return [self.python, "-I", "-m", "tui", *words]

    def run(self, *words, root=None, uid=None, gid=None, groups=(), code=None, **more):
        """Run a headless command to its end, as root or as `uid`; `code` is expected."""
        done = self.program(
            self.command(*words), root=root, uid=uid, gid=gid, groups=groups, **more
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in said.err, said
        assert "unexpected error" not in said.err, said
        if code is not None:
            assert said.code == code, said
        return said

    def program(
        self, command, *, root=None, uid=None, gid=None, groups=(), environ=None, stdin="", **more
    ):
        """Run any program as root, or as `uid`, in the store."""
        cwd = more.pop("cwd", None)
        account = {} if uid is None else {"user": uid, "group": gid or uid, "extra_groups": groups}
        return subprocess.run(
            command,
            cwd=cwd or root or "/",
            input=stdin,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=LIMIT_S,
            env=clean() if environ is None else environ,
            check=False,
            **account,
            **more,
        )


def clean(**more):
    """Return an environment without variables that configure a store."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAGENTO_DC_", "MAGE_", "SUDO_"))
    } | more


def open_to_all(path):
    """Return whether every account can reach and read the entry at `path`."""
    path = Path(path)
    if not path.stat().st_mode & 0o004:
        return False
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents)[path.is_file() :])


def _linked(source, target, *, leave_out=()):
    """Give every account the files of a directory, without copying them where that is possible."""

    def link(one, other):
        try:
            os.link(one, other)
        except OSError:
            shutil.copy2(one, other)
            os.chmod(other, os.stat(other).st_mode | 0o044)

    shutil.copytree(
        source,
        target,
        symlinks=True,
        copy_function=link,
        ignore=shutil.ignore_patterns(*leave_out) if leave_out else None,
    )
    return Path(target)


def make_installation(place):
    """Return an installation for all accounts; its missing parts are made in `place`."""
    packages = Path(pytest.__file__).resolve().parents[1]
    python = os.path.realpath(sys.executable)
    if open_to_all(python) and open_to_all(packages) and open_to_all(CHECKOUT / "core"):
        return Installation(sys.executable)
    base = Path(sys.base_prefix)
    if not open_to_all(python):
        target = Path(place) / "base"
        shared = [name for name in os.listdir(base / "lib") if name.startswith("libpython")]
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        (target / "bin").mkdir(parents=True)
        (target / "lib").mkdir()
        for name in (f"bin/{os.path.basename(python)}", *(f"lib/{name}" for name in shared)):
            shutil.copy2(base / name, target / name, follow_symlinks=False)
        _look_for_libraries_beside(target / "bin" / os.path.basename(python), base / "lib")
        _linked(
            base / "lib" / version,
            target / "lib" / version,
            leave_out=("test", "idlelib", "site-packages", "config-*", "lib2to3", "tkinter"),
        )
        python = target / "bin" / os.path.basename(python)
    if not open_to_all(packages):
        packages = _linked(packages, Path(place) / "packages")
    checkout = CHECKOUT
    if not open_to_all(CHECKOUT / "core"):
        checkout = Path(place) / "checkout"
        for name in ("core", "tui"):
            _linked(CHECKOUT / name, checkout / name)
    return Installation(_environment(Path(place) / "venv", python, (packages, checkout)))


def _look_for_libraries_beside(program, directory):
    """Have a program load its libraries from ../lib, instead of a directory that is closed."""
    closed, beside = os.fsencode(directory), b"$ORIGIN/../lib"
    if len(closed) >= len(beside):
        content = program.read_bytes()
        program.write_bytes(content.replace(closed + b"\0", beside.ljust(len(closed) + 1, b"\0")))


def _environment(venv, python, paths):
    """Make a virtual environment of an interpreter that finds packages in `paths`."""
    site = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    site.mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin/python").symlink_to(python)
    (venv / "pyvenv.cfg").write_text(f"home = {Path(python).parent}\n")
    (site / "all.pth").write_text("".join(f"{path}\n" for path in paths))
    return venv / "bin/python"


def give(top, uid, gid, *, only=()):
    """Give everything below a directory, or only these names in it, to an account and a group."""
    for start in [os.path.join(top, name) for name in only] or [str(top)]:
        _chown(start, uid, gid)
        for directory, names, files in os.walk(start):
            for name in (*names, *files):
                _chown(os.path.join(directory, name), uid, gid)


def _chown(path, uid, gid):
    mode = os.lstat(path).st_mode
    os.lchown(path, uid, gid)
    if not os.path.islink(path):
        os.chmod(path, mode & 0o7777)  # chown takes set-id bits away


def not_of(top, uid, gid=None):
    """Return entries below a directory (itself too) of another account, or another group."""
    found = []
    for directory, names, files in os.walk(top):
        for name in (".", *names, *files):
            path = os.path.normpath(os.path.join(directory, name))
            status = os.lstat(path)
            if status.st_uid != uid or (gid is not None and status.st_gid != gid):
                found.append(os.path.relpath(path, top))
    return sorted(set(found))


def look_of(top):
    """Return owner, group, mode, kind and content of everything below a directory."""
    look = {}
    for directory, names, files in os.walk(top):
        for name in (".", *names, *files):
            path = os.path.normpath(os.path.join(directory, name))
            status = os.lstat(path)
            content = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif name in files and status.st_mode & 0o170000 == 0o100000:
                content = Path(path).read_bytes()
            look[os.path.relpath(path, top)] = (
                status.st_uid, status.st_gid, status.st_mode, content,
            )  # fmt: skip
    return look


class Victim:
    """A directory of root's outside of every store, which nothing may touch."""

    def __init__(self, place):
        self.path = os.path.join(place, "victim")
        os.mkdir(self.path, 0o700)
        self.file = os.path.join(self.path, "file")
        Path(self.file).write_text("of root's\n")
        os.chmod(self.file, 0o600)
        self._look = look_of(self.path)

    def check(self):
        """Fail unless everything is as it was."""
        assert look_of(self.path) == self._look


def status_of(pid):
    """Return the fields of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@contextlib.contextmanager
def running(command, *, root, **more):
    """Start a program in a store; end it afterwards."""
    with subprocess.Popen(command, cwd=root, **more) as child:
        try:
            yield child
        finally:
            child.kill()
