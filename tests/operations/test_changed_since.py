"""The result of a cheap look at files that changed since a backup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.events import Kind
from core.magento.store import Store, find_store
from core.operations.changed_since import LIMIT_S, changed_files

THEN = 1_700_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    for name in ("app/etc/env.php", "app/etc/config.php", "app/etc/di.xml", "bin/magento"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<?php return [];")
    for number in range(5):
        path = tmp_path / "vendor/acme/module" / f"{number}.php"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "pub/media/catalog").mkdir(parents=True)
    (tmp_path / "pub/media/catalog/a.jpg").write_text("x")
    (tmp_path / "var").mkdir()
    for path in tmp_path.rglob("*"):
        os.utime(path, (THEN - 60, THEN - 60))
    return find_store(str(tmp_path), root=str(tmp_path))


def look(store: Store, kind: Kind = Kind.CODE, **more):
    return changed_files(store, kind, THEN, **{"entries_then": None, **more})


def test_an_untouched_store_has_not_changed(store: Store) -> None:
    found = look(store)
    assert (found.changed, found.new, found.gone) == (0, 0, 0)
    again = look(store, entries_then=found.entries)
    assert (again.changed, again.new, again.gone) == (0, 0, 0)


def test_written_new_and_gone_files_are_counted_with_where(store: Store) -> None:
    before = look(store).entries
    root = Path(store.root)
    (root / "app/etc/env.php").write_text("<?php exit;")
    (root / "vendor/acme/module/new.php").write_text("x")
    found = look(store, entries_then=before)
    assert (found.changed, found.new, found.gone) == (1, 1, 0)
    assert set(found.where) == {"app/etc", "vendor/acme"}
    for number in range(3):
        (root / f"vendor/acme/module/{number}.php").unlink()
    found = look(store, entries_then=before)
    assert found.gone == 2  # about: new and gone entries are derived from their number


def test_what_a_backup_leaves_out_does_not_count(store: Store) -> None:
    (Path(store.root) / "var/log").mkdir()
    (Path(store.root) / "var/log/new.log").write_text("x")
    (Path(store.root) / "vendor/acme/module/new.php").write_text("x")
    assert look(store).touched == 1
    assert look(store, exclude=("vendor/acme",)).touched == 0


def test_media_counts_the_directories_that_lead_to_it(store: Store) -> None:
    found = look(store, Kind.MEDIA)
    # pub, pub/media, catalog and the picture, as an archive of media has them.
    assert found.entries == 4


def test_a_look_that_takes_too_long_or_is_left_is_not_whole(store: Store) -> None:
    ticks = iter([0.0, LIMIT_S + 1])
    late = look(store, entries_then=100, clock=lambda: next(ticks))
    assert (late.whole, late.gone) == (False, 0)
    assert not look(store, stop=lambda: True).whole
