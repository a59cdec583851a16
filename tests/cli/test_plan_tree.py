"""The tree of a plan as text: folded to some lines, with everything counted."""

from __future__ import annotations

from core.archive.plan.rows import Action, PlanRow
from core.cli.plan_tree import tree_lines
from tests.archive.plan_rows import DIRECTORY, FILE, plan_of_rows


def row(path, action, *, kind=FILE, now=10, then=20):
    return PlanRow(
        None, path.encode(), action, None, 0,
        type_then=None if action is Action.REMOVE else kind,
        type_now=None if action is Action.ADD else kind,
        size_then=0 if action is Action.REMOVE or kind == DIRECTORY else then,
        size_now=0 if action is Action.ADD or kind == DIRECTORY else now,
    )  # fmt: skip


def test_what_differs_is_shown_where_it_is(tmp_path):
    rows = [
        row("app/etc/config.php", Action.CHANGE),
        row("app/etc/new\x1b.php", Action.REMOVE),
        row("bin/magento", Action.MODE),
        row("vendor/acme/gone", Action.ADD, kind=DIRECTORY),
        *(row(f"vendor/acme/gone/{number}", Action.ADD) for number in range(3)),
        row("vendor/acme/other", Action.REMOVE, kind=DIRECTORY),
        row("vendor/acme/other/1", Action.REMOVE),
    ]
    tree = plan_of_rows(tmp_path / "plan", rows, as_added=True)
    assert list(tree_lines(tree)) == [
        "    app/etc/: 1 changed, 1 removed; 20 Bytes",
        "      new\\x1b.php: removed; 10 Bytes",
        "      config.php: changed; 10 Bytes -> 20 Bytes",
        "    vendor/acme/: 4 added, 2 removed; 60 Bytes",
        "      other/: removed with 1 entry; 10 Bytes",
        "      gone/: added with 3 entries; 60 Bytes",
        "    bin/: 1 with another mode or owner",
        "      magento: with another mode or owner; 10 Bytes -> 20 Bytes",
    ]


def test_many_entries_are_folded_and_none_is_lost(tmp_path):
    rows = [
        row(f"vendor/m{module:02}/dir{number % 3}/f{number:04}", Action.CHANGE)
        for module in range(30)
        for number in sorted(range(40), key=lambda number: number % 3)
    ]
    tree = plan_of_rows(tmp_path / "plan", rows, as_added=True)
    lines = list(tree_lines(tree, most=12))
    assert len(lines) == 12
    assert lines[0] == "    vendor/: 1,200 changed; 24.0 kB"
    assert lines[1] == "      m00/: 40 changed; 800 Bytes"
    assert lines[-1] == "      and 20 more"
    lines = list(tree_lines(tree, most=40))
    assert len(lines) <= 40
    assert sum(line.startswith("      m") for line in lines) == 30
    flat = [row(f"pub/{number:04}", Action.ADD) for number in range(500)]
    lines = list(tree_lines(plan_of_rows(tmp_path / "flat", flat, as_added=True), most=10))
    assert (len(lines), lines[0], lines[-1]) == (
        10, "    pub/: 500 added; 10.0 kB", "      and 492 more"
    )  # fmt: skip
