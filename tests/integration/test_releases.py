"""Releases that share `var`, with a link that chooses one: which is meant, and one that is gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.integration.commands import magerewind
from tests.long import some
from tests.oracles import schema_entries
from tests.shop import Shop


@pytest.fixture
def deployed(server, tmp_path_factory):
    """Two releases of a shop; the first one was backed up, and `current` leads to it."""
    place = tmp_path_factory.mktemp("deployed")
    schema = f"releases_{place.name}"
    shop = Shop.make(place / "store", server, schema)
    first, second = place / "releases/1", place / "releases/2"
    first.parent.mkdir()
    (place / "shared").mkdir()
    (place / "store").rename(first)
    for name in ("var", "app/etc/env.php"):
        shared = place / "shared" / os.path.basename(name)
        (first / name).rename(shared)
        (first / name).symlink_to(os.path.relpath(shared, (first / name).parent))
    shutil.copytree(first, second, symlinks=True)
    shop.root = str(first)
    current = place / "current"
    current.symlink_to("releases/1")

    def choose(number):
        current.unlink()
        current.symlink_to(f"releases/{number}")

    yield SimpleNamespace(
        shop=shop, first=first, second=second, current=str(current), choose=choose
    )
    server.run(f"DROP DATABASE `{schema}`")


def rolled_back(deployed, kinds):
    """Back up and roll back at the first release; return the rollback's words."""
    shop = deployed.shop
    words = [f"--{kind}" for kind in kinds]
    said = magerewind(shop, "setup:backup", *words, cwd=deployed.current, code=0)
    names = [line.split(": ")[1].split()[0] for line in said.lines if " filename: " in line]
    (deployed.first / "pub/index.php").write_bytes(b"<?php // changed")
    shop.server.run("UPDATE core_config_data SET value = 'changed' LIMIT 1", schema=shop.schema)
    files = [f"--{kind}-file={name}" for kind, name in zip(kinds, names, strict=True)]
    magerewind(shop, "setup:rollback", *files, "--yes", "--no-flush", cwd=deployed.current, code=0)
    return said, files


def test_an_env_php_that_is_a_link_is_named(deployed):
    said = magerewind(deployed.shop, "setup:backup", "--code", "--dry-run", code=0)
    shared = deployed.first.parent.parent / "shared/env.php"
    assert f"app/etc/env.php is a link, and not in the backup: {shared}" in said.err
    said = magerewind(deployed.shop, "setup:backup", "--code", "--json", code=0)
    assert any(row.get("code") == "env-linked" for row in said.objects)


@pytest.mark.long
def test_the_undo_of_another_release_is_done_there(deployed):
    rolled_back(deployed, ("code", "db"))
    index = deployed.first / "pub/index.php"
    assert index.read_bytes() != b"<?php // changed"
    deployed.choose(2)
    said = magerewind(deployed.shop, "job:undo", "--yes", cwd=deployed.current, code=1)
    assert said.problem == [
        f"The rollback was of {deployed.first}, and this store is {deployed.second}.",
        f"magerewind job:undo --root {deployed.first} undoes it there.",
    ]
    magerewind(deployed.shop, "job:undo", "--yes", "--root", str(deployed.first), code=0)
    assert index.read_bytes() == b"<?php // changed"


@pytest.mark.parametrize("dry", some([True, False], False))
@pytest.mark.long
def test_the_database_is_undone_without_the_release(dry, deployed):
    shop = deployed.shop
    rolled_back(deployed, ("code", "db"))
    after = schema_entries(shop.server, shop.schema)
    deployed.choose(2)
    shutil.rmtree(deployed.first)
    words = ["job:undo", "--dry-run" if dry else "--yes"]
    said = magerewind(shop, *words, cwd=deployed.current, code=0)
    gone = f"The rollback was of {deployed.first}, which is gone: its files cannot be put back"
    assert f"Warning: {gone}, only the database is." in said.err
    assert (schema_entries(shop.server, shop.schema) == after) is dry
    if dry:
        return
    jobs = magerewind(shop, "job:list", "--json", cwd=deployed.current, code=0).objects
    assert [job["undo_kept"] for job in jobs] == [True, False, False]
    state = deployed.first.parent.parent / "shared/var/.magerewind"
    assert not [name for name in os.listdir(state) if name.startswith(("aside", "stage"))]
    magerewind(shop, "job:undo", "--yes", cwd=deployed.current, code=0)
    assert schema_entries(shop.server, shop.schema) == after
    assert "undo is left" not in said.err


@pytest.mark.parametrize("what", some(["undo", "discard"], "undo"))
def test_files_of_a_release_that_is_gone(what, deployed):
    rolled_back(deployed, ("code",))
    deployed.choose(2)
    shutil.rmtree(deployed.first)
    said = magerewind(deployed.shop, f"job:{what}", "--yes", cwd=deployed.current)
    if what == "undo":
        assert said.code == 1
        gone = f"The rollback was of {deployed.first}, which is gone: its files cannot be put back."
        assert said.problem[0] == gone
    else:
        assert said.code == 0, said
        state = deployed.first.parent.parent / "shared/var/.magerewind"
        assert not [name for name in os.listdir(state) if name.startswith(("aside", "stage"))]


def test_a_rollback_names_the_release_that_it_acts_on(deployed):
    _, files = rolled_back(deployed, ("code", "db"))
    deployed.choose(2)
    said = magerewind(
        deployed.shop, "setup:rollback", *files, "--dry-run", cwd=deployed.current, code=0
    )
    assert f"Rolled back is {deployed.second}; a backup is of {deployed.first}." in said.err
    assert Path(deployed.second).is_dir()
