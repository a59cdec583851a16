"""A store of deploy and www-data comes back exactly where root runs it, and as said where not."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.security.accounts import GROUP, OWNER, WEB, as_root
from tests.security.two_owners import damage, differences, make_two_owners, tree_of

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


def said_of(said):
    """Return the paths that a plan has named as not restorable."""
    findings = next(row for row in said.rows if row["type"] == "RollbackPlan")["findings"]
    return [
        name.partition(":")[0]
        for finding in findings
        if finding["code"] == "unrestorable"
        for name in finding["names"]
    ]


@pytest.mark.long
def test_the_owner_alone_changes_exactly_what_its_plan_has_said(installation, root):
    """The owner restores a backup of root's as far as it can, and reports how far."""
    names = names_of(installation, root)
    before = tree_of(root)
    owner = {"uid": OWNER, "gid": GROUP}
    shared = f"{root}/generated/shared"
    for name in ("of-web.php", "of-owner.php"):
        with open(f"{shared}/{name}", "w", encoding="utf-8") as file:
            file.write("damaged")
    os.remove(f"{root}/generated/link.php")
    for name in ("own/secret.php", "own/deep/deeper.php"):
        os.chmod(f"{root}/generated/{name}", 0o644)  # else it could not even look
    os.chmod(f"{root}/generated/own/secret.php", 0o600)
    code = names[0]
    said = installation.run("setup:rollback", code, "--dry-run", "--json", root=root, **owner)
    assert said.code == 1  # closed to it, and root is named
    assert "generated/closed" in said.err
    # Without the unreadable entries, it can do the rest.
    exclude = ("--exclude", "generated/own", "--exclude", "generated/closed")
    made = installation.run("setup:backup", "--code", "--json", *exclude, root=root, code=0)
    code = next(row["file_name"] for row in made.rows if row["type"] == "BackupCompleted")
    before = tree_of(root)
    for name in ("of-web.php", "of-owner.php"):
        with open(f"{shared}/{name}", "w", encoding="utf-8") as file:
            file.write("damaged once more")
    words = ("setup:rollback", f"--code-file={code}")
    planned = installation.run(*words, "--dry-run", "--json", root=root, code=0, **owner)
    shown = installation.run(*words, "--dry-run", root=root, code=0, **owner)
    assert "1 file of www-data becomes 4711's." in shown.out + shown.err
    assert "Exactly: --as root" in shown.out + shown.err
    installation.run(*words, "--yes", root=root, code=0, **owner)
    assert sorted(differences(before, tree_of(root))) == sorted(said_of(planned))


@pytest.mark.long
def test_what_root_has_set_aside_is_nothing_that_its_owner_begins_to_move(installation, root):
    """Also of an older version, whose root had no keeper and gave files away itself."""
    before = tree_of(root)
    names = names_of(installation, root)
    damage(root)
    damaged = tree_of(root)
    installation.run("setup:rollback", *names, "--yes", root=root, code=0)
    owner = {"uid": OWNER, "gid": GROUP}
    for words in (("job:undo", "--dry-run"), ("job:undo", "--yes"), ("job:discard", "--yes")):
        said = installation.run(*words, root=root, code=1, **owner)
        assert "as root" in said.err
        assert not differences(before, tree_of(root))
    installation.run("job:undo", "--yes", root=root, code=0)
    assert not differences(damaged, tree_of(root))
    installation.run("job:discard", "--yes", root=root, code=0)
    kept = {"jobs", "lock", "clock.json"}
    assert set(os.listdir(f"{root}/var/.magerewind")) <= kept


@pytest.mark.long
def test_nobodys_files_are_given_to_an_account_that_owns_nothing_any_more(installation, root):
    """The plan says so, and how to mend it; the rollback then restores the rest."""
    said = installation.run("setup:backup", "--media", "--json", root=root, code=0)
    media = next(row["file_name"] for row in said.rows if row["type"] == "BackupCompleted")
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            if os.lstat(path).st_uid == WEB:
                os.lchown(path, OWNER, GROUP)
    os.remove(f"{root}/pub/media/upload/one.jpg")
    words = ("setup:rollback", f"--media-file={media}")
    said = installation.run(*words, "--dry-run", root=root, code=0)
    assert "1 file of www-data becomes 4711's." in said.err
    assert "www-data owns nothing in the store now" in said.err
    installation.run(*words, "--yes", root=root, code=0)
    assert os.stat(f"{root}/pub/media/upload/one.jpg").st_uid == OWNER


@pytest.mark.long
def test_a_media_directory_that_is_gone_comes_back_as_whose_it_was(installation, root):
    os.chown(f"{root}/pub/media", WEB, GROUP)
    os.chmod(f"{root}/pub/media", 0o755)
    before = tree_of(root)
    said = installation.run("setup:backup", "--media", "--json", root=root, code=0)
    media = next(row["file_name"] for row in said.rows if row["type"] == "BackupCompleted")
    shutil.rmtree(f"{root}/pub/media")
    installation.run("setup:rollback", f"--media-file={media}", "--yes", root=root, code=0)
    assert not differences(before, tree_of(root))
