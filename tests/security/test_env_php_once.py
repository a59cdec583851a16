"""env.php is read once, from where its owner put it, and never runs as anything else."""

from __future__ import annotations

import os
import shutil
import stat

import pytest

from core.errors import ConfigurationError
from core.magento.env_php import read_configuration
from core.magento.store import find_store
from tests.magento.conftest import fill
from tests.security.exchanging import exchanging

OTHER = 4712
ENVIRON = {"PATH": os.environ.get("PATH", os.defpath)}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
needs_php = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")
OURS = "<?php return ['install' => ['date' => 'x'], 'whose' => 'ours'];"
THEIRS = "<?php return ['install' => ['date' => 'x'], 'whose' => 'theirs'];"


@pytest.fixture
def place(tmp_path):
    os.chmod(tmp_path, 0o755)
    fill(str(tmp_path / "shop"), OURS.encode())
    return tmp_path


@pytest.fixture
def store(place):
    return find_store(str(place / "shop"))


def whose(store, environ=ENVIRON):
    return read_configuration(store, environ=environ).get("whose")


def put(path, text, *, uid=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if uid is not None:
        os.chown(path, uid, uid)
    return path


def lead(store, target, *, uid=None):
    os.unlink(store.env_php)
    os.symlink(target, store.env_php)
    if uid is not None:
        os.lchown(store.env_php, uid, uid)


def refused(store, *words):
    with pytest.raises(ConfigurationError) as caught:
        whose(store)
    for word in (store.env_php, *words):
        assert word in caught.value.message
    assert "\n" not in caught.value.message


def test_releases_share_it_by_link(store, place):
    put(place / "shared/app/etc/env.php", OURS)
    lead(store, "../../../shared/app/etc/env.php")
    assert whose(store) == "ours"
    lead(store, place / "shared/app/etc/env.php")
    assert whose(store) == "ours"
    os.rename(place / "shop/app/etc", place / "shared/etc")
    os.symlink("../../shared/etc", place / "shop/app/etc")
    assert whose(store) == "ours"


@as_root
def test_a_link_to_another_store_s_is_refused_by_name(store, place):
    put(place / "theirs/app/etc/env.php", THEIRS, uid=OTHER)
    lead(store, place / "theirs/app/etc/env.php")
    refused(store, "belongs to 4712")


@as_root
def test_a_link_of_another_account_leads_to_its_own_files_at_most(store, place):
    put(place / "private/env.php", OURS)
    lead(store, place / "private/env.php", uid=OTHER)
    refused(store, "a link of 4712's")


@as_root
def test_a_way_that_others_may_change_is_not_gone(store, place):
    put(place / "open/app/env.php", OURS)
    lead(store, place / "open/app/env.php")
    os.chmod(place / "open", 0o777)
    refused(store, f"{place}/open, where everybody may write")
    os.chmod(place / "open", 0o1777)
    assert whose(store) == "ours"
    os.chown(place / "open/app", OTHER, OTHER)
    refused(store, f"{place}/open/app, which belongs to 4712")


@as_root
def test_root_obeys_no_file_that_others_may_write(store):
    for uid, gid, mode in ((OTHER, 0, 0o600), (0, OTHER, 0o660), (0, 0, 0o606)):
        os.chown(store.env_php, uid, gid)
        os.chmod(store.env_php, mode)
        refused(store, "root does not obey it")
    os.chown(store.env_php, 0, 0)
    os.chmod(store.env_php, 0o660)
    assert whose(store) == "ours"


@needs_php
def test_php_runs_what_was_read_and_not_what_is_there_by_then(store, place):
    """A php that exchanges the file before it begins, as an attacker would in a race."""
    put(place / "shop/app/etc/env.php", OURS.replace("return", "foreach ([1] as $x) {} return"))
    put(place / "theirs.php", THEIRS)
    php = put(
        place / "bin/php",
        f'#!/bin/sh\nln -sf {place}/theirs.php {store.env_php}\nexec {shutil.which("php")} "$@"\n',
    )
    php.chmod(php.stat().st_mode | stat.S_IXUSR)
    environ = {"PATH": f"{php.parent}:{ENVIRON['PATH']}"}
    assert whose(store, environ) == "ours"
    assert os.path.islink(store.env_php), "the race was run"


@as_root
def test_a_race_for_the_file_is_never_won(store, place):
    put(place / "theirs/env.php", THEIRS, uid=OTHER)
    other = place / "shop/app/etc/other"
    os.symlink(place / "theirs/env.php", other)
    seen = set()
    with exchanging(store.env_php, other):
        for _ in range(2000):
            try:
                seen.add(whose(store))
            except ConfigurationError as error:
                seen.add("refused" if "4712" in error.message else "exchanged")
            if {"ours", "refused"} <= seen and "theirs" in seen:
                break
    assert "theirs" not in seen
    assert {"ours", "refused"} <= seen, "both were met"
