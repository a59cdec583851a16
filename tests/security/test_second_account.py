"""What another account has put where a command of the owner writes, or what it runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.security.accounts import GROUP, OTHER, OWNER, WEB, as_root, clean, look_of

pytestmark = as_root
LONG = pytest.mark.long


@pytest.fixture
def root(store_of):
    return store_of(OWNER)


def directory(path, uid, mode=0o755):
    os.mkdir(path)
    os.chown(path, uid, GROUP)
    os.chmod(path, mode)
    return Path(path)


def configured(place, root, text):
    path = Path(place, "config.toml")
    path.write_text(f'[defaults]\nkinds = ["media"]\n[stores.one]\nroot = "{root}"\n{text}')
    return f"--config={path}"


def test_metrics_go_through_no_link_of_another_account(installation, root, place):
    victim = directory(f"{place}/victim-of-owner", OWNER)
    shared = directory(f"{place}/shared", WEB, 0o777)
    os.symlink(victim, shared / "metrics")
    os.lchown(shared / "metrics", WEB, WEB)
    config = configured(place, root, f'metrics_file = "{shared}/metrics/shop.prom"\n')
    said = installation.run("setup:backup", "--store=one", config, code=0)
    assert "Metrics were not written" in said.err
    assert "is a link of www-data's" in said.err
    assert os.listdir(victim) == []
    os.unlink(shared / "metrics")
    os.symlink(victim, shared / "metrics")  # root's own
    installation.run("setup:backup", "--store=one", config, code=0)
    assert os.listdir(victim) == ["shop.prom"]


@pytest.mark.parametrize("kind", [pytest.param("directory", marks=LONG), "link"])
def test_nothing_is_extracted_where_another_account_is_master(installation, root, place, kind):
    said = installation.run("setup:backup", "--media", "--json", root=root, code=0)
    [name] = [row["file_name"] for row in said.rows if row["type"] == "BackupCompleted"]
    shared = directory(f"{place}/shared", 0, 0o777)
    victim = directory(f"{place}/victim-of-owner", OWNER)
    target = shared / "before"
    if kind == "directory":
        directory(target, OTHER, 0o777)
    else:
        os.symlink(victim, target)
        os.lchown(target, OTHER, OTHER)
    before = look_of(shared) | look_of(victim)
    words = ("info:backups:extract", name, "pub/media/one.jpg", "--to", str(target))
    said = installation.run(*words, root=root, code=2)
    assert f"{OTHER}" in said.problem[0]
    assert "nothing is extracted there" in said.problem[0]
    assert look_of(shared) | look_of(victim) == before


@pytest.mark.parametrize("spoil", [pytest.param("file", marks=LONG), "directory"])
def test_a_hook_that_every_account_could_have_written_is_not_run(installation, root, place, spoil):
    tools = directory(f"{place}/tools", 0)
    hook = tools / "hook"
    hook.write_text(f"#!/bin/sh\nid -u > {root}/var/ran\n")
    hook.chmod(0o777 if spoil == "file" else 0o755)
    if spoil == "directory":
        tools.chmod(0o777)
    config = configured(place, root, f'hooks.before = ["{hook}"]\n')
    said = installation.run("config:check", config, code=1)
    assert f"every account may write to {hook if spoil == 'file' else tools}" in said.err
    said = installation.run("setup:backup", "--store=one", config, code=3)
    assert f"{hook} is not run: every account may write to" in said.err
    assert not Path(root, "var/ran").exists()
    hook.chmod(0o755)
    tools.chmod(0o755)
    installation.run("setup:backup", "--store=one", config, code=0)
    assert Path(root, "var/ran").read_text() == f"{OWNER}\n"


def test_a_mark_waits_for_no_other_account(installation, root):
    """The lock of changes is where no other account can take it."""
    said = installation.run("setup:backup", "--media", "--json", root=root, code=0)
    [name] = [row["file_name"] for row in said.rows if row["type"] == "BackupCompleted"]
    backups = Path(root, "var/backups")
    backups.chmod(0o755)
    import fcntl

    for held in (backups, Path(root, "var"), Path(root)):
        fd = os.open(held, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)  # as every account that may look can
        try:
            installation.run("info:backups:note", name, "--keep", root=root, code=0)
        finally:
            os.close(fd)
    lock = Path(root, "var/.magerewind/changes.lock")
    assert lock.stat().st_uid == OWNER
    assert lock.stat().st_mode & 0o077 == 0


def test_an_account_that_may_not_back_up_schedules_nothing_and_knows_nothing(installation, root):
    installation.run("setup:backup", "--media", root=root, code=0)
    os.chmod(f"{root}/var", 0o2775)
    member = {"uid": WEB, "gid": GROUP, "environ": clean(HOME="/nonexistent")}
    said = installation.run("schedule:install", "--user", root=root, code=1, **member)
    assert "may not write" in said.problem[0]
    assert "/nonexistent" not in said.err
    said = installation.run("info:store", "--check", root=root, code=3, **member)
    assert said.out.startswith("UNKNOWN - The store belongs to ")


def test_root_schedules_nothing_that_the_owner_could_not_configure(installation, root, place):
    config = configured(place, root, "")
    path = Path(place, "config.toml")
    path.chmod(0o600)
    words = ("schedule:install", "--user", "--store=one", config)
    environ = clean(HOME=place)
    said = installation.run(*words, code=1, environ=environ)
    assert f"The runs are {OWNER}'s, and would be refused: {path} cannot be read" in said.err
    assert not Path(place, ".config").exists()
    path.chmod(0o644)
    installation.run(*words, code=0, environ=environ)
    assert len(list(Path(place, ".config/systemd/user").glob("*.timer"))) == 1


@pytest.mark.parametrize("what", ["backups", pytest.param("jobs", marks=LONG)])
def test_completion_for_root_sees_no_more_than_the_owner(installation, root, place, victim, what):
    for name in ("1700000000_db.sql", "20261123-031500-1a2b"):
        Path(victim.path, name).touch()
    at = Path(root, "var/backups" if what == "backups" else "var/.magerewind")
    if at.exists():
        at.rmdir()
    at.symlink_to(victim.path)
    os.lchown(at, OWNER, OWNER)
    if what == "jobs":
        Path(victim.path, "jobs").symlink_to(".")
    for words, cwd in (((), root), (("--root", root), place)):
        said = installation.run("complete:names", what, *words, cwd=cwd, code=0)
        assert (said.out, said.err) == ("", "")
