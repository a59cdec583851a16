"""Directories named like a lost job's that others made: nothing is done about them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.archive.tree.remove import remove_if_empty
from tests.long import some
from tests.security.accounts import GROUP, OWNER, WEB, as_root, look_of

pytestmark = as_root
NAME = ".magerewind-stage-20260101-000000-abcd-code"


@pytest.fixture
def root(store_of):
    made = store_of(OWNER)
    os.chmod(made, 0o2775)
    os.unlink(f"{made}/app/etc/env.php")  # else its database would be asked
    return made


def _place(path, uid, *, mode=0o700):
    (path / "0").mkdir(parents=True)
    (path / "0/kept.txt").write_text("kept")
    for one in (path, path / "0", path / "0/kept.txt"):
        os.chown(one, uid, GROUP)
    path.chmod(mode)


@pytest.mark.parametrize(
    "kind", some(["directory", "open directory", "link", "pipe"], "directory", "link")
)
def test_a_place_that_is_not_ours_is_nobodys_job(installation, root, place, victim, kind):
    path = Path(root, NAME)
    match kind:
        case "directory":
            _place(path, WEB)
        case "open directory":
            _place(path, OWNER, mode=0o775)
        case "link":
            path.symlink_to(victim.path)
        case "pipe":
            os.mkfifo(path)
    if kind in {"link", "pipe"}:
        os.lchown(path, WEB, WEB)
    before = look_of(root)
    said = installation.run("info:store", root=root)
    assert "The memory of job" not in said.out + said.err, said
    said = installation.run("job:recover", "--without-memory", "--yes", root=root, code=0)
    assert "nothing to recover" in said.out + said.err
    assert {name: look for name, look in look_of(root).items() if NAME in str(name)} == {
        name: look for name, look in before.items() if NAME in str(name)
    }


def test_a_link_of_others_leads_to_no_stage_of_another_store(installation, root, store_of):
    """That stage belongs to a job which the other store knows."""
    other = store_of(OWNER, name="other")
    stage = Path(other, "pub/media", NAME.replace("-code", "-media"))
    _place(stage, OWNER)
    os.rename(f"{root}/pub/media", f"{root}/pub/media-before")
    os.symlink(f"{other}/pub/media", f"{root}/pub/media")
    os.lchown(f"{root}/pub/media", WEB, WEB)
    said = installation.run("job:recover", "--without-memory", "--yes", root=root)
    assert stage.name not in said.out + said.err, said
    assert (stage / "0/kept.txt").read_text() == "kept"


@pytest.mark.parametrize("kind", ["directory", "link"])
def test_no_hint_says_that_planted_state_should_be_given_to_the_owner(
    installation, root, victim, kind
):
    """Planted state would then be believed."""
    state = Path(root, "var/.magerewind")
    if kind == "link":
        state.symlink_to(victim.path)
    else:
        state.mkdir()
    os.lchown(state, WEB, WEB)
    for words in (("setup:backup", "--code"), ("job:recover",), ("info:store",)):
        said = installation.run(*words, root=root, code=1)
        assert "no job starts" in said.err, said
        assert "mend owner" not in said.err, said
        assert "move out of var" in said.err, said
    victim.check()


def test_an_empty_directory_behind_a_link_of_others_stays(place, victim):
    """A revert removes the directories that it made above pub/media, if they are empty."""
    link = os.path.join(place, "pub")
    os.symlink(victim.path, link)
    os.lchown(link, WEB, WEB)
    os.mkdir(os.path.join(victim.path, "media"))
    remove_if_empty(os.fsencode(f"{link}/media"))
    assert os.path.isdir(os.path.join(victim.path, "media"))
    remove_if_empty(os.fsencode(f"{victim.path}/media"))
    victim.check()
