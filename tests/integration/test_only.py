"""Rollbacks of chosen paths, asked for through the command line."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import pytest
from msgspec import structs

from core.errors import JobError
from core.operations.requests import UndoRequest
from tests import oracles
from tests.integration.commands import as_root, instead, magerewind, names_of, untouched
from tests.long import few
from tests.shop import Shop

CONFIG = "app/etc/config.php"
HOW = ("--no-flush", "--yes")


@pytest.fixture
def code(shop):
    return names_of(shop.request)[:2]


@pytest.fixture
def media(shop):
    return names_of(shop.request)[2:4]


def entries(shop):
    return oracles.tree_entries(shop.root)


def test_only_the_chosen_is_put_back_and_taken_back(shop, code, media):
    root = Path(shop.root)
    picture = next(path for path in sorted(root.glob("pub/media/**/*.jpg")) if path.is_file())
    chosen = os.path.relpath(picture, root)
    old = entries(shop)
    content = (root / CONFIG).read_bytes(), picture.read_bytes()
    (root / CONFIG).write_bytes(b"<?php return [];")
    (root / "app/etc/di.xml").write_bytes(b"changed as well")
    (root / "app/etc/later.php").write_bytes(b"new since")
    picture.unlink()
    before = entries(shop)
    said = magerewind(
        shop, "setup:rollback", *code, *media, "--only", CONFIG, "--only", chosen, *HOW, code=0
    )
    assert f"Code rollback of only: {CONFIG}, {chosen}" in said.lines
    assert ((root / CONFIG).read_bytes(), picture.read_bytes()) == content
    after = entries(shop)
    touched = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert touched == {CONFIG.encode(), chosen.encode()}
    shown = magerewind(shop, "job:undo", "--dry-run", code=0)
    assert f"  only {CONFIG}, {chosen}" in shown.lines
    magerewind(shop, "job:undo", *HOW, code=0)
    assert entries(shop) == before
    shown = magerewind(shop, "job:undo", "--dry-run", code=0)
    assert any(line.startswith("Code as before the undo ") for line in shown.lines), shown.lines
    magerewind(shop, "job:undo", *HOW, code=0)
    assert entries(shop) == after
    magerewind(shop, "setup:rollback", *code, *media, *HOW, code=0)
    assert entries(shop) == old


def test_the_same_command_says_what_was_chosen(shop, code):
    words = ["--only", CONFIG, "--only=-x", "--exclude", "a b"]
    said = magerewind(shop, "setup:rollback", *code, *words, "--json", *HOW, code=1)
    began = next(row for row in said.objects if row["type"] == "JobBegan")
    assert (
        began["command"].endswith(
            f"{' '.join(code[:1])} --no-flush --only {CONFIG} --only=-x --exclude 'a b'"
        )
        or "--only=-x" in began["command"]
    )
    assert "-x is neither in" in said.out + said.err


@pytest.mark.parametrize(
    ("words", "problem"),
    few(
        [
            (["--only", "app/etc/confg.php"], "app/etc/confg.php is neither in "),
            (["--only", "App/Etc"], "App/Etc is neither in "),
            (["--only", "/etc/passwd"], "/etc/passwd is neither in "),
            (["--only", CONFIG, "--only", "nowhere"], "nowhere is neither in "),
            (["--only", "**/*.nothing"], "Anything that matches **/*.nothing is neither in "),
            (["--only", "var/log"], "var/log is no part of a backup of code."),
            (["--only", ".git/config"], ".git/config is no part of a backup of code."),
            (["--only", "pub/media/x"], "pub/media/x is no part of a backup of code."),
            (["--only", "var/.magerewind"], "var/.magerewind is no part of a backup of code."),
            (["--only", "app/etc/env.php", "--keep-env"], "but --keep-env keeps it."),
            (["--only", CONFIG, "--exclude", "app"], "and left out by --exclude."),
            (["--only", "../store/app"], "--only is a path below the root"),
            (["--only", "/"], "--only is a path below the root"),
            (["--only", "@all"], "There is no group @all;"),
            (["--only", "new\nline"], "is neither in "),
            (["--only", "\x1b]0;x\x07"], "is neither in "),
        ],
        0,
        5,
        9,
        11,
        14,
    ),
)
def test_what_cannot_be_chosen_is_refused_in_one_line(shop, code, words, problem):
    before = sorted(os.listdir(shop.store.backups))
    said = magerewind(shop, "setup:rollback", *code, *words, "--dry-run")
    assert said.code in {1, 2}, said
    assert problem.encode("unicode_escape").decode() in said.err or problem in said.err
    assert (len(said.problem) <= 2, said.out) == (True, "")
    assert "\x1b]" not in said.err
    untouched(shop, before)


@pytest.mark.parametrize("how", [HOW, (*HOW, "--json"), (*HOW, "--quiet")])
def test_a_job_refuses_it_as_well(shop, code, how):
    before = sorted(os.listdir(shop.store.backups))
    said = magerewind(shop, "setup:rollback", *code, "--only", "app/nowhere", *how, code=1)
    assert "app/nowhere is neither in " in said.out + said.err
    untouched(shop, before)


def test_a_slip_names_what_was_probably_meant(shop, code):
    said = magerewind(shop, "setup:rollback", *code, "--only", "app/etc/confg.php", "--dry-run")
    assert said.problem[1] == f"Is {CONFIG} meant?"


def test_only_without_files_is_refused(shop):
    name = shop.request.db_file
    said = magerewind(shop, "setup:rollback", "-d", name, "--only", CONFIG, *HOW, code=2)
    assert said.problem == ["--only chooses files, so it needs --code-file or --media-file."]


def test_a_kind_of_which_nothing_is_chosen_is_named(shop, code, media):
    said = magerewind(shop, "setup:rollback", *code, *media, "--only", CONFIG, *HOW, code=1)
    assert "--only chooses nothing of media." in said.err


@pytest.mark.parametrize(
    "spelling",
    few(
        ["/{}/", "./{}", "{root}/{}", "app//etc/./config.php", "app/*/conf?g.php", "**/{}"], 2, 3, 4
    ),
)
def test_every_spelling_of_a_path(shop, code, spelling):
    word = spelling.format(CONFIG, root=shop.root)
    with instead(os.path.join(shop.root, CONFIG), b"<?php return 'other';"):
        said = magerewind(
            shop, "setup:rollback", *code, "--only", word, "--dry-run", "--json", code=0
        )
    changed = [row["path"] for row in said.objects if row["type"] == "PlannedEntry"]
    assert changed == [CONFIG]


def test_with_exclude_and_partial(shop, code):
    root = Path(shop.root)
    with (
        instead(root / CONFIG, b"changed"),
        instead(root / "app/etc/di.xml", None),
    ):
        (root / "app/etc/later").write_bytes(b"")
        plan = ["setup:rollback", *code, "--only", "app/etc", "--dry-run", "--json"]
        found = [
            {
                row["path"]
                for row in magerewind(shop, *plan, *more, code=0).objects
                if row["type"] == "PlannedEntry"
            }
            for more in ([], ["--exclude", "app/etc/d*"], ["--partial"])
        ]
        (root / "app/etc/later").unlink()
    assert found == [
        {CONFIG, "app/etc/di.xml", "app/etc/later"},
        {CONFIG, "app/etc/later"},
        {CONFIG, "app/etc/di.xml"},
    ]


def test_a_link_in_the_way_stops_it(shop, code):
    root = Path(shop.root)
    (root / "app/etc/vendor_path.php").exists()
    moved = root / "var/etc-moved"
    os.rename(root / "vendor/acme", moved)
    os.symlink("../var/etc-moved", root / "vendor/acme")
    try:
        inside = sorted(path.name for path in moved.iterdir())
        said = magerewind(
            shop, "setup:rollback", *code, "--only", f"vendor/acme/{inside[0]}", *HOW, code=1
        )
        assert "vendor/acme is no directory in the store now" in said.err
        assert sorted(path.name for path in moved.iterdir()) == inside
    finally:
        os.unlink(root / "vendor/acme")
        os.rename(moved, root / "vendor/acme")


def test_a_part_of_an_archive_of_unknown_make(shop):
    """Its entries are restored; its gaps remove nothing."""
    root = Path(shop.root)
    name = "1600000000_filesystem.tgz"
    with tarfile.open(os.path.join(shop.store.backups, name), "w:gz") as tar:
        tar.add(root / CONFIG, CONFIG)
    wanted = (root / CONFIG).read_bytes()
    with instead(root / CONFIG, b"changed"):
        magerewind(shop, "setup:rollback", "-c", name, "--only", CONFIG, *HOW, code=0)
        assert (root / CONFIG).read_bytes() == wanted
    said = magerewind(shop, "setup:rollback", "-c", name, "--only", "app/etc/di.xml", *HOW, code=1)
    assert "holds a part of the code only" in said.err
    assert (root / "app/etc/di.xml").exists()
    os.unlink(os.path.join(shop.store.backups, name))


def test_env_php_is_not_spoken_of_where_it_stays(shop, code):
    said = magerewind(shop, "setup:rollback", *code, "--only", CONFIG, "--dry-run", code=0)
    assert "env.php" not in said.out + said.err
    env = os.path.join(shop.root, "app/etc/env.php")
    with instead(env, Path(env).read_bytes().replace(b"'default'", b"'other'", 1)):
        said = magerewind(shop, "setup:rollback", *code, "--only", CONFIG, "--dry-run", code=0)
        assert "env.php" not in said.out + said.err


@as_root
def test_owner_and_mode_of_the_directories_above_stay(shop, code):
    above = Path(shop.root, "vendor/acme/odd")
    name = next(path for path in sorted(above.iterdir()) if path.is_file())
    was = above.stat()
    os.chown(above, 4321, 4321)
    above.chmod(0o750)
    try:
        with instead(name, b"changed"):
            only = os.path.relpath(name, shop.root)
            magerewind(shop, "setup:rollback", *code, "--only", only, *HOW, code=0)
        now = above.stat()
        assert (now.st_uid, now.st_gid, now.st_mode & 0o7777) == (4321, 4321, 0o750)
    finally:
        os.chown(above, was.st_uid, was.st_gid)
        above.chmod(was.st_mode & 0o7777)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "step", [11, pytest.param(1, marks=pytest.mark.crash)], ids=["some", "every"]
)
def test_killed_at_records_and_renames_of_a_partial_rollback(server, tmp_path, step):
    shop = Shop.make(tmp_path / "shop", server, f"only_crash_{step}")
    request = shop.back_up()
    root = Path(shop.root)
    shutil.rmtree(root / "vendor/acme")
    (root / CONFIG).write_bytes(b"changed")
    (root / "bin/magento").write_bytes(b"changed as well")
    shop.old = shop.state()
    tables = () if step > 1 else ("core_config_data",)
    request = structs.replace(
        request, db_file=request.db_file if tables else None, media_file=None,
        only=(CONFIG, "vendor/acme/odd"), only_table=tables, flush=False,
    )  # fmt: skip
    server.run(
        "UPDATE core_config_data SET value = 'changed' ORDER BY config_id LIMIT 2;"
        "DELETE FROM url_rewrite",
        schema=shop.schema,
    )
    shop.old = shop.state()
    summary, events = shop.run(request)
    assert summary.exit_code == 0, events
    shop.new = shop.state()
    assert shop.new != shop.old

    def back():
        done, told = shop.run(UndoRequest(job_id=shop.client().undoable().job_id, flush=False))
        assert done.exit_code == 0, told
        assert shop.state() == shop.old

    back()
    for where in ("journal", "rename", *(["sql"] if tables else [])):
        number, came = 1, 0
        while True:
            what = f"{where}:{number}:kill"
            try:
                summary, events = shop.run(request, fault=what)
            except JobError:  # killed before it could say that it had begun
                assert shop.state() == shop.old
            else:
                if not summary.interrupted:
                    break
            came += 1
            number += step if where != "sql" else 7
            if shop.client().interrupted() is not None:
                summary, events = shop.recover()
                assert shop.state() == (shop.new if summary.committed else shop.old), what
                assert (shop.closed(), shop.leftovers()) == (False, []), what
                if summary.committed:
                    back()
        assert came >= 1
        back()
