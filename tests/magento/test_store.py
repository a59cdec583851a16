"""The search for a store, and the message when there is none."""

from __future__ import annotations

import json
import os

import pytest

from core.errors import StoreNotFound, StoreUnreadable
from core.magento.store import MARKERS, find_store, magento_version, open_var, shown
from tests.magento.conftest import OWNER, fill

not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may look anywhere")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")


def test_the_store_is_found_from_deep_inside(root):
    os.makedirs(f"{root}/pub/media/catalog/a b")
    store = find_store(f"{root}/pub/media/catalog/a b")
    assert store.root == root
    assert set(store.markers) == {name for name, _ in MARKERS}
    assert store.jobs_directory == f"{root}/var/.magerewind/jobs"


@pytest.mark.parametrize("gone", [0, 1, 2, 3])
def test_two_markers_are_enough(tmp_path, gone):
    kept = [MARKERS[gone], MARKERS[gone + 1]]
    for name, kind in kept:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if kind == 0o040000 else path.write_bytes(b"")
    assert find_store(str(tmp_path)).markers == tuple(name for name, _ in kept)


def test_one_marker_is_no_store(tmp_path):
    (tmp_path / "pub").mkdir()
    (tmp_path / "pub/index.php").touch()
    with pytest.raises(StoreNotFound) as caught:
        find_store(str(tmp_path / "pub"))
    assert "\n" not in caught.value.message
    assert str(tmp_path / "pub") in caught.value.message
    for name, _ in MARKERS:
        assert name in caught.value.message


def test_a_named_root_is_not_searched_upwards(root):
    with pytest.raises(StoreNotFound, match="found none"):
        find_store("/", root=f"{root}/pub/media")


def test_backups_alone_are_enough_for_a_rollback_of_a_named_root(tmp_path):
    (tmp_path / "var/backups").mkdir(parents=True)
    assert find_store("/", root=str(tmp_path), for_rollback=True).markers == ("var/backups",)
    with pytest.raises(StoreNotFound, match="found var/backups"):
        find_store("/", root=str(tmp_path))
    with pytest.raises(StoreNotFound):
        find_store(str(tmp_path), for_rollback=True)


def test_a_root_behind_a_link_is_resolved_once(root, tmp_path):
    os.symlink(root, tmp_path / "current")
    assert find_store("/", root=str(tmp_path / "current")).root == root


def test_a_package_of_the_store_is_not_taken_for_the_store(root):
    base = f"{root}/vendor/magento/magento2-base"
    os.mkdir(base)
    fill(base)
    assert find_store(f"{base}/app/etc").root == root


def test_no_such_directory(tmp_path):
    with pytest.raises(StoreNotFound, match="there is no directory"):
        find_store("/", root=str(tmp_path / "nowhere"))
    with pytest.raises(StoreNotFound, match="there is no directory"):
        find_store(str(tmp_path / "nowhere"))


@not_root
def test_a_root_that_may_not_be_entered(root):
    os.chmod(root, 0)
    try:
        with pytest.raises(StoreUnreadable, match="permission denied"):
            find_store("/", root=root)
    finally:
        os.chmod(root, 0o755)


@as_root
def test_a_root_that_may_not_be_entered_by_a_dropped_account(root):
    os.chmod(root, 0)
    os.seteuid(OWNER - 1)
    try:
        with pytest.raises(StoreUnreadable, match="permission denied"):
            find_store("/", root=root)
    finally:
        os.seteuid(0)


def test_media_is_followed_to_where_it_is(root, tmp_path):
    os.rmdir(f"{root}/pub/media")
    os.symlink(tmp_path, f"{root}/pub/media")
    store = find_store(root)
    assert store.media == f"{root}/pub/media"
    assert store.media_target == os.path.realpath(tmp_path)


def test_a_name_that_is_no_text_is_shown_on_one_line():
    assert shown(b"caf\xe9\n\x1b[31m/\xc3\xa9") == "caf\\xe9\\n\\x1b[31m/é"
    assert shown(os.fsdecode(b"\xff")) == "\\xff"


def test_the_version_is_what_is_installed(store):
    assert magento_version(store) == (None, None)
    wished = {"name": "magento/project-community-edition", "version": "2.4.5"}
    with open(f"{store.root}/composer.json", "w") as file:
        json.dump(wished, file)
    assert magento_version(store) == ("2.4.5", "Community")
    packages = [{"name": "a/b"}, {"name": "magento/product-enterprise-edition", "version": "2.4.6"}]
    with open(f"{store.root}/composer.lock", "w") as file:
        json.dump({"packages": packages}, file)
    assert magento_version(store) == ("2.4.6", "Enterprise")
    with open(f"{store.root}/composer.lock", "w") as file:
        file.write("{broken")
    assert magento_version(store) == ("2.4.5", "Community")


def test_var_may_be_a_link_to_a_directory_of_the_owner(root, tmp_path):
    target = os.path.join(os.path.dirname(root), "shared")
    os.rename(f"{root}/var", target)
    os.symlink(target, f"{root}/var")
    os.lchown(f"{root}/var", *((OWNER, OWNER) if os.geteuid() == 0 else (-1, -1)))
    fd = open_var(find_store(root))
    try:
        assert os.path.samestat(os.fstat(fd), os.stat(target))
    finally:
        os.close(fd)


@as_root
def test_root_does_not_follow_the_owner_into_a_directory_of_another(root, tmp_path):
    os.rename(f"{root}/var", f"{root}/var.old")
    os.symlink(tmp_path, f"{root}/var")
    os.lchown(f"{root}/var", OWNER, OWNER)
    with pytest.raises(StoreUnreadable, match="what belongs to root"):
        open_var(find_store(root))
