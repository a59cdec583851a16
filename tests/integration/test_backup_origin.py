"""Backups of another store, by their manifests: named, asked for, and without its env.php."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.backups.names import manifest_name
from core.events import Kind
from core.operations.backup_origin import differences
from tests.integration.commands import instead, magerewind, names_of
from tests.long import some
from tests.oracles import tree_entries


@contextlib.contextmanager
def of_another_store(shop, **fields):
    """Have the manifests of the shop's backups say that they are of another store."""
    with contextlib.ExitStack() as stack:
        for kind in Kind:
            path = Path(shop.store.backups) / manifest_name(shop.request.file_of(kind))
            row = json.loads(path.read_bytes())
            stack.enter_context(instead(path, json.dumps({**row, **fields}).encode()))
        yield


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("host", "production", "host production"),
        ("root", "/srv/production", "root /srv/production"),
        ("database", "production", "database production"),
    ],
)
@pytest.mark.parametrize("how", some(["--yes", "--json"], "--yes"))
def test_a_backup_of_another_store_needs_a_word_of_its_own(how, field, value, message, shop):
    words = ["setup:rollback", *names_of(shop.request), "--yes", *([how] if how != "--yes" else [])]
    index = Path(shop.root) / "pub/index.php"
    with of_another_store(shop, **{field: value}), instead(index, b"<?php // changed"):
        before = tree_entries(shop.root)
        said = magerewind(shop, *words, code=1)
        assert tree_entries(shop.root) == before
    assert message in said.out + said.err
    assert "--from-elsewhere confirms" in said.out + said.err
    assert not shop.closed()


def test_the_question_says_so(shop):
    with of_another_store(shop, host="production"):
        said = magerewind(shop, "setup:rollback", *names_of(shop.request), "--dry-run", code=0)
    assert "THESE BACKUPS ARE OF ANOTHER STORE:" in said.err
    assert "host production" in said.err


@pytest.mark.parametrize("replace", some([False, True], True))
def test_the_present_configuration_stays_unless_it_is_asked_for(replace, shop):
    env_php = Path(shop.root) / "app/etc/env.php"
    was = env_php.read_bytes()
    words = ["setup:rollback", *names_of(shop.request), "--yes", "--from-elsewhere"]
    words += ["--replace-env"] if replace else []
    with of_another_store(shop, host="production"), instead(env_php, was + b"// of staging\n"):
        said = magerewind(shop, *words, code=0)
        assert (env_php.read_bytes() == was) is replace
    assert "The base URLs are those of the other store" in said.err + said.out
    magerewind(shop, "job:discard", "--yes", code=0)


@pytest.mark.parametrize(
    ("root", "same"),
    [
        ("/srv/shop/releases/7", True),
        ("/srv/shop/releases/8", True),
        ("/srv/other/releases/7", False),
        ("/srv/shop/current", False),
    ],
)
def test_releases_of_one_store_are_one_store(root, same):
    store = SimpleNamespace(root="/srv/shop/releases/7")
    manifest = SimpleNamespace(host="web", root=root, database=None)
    backup = SimpleNamespace(manifest=manifest, name=SimpleNamespace(text="1_db.sql"))
    found = differences(store, "web", "shop", {Kind.CODE: backup})
    assert found == ({} if same else {"1_db.sql": (f"root {root}",)})
