"""An account of the store's group: it may look, but do nothing that locks the owner out."""

from __future__ import annotations

import os

import pytest

from tests.long import some
from tests.security.accounts import GROUP, OTHER, OWNER, as_root, give

pytestmark = as_root


def opened_to_group(root):
    """Let the group write everywhere, as Magento's guide has it, and keep no traces of jobs."""
    for directory, names, files in os.walk(root):
        for name in (".", *names, *files):
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode | 0o070)


@pytest.mark.parametrize(
    "words",
    [
        ("setup:backup", "--code"),
        ("setup:rollback", "-c", "1700000000_filesystem.tgz", "--yes"),
        ("info:backups:delete", "1700000000_filesystem.tgz", "--yes"),
        ("job:undo", "--yes"),
        ("job:recover",),
    ],
)
@pytest.mark.parametrize("there", some([False, True], True))
def test_what_a_member_of_the_group_may_not_start(words, there, store_of, installation):
    root = store_of(OWNER)
    if not there:
        os.rmdir(os.path.join(root, "var/backups"))
    opened_to_group(root)
    before = sorted(os.walk(os.path.join(root, "var")))
    said = installation.run(*words, root=root, uid=OTHER, gid=GROUP, code=1)
    assert f"The store belongs to {OWNER}, who could not reach what a job of {OTHER}" in said.err
    assert f"Run it as {OWNER}, the owner of the store, or as root." in said.err
    assert sorted(os.walk(os.path.join(root, "var"))) == before
    looked = installation.run("info:store", root=root, uid=OTHER, gid=GROUP, code=1)
    assert f"The store belongs to {OWNER}" in looked.err
    installation.run("info:backups:list", root=root, uid=OTHER, gid=GROUP, code=0)


def test_the_owner_is_not_locked_out(store_of, installation):
    root = store_of(OWNER)
    opened_to_group(root)
    installation.run("setup:backup", "--code", root=root, uid=OTHER, gid=GROUP, code=1)
    installation.run("setup:backup", "--code", root=root, uid=OWNER, gid=GROUP, code=0)


def test_a_member_whose_jobs_are_there_goes_on(store_of, installation):
    root = store_of(OTHER)
    installation.run("setup:backup", "--code", root=root, uid=OTHER, gid=GROUP, code=0)
    give(root, OWNER, GROUP)
    opened_to_group(root)
    for directory, names, files in os.walk(os.path.join(root, "var")):
        for name in (".", *names, *files):
            os.chown(os.path.join(directory, name), OTHER, GROUP)
            os.chmod(os.path.join(directory, name), 0o700 if name in (".", *names) else 0o600)
    installation.run("setup:backup", "--code", root=root, uid=OTHER, gid=GROUP, code=0)
