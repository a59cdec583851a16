"""The children of a directory of an archive: each once, and deeper entries are passed over."""

from __future__ import annotations

import os
from pathlib import Path

from core.backups.catalog import find_any_backup
from core.contents.children import children_of
from core.contents.members import ArchiveContents
from core.magento.store import find_store
from tests.contents.looking import NAME, make_store


def listed(contents: ArchiveContents) -> set[str]:
    """Return all paths by walking from child to child."""
    found: set[str] = set()
    waiting = [""]
    while waiting:
        for one in children_of(contents.index, waiting.pop()):
            assert one.path not in found
            found.add(one.path)
            if one.kind == "directory":
                waiting.append(one.path)
    return found


def test_walking_from_child_to_child_finds_every_member(tmp_path: Path) -> None:
    looking = make_store(tmp_path / "shop")
    root = looking.root
    deep = root / "lib/deep"
    for number in range(90):  # more than are read over before a new place is looked up
        (deep / f"{number}").mkdir(parents=True)
        (deep / f"{number}" / "a.php").write_text("x")
    for name in ("lib/deep-er.php", "lib/deep.php", "lib/deep\x01.php"):
        (root / name).write_text("y")
    looking.back_up()
    store = find_store(str(root), root=str(root))
    backup = find_any_backup(store.backups, NAME)
    with ArchiveContents(backup, store) as contents:
        every = {os.fsdecode(one.row.path) for one in contents.index.members()} - {""}
        assert listed(contents) == every
        below = [one.path for one in children_of(contents.index, "lib")]
        assert below == sorted(below, key=lambda path: path.replace("/", "\0"))
        later = [one.path for one in children_of(contents.index, "lib", after="lib/deep")]
        assert later == below[below.index("lib/deep") + 1 :]
