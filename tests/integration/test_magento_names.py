"""Backups of the code under the name that Magento's own commands list and take."""

from __future__ import annotations

import os

import pytest

from core.backups.place import open_backups
from core.events import Kind
from core.operations.backup_steps import free_timestamp
from tests.integration.commands import magerewind
from tests.oracles import tree_entries


def test_a_backup_with_magentos_names_is_as_any_other(shop):
    said = magerewind(shop, "setup:backup", "--code", "--media", "--names=magento", code=0)
    names = [line.split(": ")[1].split()[0] for line in said.lines if " filename: " in line]
    code, media = names
    timestamp = code.partition("_")[0]
    assert names == [f"{timestamp}_filesystem_code.tgz", f"{timestamp}_filesystem_media.tgz"]
    rows = magerewind(shop, "info:backups:list", "--json", code=0).objects
    assert [(row["file_name"], row["kind"], row["health"]) for row in rows[:2]] == [
        (code, "code", "verified"),
        (media, "media", "verified"),
    ]
    verified = magerewind(shop, "info:backups:verify", code, code=0)
    assert f"{code} is sound, as its manifest says" in verified.err + verified.out
    before = tree_entries(shop.root)
    shop.damage()
    assert tree_entries(shop.root) != before
    magerewind(shop, "setup:rollback", "-c", code, "-m", media, "--yes", "--no-flush", code=0)
    assert tree_entries(shop.root) == before
    magerewind(shop, "info:backups:delete", *names, "--yes", code=0)
    left = os.listdir(shop.store.backups)
    assert not [name for name in left if timestamp in name]


@pytest.mark.parametrize("taken", ["{}_filesystem.tgz", ".{}_filesystem_code.tgz.partial"])
def test_no_timestamp_is_used_under_both_names(taken, shop):
    path = os.path.join(shop.store.backups, taken.format(1600000000))
    with open(path, "x"):
        pass
    try:
        with open_backups(shop.store.backups) as backups:
            assert free_timestamp(backups, (Kind.CODE,), 1600000000) == 1600000001
    finally:
        os.unlink(path)
