"""Parts of a store on file systems that are mounted read-only: named as that, to root as well."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.commands import magerewind
from tests.oracles import tree_entries
from tui.engine.store_engine import StoreEngine

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
PART = "vendor/magento"


@contextlib.contextmanager
def mounted(path, *, writable=False):
    """Mount a directory over itself, read-only or for writing."""
    mode = "rw" if writable else "ro"
    commands = (["mount", "--bind", path, path], ["mount", "-o", f"remount,bind,{mode}", path])
    if subprocess.run(commands[0], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount")
    try:
        subprocess.run(commands[1], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_code_that_is_mounted_read_only_can_be_backed_up(shop):
    message = "The code is on a read-only file system: it cannot be rolled back."
    root, var = shop.root, os.path.join(shop.root, "var")
    code, db = (f"--{kind}-file={shop.request.file_of(kind)}" for kind in ("code", "db"))
    (Path(root) / "pub/index.php").write_bytes(b"<?php // changed")
    with mounted(root), mounted(var, writable=True):
        said = magerewind(shop, "info:store", code=0)
        assert f"Warning: {message}\nMount it for writing first" in said.err
        view = StoreEngine(shop.store, read_only=False).store()
        assert message in view.concerns
        assert view.read_only is None
        done = magerewind(shop, "setup:backup", "--code", "--no-verify", code=0)
        magerewind(shop, "setup:rollback", db, "--yes", "--no-flush", "--whole", code=0)
        magerewind(shop, "job:discard", "--yes", code=0)
        before = tree_entries(root)
        said = magerewind(shop, "setup:rollback", code, "--yes", code=1)
        assert "not all files are writable" in said.err
        assert "pub (read-only file system)" in said.err
        assert "Mount it for writing first" in said.err
        assert tree_entries(root) == before
        assert not shop.closed()
    name = done.out.partition("filename: ")[2].split()[0]
    magerewind(shop, "info:backups:delete", name, "--yes", code=0)
    magerewind(shop, "setup:rollback", code, "--yes", "--no-flush", code=0)
    magerewind(shop, "job:discard", "--yes", code=0)


def test_a_part_that_is_mounted_read_only_is_named(shop):
    victim = next(path for path in sorted((Path(shop.root) / PART).rglob("*.php")))
    was, mode = victim.read_bytes(), victim.stat().st_mode
    code = f"--code-file={shop.request.code_file}"
    for spoil in (lambda: victim.write_bytes(b"<?php // changed"), lambda: victim.chmod(0o600)):
        spoil()
        with mounted(os.path.join(shop.root, PART)):
            said = magerewind(shop, "info:store", code=0)
            assert "On a read-only file system, where nothing can be rolled back:" in said.err
            assert f"\n  {PART}\n" in said.err
            said = magerewind(shop, "setup:rollback", code, "--dry-run", code=1)
            parent = os.path.relpath(victim.parent, shop.root)
            assert f"{parent} (read-only file system)" in said.err
            assert "lsattr" not in said.err
        victim.write_bytes(was)
        victim.chmod(mode)


def test_a_var_that_is_mounted_read_only_is_named(shop):
    var = os.path.join(shop.root, "var")
    code = f"--code-file={shop.request.code_file}"
    with mounted(var):
        for words in (
            ("setup:backup", "--code"),
            ("setup:rollback", code, "--yes"),
            ("info:store",),
        ):
            said = magerewind(shop, *words, code=1)
            assert f"{var} is on a read-only file system." in said.err.replace("/backups", "")
            assert "Mount it for writing first" in said.err
            assert "owner" not in said.err
        view = StoreEngine(shop.store, read_only=False).store()
        assert view.read_only == f"{var} is on a read-only file system"
