"""Entries that a person leaves out of a plan, and the list of a plan as a file."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from core.archive.plan.rows import Action
from core.archive.tree.patterns import below_any, quoted, resolve
from core.errors import StorageError
from core.events import Kind
from core.operations.plan_exclusions import leave_out, take_in
from core.operations.requests import RollbackRequest
from core.operations.rollback_plan import plan_rollback
from core.text.plan_list import write_list
from tests.shop import Shop

ODD = ("a*b", "what?", "[x]", "[*]", "@media-cache", "-rf", "new\nline", "a\\b", "x/[y]?/*z")


@pytest.mark.parametrize("path", ODD)
def test_a_quoted_path_matches_itself_alone(path):
    test = below_any((), resolve((quoted(path),)))
    assert test(path.encode())
    assert test(path.encode() + b"/below")
    for other in ODD:
        assert test(other.encode()) is (other == path)
    assert not test(path.replace("*", "-").replace("?", "-").encode()) or "*" not in path


def test_what_is_left_out_is_in_the_command_and_can_be_taken_in_again():
    request = RollbackRequest(code_file="x", confirmed_plan="seen", exclude=("pub",))
    less = leave_out(request, ["app/etc/env.php", "a*b", "a*b"])
    assert (less.exclude, less.keep_env) == (("pub", "a[*]b"), True)
    assert less.confirmed_plan is None
    assert take_in(less, ["a*b", "app/etc/env.php"]) == replace(request, confirmed_plan=None)


def test_a_left_out_entry_is_not_planned_and_the_list_is_written_once(server, tmp_path):
    shop = Shop.make(tmp_path / "shop", server, "leave_out")
    request = shop.back_up((Kind.CODE,))
    for name in ("bin/a*b", "bin/axb", "bin/other"):
        (tmp_path / "shop" / name).write_text("new")
    plan = plan_rollback(shop.store, leave_out(request, ["bin/a*b"]), environ={}, now_s=2e9)
    entries = [(one.action, one.path) for one in plan.files[Kind.CODE].entries()]
    assert entries == [(Action.REMOVE, "bin/axb"), (Action.REMOVE, "bin/other")]
    target = tmp_path / "list.txt"
    assert write_list(plan.files, str(target)) == 3
    assert target.read_text().splitlines()[0] == "Code, every entry:"
    assert target.stat().st_mode & 0o7777 == 0o600
    with pytest.raises(StorageError):
        write_list(plan.files, str(target))
    os.symlink(tmp_path / "elsewhere", tmp_path / "link")
    with pytest.raises(StorageError):
        write_list(plan.files, str(tmp_path / "link"))
    assert not (tmp_path / "elsewhere").exists()
    plan.scratch.cleanup()
    server.run("DROP DATABASE leave_out")
