"""The headless command on a sample shop, as another process, and as another account."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.said import Said

ORDINARY = 54321  # an account that no machine knows by name
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("MAGENTO_DC_") and name != "MAGE_RUN_CODE"
}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


def magerewind(shop, *words, environ=None, uid=None, stdin="", cwd=None, code=None):
    """Run a command in a shop; with `uid` as that account, which only root can."""
    account = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    done = subprocess.run(
        [getattr(shop, "python", sys.executable), "-I", "-m", "core", *words],
        cwd=cwd or shop.root,
        input=stdin,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=120,
        env={**CLEAN, **(environ or {})},
        check=False,
        **account,
    )
    said = Said(done.returncode, done.stdout, done.stderr)
    if code is not None:
        assert said.code == code, said
    return said


@pytest.fixture(scope="module")
def readable(shop, installation):
    """Run the shop's commands from an installation that other accounts can read."""
    shop.python = installation.python
    Path(shop.server.socket).parent.chmod(0o711)


@pytest.fixture(scope="module")
def ordinary(shop, readable):
    """Give the shop to an ordinary account; its commands run as that account."""
    give(shop, ORDINARY)
    return ORDINARY


def give(shop, uid):
    """Give every file of a shop to an account."""
    for directory, names, files in os.walk(shop.root):
        for name in (".", *names, *files):
            os.lchown(os.path.join(directory, name), uid, uid)


def foreign(shop, uid, *below):
    """Return the entries below these directories of a shop that belong to another account."""
    found = []
    for top in below:
        for directory, names, files in os.walk(os.path.join(shop.root, top)):
            for name in (".", *names, *files):
                path = os.path.normpath(os.path.join(directory, name))
                status = os.lstat(path)
                if (status.st_uid, status.st_gid) != (uid, uid):
                    found.append(os.path.relpath(path, shop.root))
    return sorted(set(found))


@contextlib.contextmanager
def instead(path, content):
    """Have a file hold something else, or be missing (None), for a while."""
    path = Path(path)
    was, status = path.read_bytes(), path.stat()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield path
    finally:
        path.write_bytes(was)
        path.chmod(status.st_mode)
        if os.geteuid() == 0:
            os.chown(path, status.st_uid, status.st_gid)


def names_of(request):
    """Return the options of a rollback request."""
    return [
        word
        for kind in request.kinds
        for word in (f"--{kind}-file", request.file_of(kind))
    ]  # fmt: skip


def untouched(shop, before):
    """A refused command has closed, changed and left nothing."""
    assert not shop.closed()
    assert shop.leftovers() == []
    assert sorted(os.listdir(shop.store.backups)) == before
