"""A store of deploy and www-data comes back exactly where root runs it, and as said where not."""

from __future__ import annotations

import os

import pytest
from security.accounts import as_root
from security.two_owners import damage, differences, make_two_owners, tree_of

pytestmark = as_root


@pytest.fixture
def root(place):
    """The root of such a store."""
    root = os.path.join(place, "store")
    make_two_owners(root)
    return root


def names_of(installation, root, **account):
    """Back up code and media; return the words of a rollback to them."""
    said = installation.run(
        "setup:backup", "--code", "--media", "--json", root=root, code=0, **account
    )
    made = {row["kind"]: row["file_name"] for row in said.rows if row["type"] == "BackupCompleted"}
    return (f"--code-file={made['code']}", f"--media-file={made['media']}")


def test_root_restores_everything_exactly(installation, root):
    before = tree_of(root)
    names = names_of(installation, root)
    assert not differences(before, tree_of(root))
    damage(root)
    damaged = tree_of(root)
    installation.run("setup:rollback", *names, "--yes", root=root, code=0)
    assert not differences(before, tree_of(root))
    installation.run("job:undo", "--yes", root=root, code=0)
    assert not differences(damaged, tree_of(root))
    installation.run("job:undo", "--yes", root=root, code=0)
    assert not differences(before, tree_of(root))
    installation.run("job:discard", "--yes", root=root, code=0)
    assert not differences(before, tree_of(root))
    assert not [name for name in os.listdir(f"{root}/var/.magerewind") if "-code" in name]
