"""Root with a configuration: its files are read as root, all else is done as each store's owner."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.security.accounts import GROUP, OTHER, OWNER, WEB, as_root, clean

pytestmark = as_root


@pytest.fixture
def config(place, store_of):
    """A file that only root may read, with a store of each of two accounts."""
    one = store_of(OWNER, name="one")
    two = store_of(WEB, name="two")
    path = Path(place, "config.toml")
    path.write_text(
        f'[defaults]\nkinds = ["media"]\n[stores.one]\nroot = "{one}"\n'
        f'[stores.two]\nroot = "{two}"\n'
    )
    path.chmod(0o600)
    return path


def owners(config, name):
    backups = Path(config.parent, name, "var/backups")
    return {path.stat().st_uid for path in backups.iterdir()}


def test_each_store_is_backed_up_as_its_owner(config, installation):
    said = installation.run("setup:backup", "--all-stores", f"--config={config}", code=0)
    assert f"Working as {OWNER}" in said.err
    assert "Working as www-data" in said.err
    assert owners(config, "one") == {OWNER}
    assert owners(config, "two") == {WEB}


def test_a_store_that_is_not_the_owners_any_more_stops_no_other(config, installation):
    os.chmod(config.parent / "one", 0o700)
    os.chown(config.parent / "one", OTHER, OTHER)
    os.chmod(config.parent / "one/var/backups", 0o700)
    said = installation.run("setup:backup", "--all-stores", f"--config={config}", "--json", code=1)
    ended = {row["store"]: row["exit_code"] for row in said.rows if row["type"] == "StoreEnded"}
    assert ended == {"one": 1, "two": 0}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: os.chown(path, OWNER, GROUP), f"belongs to {OWNER}"),
        (lambda path: path.chmod(0o620), "others may write to"),
        (lambda path: path.parent.chmod(0o777), "others may write to"),
    ],
)
def test_root_takes_no_file_that_others_could_have_written(config, installation, spoil, reason):
    spoil(config)
    said = installation.run("setup:backup", "--store=one", f"--config={config}", code=1)
    assert "is not used" in said.err
    assert reason in said.err
    assert not os.listdir(config.parent / "one/var/backups")


def test_the_account_that_a_store_names_is_taken(config, installation):
    config.write_text(config.read_text().replace("[stores.two]", f"as = '{OTHER}'\n[stores.two]"))
    said = installation.run("info:store", "--store=one", f"--config={config}")
    assert f"Working as {OTHER}, as asked." in said.err


def test_what_root_may_read_and_the_account_not_is_said_to_the_account(config, installation):
    environ = clean(MAGEREWIND_CONFIG=str(config))
    said = installation.run("setup:backup", "--store=one", uid=OWNER, gid=GROUP, environ=environ)
    assert said.code == 1
    assert f"{config} cannot be read by {OWNER}." in said.err


def test_a_secret_that_only_root_may_read_is_refused_before_the_job(config, installation, place):
    secret = Path(place, "url")
    secret.write_text("http://127.0.0.1:9/s3cret")
    secret.chmod(0o600)
    more = f'[notify.ops]\ntype = "webhook"\nurl_file = "{secret}"\n'
    config.write_text('[defaults]\nnotify = ["ops"]\n' + config.read_text()[11:] + more)
    backups = config.parent / "one/var/backups"
    said = installation.run("setup:backup", "--store=one", f"--config={config}", code=1)
    assert f"{OWNER} cannot read {secret}: only root may (0600)." in said.err
    assert "Secrets are read by the account that works." in said.err
    assert not list(backups.iterdir())
    assert not Path(config.parent, "one/var/.magerewind/jobs").exists()
    os.chown(secret, 0, GROUP)
    secret.chmod(0o640)
    said = installation.run("setup:backup", "--store=one", f"--config={config}", code=0)
    assert "notify.ops was not told: Connection refused." in said.err
    assert "s3cret" not in said.err


def test_hooks_run_as_the_owner(config, installation, place):
    ran = config.parent / "one/var/ran"
    hook = f'hooks.before = ["sh", "-c", "id -u > {ran}"]\n'
    config.write_text("[defaults]\n" + hook + config.read_text()[11:])
    installation.run("setup:backup", "--store=one", f"--config={config}", code=0)
    assert ran.read_text().strip() == str(OWNER)
    assert ran.stat().st_uid == OWNER


def test_a_check_by_root_says_what_the_owner_could_not_read(config, installation, place):
    secret = Path(place, "url")
    secret.write_text("http://127.0.0.1:9/x")
    secret.chmod(0o600)
    more = f'[notify.ops]\ntype = "webhook"\nurl_file = "{secret}"\n'
    config.write_text('[defaults]\nnotify = ["ops"]\n' + config.read_text()[11:] + more)
    said = installation.run("config:check", f"--config={config}", code=1)
    assert f"{OWNER}, whose store it is for, cannot read {secret}." in said.err
    os.chown(secret, 0, GROUP)
    secret.chmod(0o640)
    os.chown(config.parent / "two", OWNER, GROUP)
    said = installation.run("config:check", f"--config={config}")
    assert "Traceback" not in said.err
