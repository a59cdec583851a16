"""How the children of a directory stand to the store now: counted below, by size, mode and time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from core.backups.catalog import find_any_backup
from core.contents.compare_directory import Standings, StoreRelation, hits
from core.contents.members import ArchiveContents
from core.errors import Cancelled
from core.magento.store import find_store
from tests.contents.looking import HOSTILE, NAME, Looking, make_store


def standing(looking: Looking, directory: str, stop=lambda: False) -> dict[str, StoreRelation]:
    store = find_store(str(looking.root), root=str(looking.root))
    backup = find_any_backup(store.backups, NAME)
    with ArchiveContents(backup, store) as contents:
        found = list(Standings(contents, store, stop=stop).of(directory))
    paths = [one.path for one in found]
    assert paths == sorted(paths, key=lambda path: os.fsencode(path).replace(b"/", b"\0"))
    return {one.path: one for one in found}


def counts(one: StoreRelation) -> tuple[int, int, int]:
    return one.comes, one.changes, one.goes


@pytest.fixture
def looking(tmp_path: Path) -> Looking:
    made = make_store(tmp_path / "shop")
    made.back_up()
    return made


def test_an_untouched_store_is_the_same(looking: Looking) -> None:
    found = standing(looking, "")
    assert {"app", "bin", "vendor"} <= found.keys()
    assert {counts(one) for one in found.values()} == {(0, 0, 0)}
    assert found["app"].same > 8


def test_each_kind_of_change_is_counted_once(looking: Looking) -> None:
    root = looking.root
    (root / "app/etc/env.php").write_text("<?php exit;")
    (root / "app/etc/config.php").chmod(0o600)
    os.utime(root / "app/code/A.php")  # written again with what it had: B.php is the same file
    shutil.rmtree(root / "vendor")
    (root / "app/code/link").unlink()
    (root / "app/code/link").symlink_to("elsewhere")
    (root / "app/code/empty").rmdir()
    (root / "app/code/empty").write_text("a file now")
    looking.put("app/code/new/evil.php", b"<?php")
    looking.put(f"app/{HOSTILE}", b"x")
    top = standing(looking, "")
    assert counts(top["vendor"]) == (2, 0, 0)
    assert counts(top["app"]) == (0, 4, 3)
    assert counts(top["bin"]) == (0, 0, 0)
    code = standing(looking, "app/code")
    assert counts(code["app/code/A.php"]) == (0, 0, 0)
    assert counts(code["app/code/link"]) == (0, 1, 0)
    assert counts(code["app/code/empty"]) == (0, 1, 0)
    new = code["app/code/new"]
    assert (counts(new), new.kind) == ((0, 0, 2), "directory")
    only = standing(looking, "app/code/new")["app/code/new/evil.php"]
    assert (only.kind, only.size, counts(only)) == ("file", 5, (0, 0, 1))
    assert standing(looking, "vendor")["vendor/large.bin"].comes == 1
    etc = standing(looking, "app/etc")
    assert [counts(etc[f"app/etc/{name}.php"]) for name in ("env", "config")] == [(0, 1, 0)] * 2


def test_a_large_file_of_another_time_is_not_read_and_that_is_said(looking: Looking) -> None:
    os.utime(looking.root / "vendor/large.bin")
    found = standing(looking, "")["vendor"]
    assert (counts(found), found.about) == ((0, 1, 0), True)


def test_nobody_waits_for_what_was_left(looking: Looking) -> None:
    for number in range(300):
        looking.put(f"lib/{number}.php", b"")
    with pytest.raises(Cancelled):
        standing(looking, "", stop=lambda: True)


def test_words_are_found_in_paths_whatever_their_case(looking: Looking) -> None:
    store = find_store(str(looking.root), root=str(looking.root))
    backup = find_any_backup(store.backups, NAME)
    with ArchiveContents(backup, store) as contents:
        found = [one.row.path for one in hits(contents, "ENV.p", stop=lambda: False)]
    assert found == [b"app/etc/env.php"]
