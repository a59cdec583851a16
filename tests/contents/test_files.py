"""Listing and showing the contents of a backup of files."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from core.backups.manifest import find_manifest
from core.backups.names import index_name
from core.backups.place import open_backups
from tests.archive.trees import covered
from tests.contents.looking import HOSTILE, NAME, Looking, foreign, make_store


@pytest.fixture
def shop(tmp_path: Path) -> Looking:
    made = make_store(tmp_path / "shop")
    made.back_up()
    return made


def test_a_list_has_every_member_once_with_its_facts(shop: Looking) -> None:
    said = shop.run("info:backups:files", NAME)
    assert said.code == 0
    lines = said.out.splitlines()
    assert len(lines) == len(covered(shop.root))
    assert any(
        line.startswith("-rw------- ") and line.endswith(" app/etc/env.php") for line in lines
    )
    assert any(
        line.startswith("drwxr-x--- ") and line.endswith(" app/code/empty") for line in lines
    )
    assert any(line.startswith("lrwxrwxrwx ") and "link -> A.php" in line for line in lines)
    assert any("app/code/B.php link to app/code/A.php" in line for line in lines)
    assert any(" 2020-09-13 " in line and line.endswith("app/code/A.php") for line in lines)


def test_hostile_names_are_inert(shop: Looking) -> None:
    said = shop.run("info:backups:files", NAME, "app/code")
    assert "\x1b" not in said.out
    assert "\x07" not in said.out
    assert "app/code/esc\\x1b]0;x\\x07\\nline" in said.out
    assert "app/code/\\xff\\xfe" in said.out


def test_json_has_a_row_a_member(shop: Looking) -> None:
    said = shop.run("info:backups:files", NAME, "--json")
    rows = {str(row["path"]): row for row in map(json.loads, said.out.splitlines())}
    assert len(rows) == len(covered(shop.root))
    row = rows["app/code/A.php"]
    assert (row["type"], row["kind"], row["size"], row["link"]) == ("Member", "file", 550, None)
    assert (row["mtime_s"], row["mode"], row["uid"]) == (1_600_000_000, "0644", os.geteuid())
    assert rows["app/code/link"]["link"] == "A.php"
    assert rows["app/code/B.php"]["kind"] == "hard-link"
    assert rows[f"app/code/{HOSTILE}"]["kind"] == "file"
    odd = next(row["path"] for row in rows.values() if isinstance(row["path"], dict))
    assert odd["b64"]


@pytest.mark.parametrize(
    ("part", "listed"),
    [
        ("app/etc", ["app/etc", "app/etc/config.php", "app/etc/env.php"]),
        ("./app//etc/", ["app/etc", "app/etc/config.php", "app/etc/env.php"]),
        ("app/etc/env.php", ["app/etc/env.php"]),
        ("{root}/app/etc/env.php", ["app/etc/env.php"]),
        ("app/code/empty", ["app/code/empty"]),
    ],
)
def test_a_path_limits_the_list(shop: Looking, part: str, listed: list[str]) -> None:
    said = shop.run("info:backups:files", NAME, part.format(root=shop.root))
    assert [line.split()[-1] for line in said.out.splitlines()] == listed


@pytest.mark.parametrize("command", ["files", "show"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((NAME, "app/nothing"), "There is no app/nothing in"),
        ((NAME, "app/etc/env.php/x"), "There is no app/etc/env.php/x in"),
        ((NAME, "../etc/passwd"), "has `..` in it"),
        ((NAME, "/etc/passwd"), "not below the root"),
        ((NAME, "x\x1b[31m"), "There is no x\\x1b[31m in"),
        (("1_filesystem.tgz", "app"), "doesn't exist"),
        (("../../x", "app"), "not the name of a backup"),
        (("1_db.sql", "app"), "doesn't exist"),
        ((f".{NAME}.manifest.json", "app"), "not the name of a backup"),
    ],
)
def test_what_is_not_there_is_one_clear_line(
    shop: Looking, command: str, words: tuple[str, ...], message: str
) -> None:
    said = shop.run(f"info:backups:{command}", *words)
    assert said.code in {1, 2}
    assert message in said.err
    assert not said.raw
    assert "unexpected" not in said.err
    assert len(said.err.splitlines()) <= 2


@pytest.mark.parametrize(
    "path", ["app/code/A.php", "app/code/binary.bin", "app/code/B.php", "vendor/large.bin"]
)
def test_a_file_is_shown_byte_by_byte(shop: Looking, path: str) -> None:
    said = shop.run("info:backups:show", NAME, path)
    assert (said.code, said.err) == (0, "")
    assert said.raw == (shop.root / path).read_bytes()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("app/code", "is a directory"),
        ("app/code/link", "is a link to A.php"),
        (".", "whole archive"),
    ],
)
def test_what_has_no_bytes_is_said(shop: Looking, path: str, message: str) -> None:
    said = shop.run("info:backups:show", NAME, path)
    assert said.code != 0
    assert message in said.err
    assert not said.raw


def on_terminal(shop: Looking, path: str) -> tuple[int, bytes]:
    """Return exit code and output of a show whose stdout is a terminal."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-I", "-m", "core", "info:backups:show", NAME, path,
         "--root", str(shop.root)],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    out = b""
    try:
        while piece := os.read(ours, 4096):
            out += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    return done.wait(timeout=60), out


def test_a_terminal_gets_nothing_that_it_would_obey(shop: Looking) -> None:
    code, out = on_terminal(shop, f"app/code/{HOSTILE}")
    assert (code, out) == (0, b"text\\x1b[31m red\r\n")
    code, out = on_terminal(shop, "app/code/binary.bin")
    assert code != 0
    assert b"binary file" in out
    assert b"\x01" not in out


def index_of(shop: Looking) -> Path:
    return shop.backups / index_name(NAME)


def digest_in_manifest(shop: Looking) -> str:
    with open_backups(str(shop.backups)) as directory:
        manifest = find_manifest(directory, NAME).manifest
    assert manifest is not None
    return manifest.index_sha256


@pytest.mark.parametrize(
    "harm", ["missing", "cut", "flipped", "in a block", "of another", "open", "a link"]
)
def test_an_index_that_does_not_fit_is_made_again(shop: Looking, tmp_path: Path, harm: str) -> None:
    before, path = shop.run("info:backups:files", NAME).out, index_of(shop)
    content = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(content[:-1])
    elif harm == "flipped":
        path.write_bytes(content[:-80] + bytes([content[-80] ^ 1]) + content[-79:])
    elif harm == "in a block":
        path.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])
    elif harm == "of another":
        shop.put("app/more.php", b"more")
        shop.back_up("1763869001_filesystem.tgz")
        (shop.backups / index_name("1763869001_filesystem.tgz")).rename(path)
    elif harm == "open":
        path.chmod(0o666)
    else:
        (tmp_path / "elsewhere").write_bytes(content)
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere")
    said = shop.run("info:backups:files", NAME)
    assert (said.code, said.out) == (0, before)
    made = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not path.is_symlink()
    assert shop.run("info:backups:show", NAME, "app/code/A.php").raw
    assert path.read_bytes() == made  # it was taken as it is
    assert min(os.listdir(shop.backups)) == index_name(NAME)


def test_an_older_backup_gets_an_index_when_it_is_looked_into(shop: Looking) -> None:
    shop.back_up(indexed=False)
    assert shop.run("info:backups:show", NAME, "app/code/A.php").code == 0
    assert index_of(shop).exists()
    assert digest_in_manifest(shop)


def test_read_only_keeps_no_index(shop: Looking) -> None:
    index_of(shop).unlink()
    before = digest_in_manifest(shop)
    assert shop.run("info:backups:files", NAME, "--read-only").code == 0
    assert not index_of(shop).exists()
    assert digest_in_manifest(shop) == before


def test_a_list_goes_on_without_a_readable_configuration(shop: Looking) -> None:
    shop.put("app/etc/env.php", b"<?php broken(")
    (shop.root / "var/.maintenance.flag").touch()
    assert shop.run("info:backups:show", NAME, "app/etc/env.php").raw.startswith(b"<?php return")


def test_a_damaged_archive_is_one_clear_line(shop: Looking) -> None:
    path = shop.backups / NAME
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    said = shop.run("info:backups:show", NAME, "app/code/A.php")
    assert said.code == 1
    assert "is damaged" in said.err
    index_of(shop).unlink()
    said = shop.run("info:backups:files", NAME)
    assert said.code == 1
    assert "is damaged" in said.err
    assert not index_of(shop).exists()


def test_an_archive_of_others_is_looked_into_as_well(shop: Looking) -> None:
    name = foreign(shop, "--sort=none")
    said = shop.run("info:backups:files", name)
    assert said.code == 0
    assert "app/code/A.php" in said.out
    assert (shop.backups / index_name(name)).exists()
    for path in ("app/code/A.php", "app/code/B.php", "vendor/large.bin"):
        assert shop.run("info:backups:show", name, path).raw == (shop.root / path).read_bytes()
    os.utime(shop.backups / name, (1, 1))  # another file of that name, for all that is known
    shop.put("app/new.php", b"new")
    foreign(shop)
    assert shop.run("info:backups:show", name, "app/new.php").raw == b"new"


def test_an_index_goes_with_its_backup(shop: Looking) -> None:
    assert shop.run("info:backups:delete", NAME, "--yes").code == 0
    assert os.listdir(shop.backups) == []


def test_an_index_is_not_named_in_the_list(shop: Looking) -> None:
    said = shop.run("info:backups:list")
    assert ".index" not in said.out + said.err
