"""A plan as a tree: every page and every sum agrees with the list, in any order of entries."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from core.archive.plan.directory_totals import Sums
from core.archive.plan.rows import Action, PlanRow
from core.archive.tree.selection import walk_key
from tests.archive.plan_rows import DIRECTORY, FILE, plan_of_rows
from tests.long import few


def rows_at_random(rng: random.Random, count: int) -> list[PlanRow]:
    """Return rows in the order of the walk, with names that sort oddly around a slash."""
    paths: set[bytes] = set()
    names = [b"a", b"a-b", b"a.b", b"a0", b"b", b"b\xff", "é".encode(), b"%_\\", b"new\nline"]
    while len(paths) < count:
        depth = rng.randint(1, 5)
        paths.add(b"/".join(rng.choice(names) for _ in range(depth)))
    found = []
    for path in sorted(paths, key=walk_key):
        action = rng.choice(list(Action))
        kind = DIRECTORY if any(one.startswith(path + b"/") for one in paths) else FILE
        now = None if action is Action.ADD else kind
        then = None if action is Action.REMOVE else kind
        found.append(
            PlanRow(
                None, path, action, None, 0, type_then=then, type_now=now,
                size_then=0 if then is None else rng.randrange(100),
                size_now=0 if now is None else rng.randrange(100),
            )
        )  # fmt: skip
    return found


def summed(rows: list[PlanRow], directory: bytes) -> Sums:
    below = [row for row in rows if not directory or row.path.startswith(directory + b"/")]
    count = {action: sum(row.action is action for row in below) for action in Action}
    written = {Action.ADD, Action.CHANGE}
    gone = {Action.REMOVE, Action.CHANGE}
    return Sums(
        added=count[Action.ADD],
        changed=count[Action.CHANGE],
        removed=count[Action.REMOVE],
        mode_only=count[Action.MODE],
        bytes_to_write=sum(row.size_then for row in below if row.action in written),
        bytes_set_aside=sum(row.size_now for row in below if row.action in gone),
    )


def text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("seed", "order"),
    few([(seed, order) for order in ("walked", "shuffled") for seed in range(4)], 0, 5),
)
def test_the_tree_is_what_the_list_says(tmp_path: Path, seed: int, order: str) -> None:
    rng = random.Random(seed)
    rows = rows_at_random(rng, 150)
    if order == "shuffled":  # as a recheck adds them, behind the others
        rng.shuffle(rows)
    tree = plan_of_rows(tmp_path / "plan", rows, as_added=order == "walked")
    directories = {b""}
    for row in rows:
        parts = row.path.split(b"/")
        directories |= {b"/".join(parts[:at]) for at in range(1, len(parts))}
    for directory in directories:
        assert tree.sums(text(directory)) == summed(rows, directory)
        start = directory + b"/" if directory else b""
        names = {
            row.path[len(start) :].split(b"/")[0] for row in rows if row.path.startswith(start)
        }
        nodes = tree.children(text(directory), limit=1000)
        assert {node.path for node in nodes} == {text(start + name) for name in names}
        assert len(nodes) == len(names) == tree.count(text(directory))
        pages = [
            node
            for offset in range(0, len(nodes), 2)
            for node in tree.children(text(directory), offset=offset, limit=2)
        ]
        assert pages == list(nodes)
        goes = [
            node.action is Action.REMOVE or bool(node.sums and node.sums.removed) for node in nodes
        ]
        assert goes == sorted(goes, reverse=True)
    by_path = {text(row.path): row for row in rows}
    for node in tree.find("", limit=1000):
        assert node.action is by_path[node.path].action
    for word in ("b/a", "%", "_", "\\", "É", "é", "\udcff", "NEW\n"):
        found = {node.path for node in tree.find(word, limit=1000)}
        plain = word.encode("utf-8", "surrogateescape")
        assert found == {text(row.path) for row in rows if plain.lower() in row.path.lower()}, word
        assert tree.found(word) == len(found)
    shown = {node.path for node in tree.directories()}
    assert shown == {text(one) for one in directories}


def test_a_plan_without_entries_has_a_root(tmp_path: Path) -> None:
    tree = plan_of_rows(tmp_path / "plan", [], as_added=True)
    assert (tree.sums(), tree.children(), tree.count(), tree.found("")) == (Sums(), (), 0, 0)
    assert list(tree.directories()) == []
