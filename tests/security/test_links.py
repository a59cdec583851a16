"""Links of pub/media, var and pub/static lead only to entries of the store's owner."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.archive.tree.selection import media_selection, walk
from core.errors import StoreUnreadable
from core.magento.store import find_store
from tests.integration.commands import magerewind
from tests.magento.conftest import fill
from tests.security.exchanging import exchanging
from tests.shop import Shop

OTHER = 4712
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make directories of others")


@pytest.fixture
def place(tmp_path):
    os.chmod(tmp_path, 0o755)
    fill(str(tmp_path / "shop"))
    (tmp_path / "shop/pub/media/ours.jpg").write_bytes(b"ours")
    return tmp_path


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "victim"
    path.mkdir(mode=0o700)
    (path / "secret").write_bytes(b"secret")
    os.chown(path, OTHER, OTHER)
    return path


def lead(path, target, *, uid=None):
    os.rename(path, f"{path}.old")
    os.symlink(target, path)
    if uid is not None:
        os.lchown(path, uid, uid)


def names(store):
    def problem(_path, _error):
        pass

    return {found.path for found in walk(media_selection(store), problem=problem)}


@as_root
def test_media_of_another_account_is_refused_by_name(place, victim):
    store = find_store(str(place / "shop"))
    lead(store.media, victim)
    with pytest.raises(StoreUnreadable, match=r"pub/media is a link to what belongs to 4712"):
        media_selection(store)


@as_root
def test_media_by_a_stranger_s_link_is_refused(place):
    store = find_store(str(place / "shop"))
    (place / "private").mkdir()
    lead(store.media, place / "private", uid=OTHER)
    with pytest.raises(StoreUnreadable, match="a link of 4712's"):
        media_selection(store)


@as_root
def test_var_of_another_account_stops_everything(place, victim):
    lead(place / "shop/var", victim)
    with pytest.raises(StoreUnreadable, match=r"var is a link to what belongs to 4712"):
        find_store(str(place / "shop"))
    assert sorted(os.listdir(victim)) == ["secret"]


@as_root
def test_a_race_for_media_is_never_won(place, victim):
    store = find_store(str(place / "shop"))
    other = place / "shop/pub/other"
    os.symlink(victim, other)
    seen = set()
    with exchanging(store.media, other):
        for _ in range(2000):
            try:
                found = names(store)
            except StoreUnreadable:
                seen.add("refused")
            except OSError:
                seen.add("exchanged")
            else:
                seen.add("theirs" if b"pub/media/secret" in found else "ours")
            if "theirs" in seen:
                break
    assert "theirs" not in seen
    assert {"ours", "refused"} <= seen, "both were met"


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory):
    top = tmp_path_factory.mktemp("links")
    made = Shop.make(top / "store", server, "links")
    os.rename(top / "store/pub/media", top / "pictures")
    os.symlink("../../pictures", top / "store/pub/media")
    os.rename(top / "store/var", top / "shared-var")
    os.symlink(top / "shared-var", top / "store/var")
    made.top = top
    return made


def test_the_real_places_are_named(shop):
    store = str(shop.root)
    said = magerewind(shop, "info:store", code=0)
    assert f"{store}/pub/media -> {shop.top}/pictures" in said.out
    assert f"{store}/var -> {shop.top}/shared-var" in said.out
    said = magerewind(shop, "setup:backup", "--media", code=0)
    assert f"{store}/pub/media leads elsewhere: {shop.top}/pictures" in said.err + said.out
    (name,) = [name for name in os.listdir(shop.store.backups) if name.endswith("_media.tgz")]
    (victim,) = sorted(Path(shop.top, "pictures").rglob("*.jpg"))[:1]
    was = victim.read_bytes()
    victim.write_bytes(b"damaged")
    said = magerewind(shop, "setup:rollback", "--dry-run", "-m", name, code=0)
    assert f"{shop.top}/pictures" in said.out + said.err
    magerewind(shop, "setup:rollback", "--yes", "-m", name, code=0)
    assert victim.read_bytes() == was
    said = magerewind(shop, "job:undo", "--dry-run", code=0)
    assert f"{shop.top}/pictures" in said.out + said.err


@as_root
def test_a_link_to_another_account_s_is_a_reason_and_no_surprise(shop, victim):
    media = os.path.join(shop.root, "pub/media")
    target = os.readlink(media)
    os.unlink(media)
    os.symlink(victim, media)
    try:
        said = magerewind(shop, "info:store", code=1)
        assert "belongs to 4712" in said.err
        before = sorted(os.listdir(shop.store.backups))
        for words in (
            ("setup:backup", "--media"),
            ("setup:rollback", "--yes", "-m", next(n for n in before if n.endswith("_media.tgz"))),
        ):
            said = magerewind(shop, *words, code=1)
            assert "belongs to 4712" in said.err, said
        assert sorted(os.listdir(victim)) == ["secret"]
        assert sorted(os.listdir(shop.store.backups)) == before
        said = magerewind(shop, "setup:backup", "--code", code=1)
        assert "or name the account: --as" in said.err, said  # all of it must be root's for root
    finally:
        os.unlink(media)
        os.symlink(target, media)
