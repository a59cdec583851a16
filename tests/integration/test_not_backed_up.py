"""Media that no backup covers, and links that lead out: said before, in the plan and after."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from core.backups.catalog import find_any_backup
from tests.integration.commands import instead, magerewind, names_of
from tui.engine.store_engine import StoreEngine

REMOTE = "Media is kept in a remote storage (aws-s3), which no backup covers."
MISSING = "There is no pub/media: a backup of media holds nothing."
EMPTY = "There is no file in pub/media: a backup of media holds nothing."


@contextlib.contextmanager
def remote(shop):
    env_php = Path(shop.root) / "app/etc/env.php"
    setting = b"return ['remote_storage' => ['driver' => 'aws-s3', 'prefix' => 'p'],"
    text = env_php.read_bytes()
    start = next(word for word in (b"return [", b"return array(") if word in text)
    assert text.count(start) == 1
    with instead(env_php, text.replace(start, setting)):
        yield


@contextlib.contextmanager
def missing(shop):
    media, away = Path(shop.root) / "pub/media", Path(shop.root).parent / "media-away"
    media.rename(away)
    try:
        yield
    finally:
        if media.exists():
            shutil.rmtree(media)
        away.rename(media)


@contextlib.contextmanager
def empty(shop):
    with missing(shop):
        media = Path(shop.root) / "pub/media"
        (media / "catalog/product").mkdir(parents=True)
        (media / ".htaccess").write_text("Deny from all")
        (media / "catalog/.htaccess").write_text("Deny from all")
        yield


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (missing, MISSING),
        pytest.param(remote, REMOTE, marks=pytest.mark.long),
        pytest.param(empty, EMPTY, marks=pytest.mark.long),
    ],
)
def test_media_that_is_elsewhere_or_nowhere_is_said_everywhere(state, message, shop):
    with state(shop):
        assert message in magerewind(shop, "info:store", code=0).err
        facts = magerewind(shop, "info:store", "--json", code=0).objects[0]
        assert message in [finding["message"] for finding in facts["warnings"]]
        assert message in StoreEngine(shop.store, read_only=True).store().concerns
        planned = magerewind(shop, "setup:backup", "--media", "--dry-run", code=0)
        assert f"Warning: {message}" in planned.err
        said = magerewind(shop, "setup:backup", "--media", "--strict", code=1)
        assert f"Warning: {message}" in said.err
        assert "[SUCCESS]: Media backup completed successfully." in said.out
        name = said.out.partition("filename: ")[2].split()[0]
        manifest = find_any_backup(shop.store.backups, name).manifest
        assert message in [warned.message for warned in manifest.warnings]
        magerewind(shop, "info:backups:delete", name, "--yes", code=0)
        assert "media" not in magerewind(shop, "setup:backup", "--db", "--dry-run", code=0).err


def test_a_rollback_of_media_in_a_remote_storage_says_so(shop):
    words = names_of(shop.request)[2:4]
    with remote(shop):
        said = magerewind(shop, "setup:rollback", *words, "--dry-run", code=0)
    assert f"Warning: {REMOTE}" in said.err


@pytest.mark.parametrize("driver", ["'file'", "''", "null", "false", "[]"])
def test_a_storage_that_is_not_remote_is_none(driver, shop):
    env_php = Path(shop.root) / "app/etc/env.php"
    text = env_php.read_bytes()
    setting = f"return ['remote_storage' => ['driver' => {driver}],".encode()
    with instead(env_php, text.replace(b"return [", setting)):
        assert "remote storage" not in magerewind(shop, "info:store", code=0).err


def test_all_of_media_left_out_is_said(shop):
    words = ("setup:backup", "--media", "--dry-run", "--exclude", "pub/media/**")
    said = magerewind(shop, *words, code=0)
    assert "There is no file in pub/media that is not left out" in said.err


def test_links_that_lead_out_are_named(shop):
    root = Path(shop.root)
    leading = {
        "app/etc/shared.php": "/etc/hostname",
        "app/etc/above.php": "../../../shared.php",
        "app/etc/left.php": "../../var/left.php",
    }
    inside = {
        "app/etc/inside.php": "env.php",
        "app/etc/absolute.php": f"{root}/app/etc/env.php",
        "vendor/near": "../app/../lib",
    }
    media, elsewhere = root / "pub/media/elsewhere", root.parent / "elsewhere"
    elsewhere.mkdir()
    for path, target in {**leading, **inside}.items():
        (root / path).symlink_to(target)
    media.symlink_to(elsewhere)
    try:
        said = magerewind(shop, "setup:backup", "--code", "--media", "--dry-run", "--json", code=0)
        found = {
            finding["message"]: (finding["level"], finding["names"])
            for finding in said.objects[0]["findings"]
            if finding["code"] in {"links-outside", "media-linked"}
        }
        level, names = found["Code: Links that lead out; what is there is not in the backup:"]
        assert level == "note"
        assert set(leading) <= set(names)
        assert not set(inside) & set(names)
        told = "Linked from elsewhere, and not in a backup of media:"
        assert found[told] == ("warn", ["pub/media/elsewhere"])
        done = magerewind(shop, "setup:backup", "--media", "--no-verify", "--strict", code=1)
        assert f"Warning: {told}\n  pub/media/elsewhere\n" in done.err
    finally:
        for path in (*map(root.joinpath, (*leading, *inside)), media):
            path.unlink()
        elsewhere.rmdir()
    assert json.loads(said.lines[0])["type"] == "BackupPlan"
