"""Backups without a manifest: the finding of a verification is remembered while it is true."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.commands import magerewind
from tests.long import some
from tui.engine.store_engine import StoreEngine


@pytest.fixture(params=["code", "db"])
def foreign(request, shop):
    """A copy of a backup, as if it were of elsewhere, and its name."""
    backups = Path(shop.store.backups)
    if request.param == "code":
        copy = backups / "1600000000_filesystem.tgz"
        subprocess.run(
            ["tar", "-C", shop.root, "-czf", copy, "app", "bin", "pub/index.php"], check=True
        )
    else:
        copy = backups / "1600000000_db.sql"
        shutil.copyfile(backups / shop.request.db_file, copy)
    yield copy
    copy.unlink(missing_ok=True)


def health(shop, copy):
    rows = magerewind(shop, "info:backups:list", "--json", code=0).objects
    return next(row["health"] for row in rows if row["file_name"] == copy.name)


def test_a_sound_one_says_so_until_it_is_another_file(shop, foreign):
    assert health(shop, foreign) == "unverified"
    magerewind(shop, "info:backups:verify", foreign.name, code=0)
    assert health(shop, foreign) == "sound"
    assert "sound, no manifest" in magerewind(shop, "info:backups:list", code=0).out
    views = StoreEngine(shop.store, read_only=True).backups()
    assert next(one.health for one in views.sets if one.timestamp == 1600000000) == "sound"
    content, times = foreign.read_bytes(), foreign.stat()
    foreign.write_bytes(content[:-1] + b"x")
    os.utime(foreign, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert health(shop, foreign) == "unverified"


def test_a_damaged_one_says_so(shop, foreign):
    foreign.write_bytes(foreign.read_bytes()[:-200])
    magerewind(shop, "info:backups:verify", foreign.name, code=1)
    assert health(shop, foreign) == "damaged"
    option = "-c" if foreign.name.endswith(".tgz") else "-d"
    said = magerewind(shop, "setup:rollback", option, foreign.name, "--yes", code=1)
    assert "is damaged" in said.err


def test_what_was_found_goes_with_the_backup(shop, foreign):
    magerewind(shop, "info:backups:verify", foreign.name, code=0)
    looks = Path(shop.store.state_directory) / "looks"
    assert os.listdir(looks) == [f"{foreign.name}.json"]
    magerewind(shop, "info:backups:delete", foreign.name, "--yes", code=0)
    assert os.listdir(looks) == []


@pytest.mark.parametrize("how", some(["open", "linked", "broken", "huge"], "linked", "broken"))
def test_only_what_is_ours_is_believed(how, shop, foreign, tmp_path):
    magerewind(shop, "info:backups:verify", foreign.name, code=0)
    look = Path(shop.store.state_directory) / "looks" / f"{foreign.name}.json"
    if how == "open":
        look.chmod(0o666)
    elif how == "linked":
        look.rename(tmp_path / "look")
        look.symlink_to(tmp_path / "look")
    else:
        look.write_bytes(b"[[" if how == "broken" else b" " * 100_000)
    assert health(shop, foreign) == "unverified"
    look.unlink()
