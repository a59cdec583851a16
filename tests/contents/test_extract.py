"""Taking parts of a backup of files out into a directory."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.backups.names import manifest_name
from core.contents import extract_target as target_module
from tests.archive.trees import tree_hash
from tests.contents.looking import HOSTILE, NAME, Looking, foreign, make_store


@pytest.fixture
def shop(tmp_path: Path) -> Looking:
    made = make_store(tmp_path / "shop")
    made.back_up()
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.mark.parametrize("made_by", ["us", "tar"])
def test_what_is_taken_out_is_what_was_backed_up(shop: Looking, out: Path, made_by: str) -> None:
    name = NAME if made_by == "us" else foreign(shop, "--sort=none")
    (shop.root / "app/code/out").unlink()
    said = shop.run("info:backups:extract", name, "app", "vendor", "app/code", "--to", str(out))
    if made_by == "us":
        assert (said.code, said.err) == (0, "")
        assert (out / "app/code/out").readlink() == Path("/etc/hostname")
        (out / "app/code/out").unlink()
    else:
        assert said.code == 1  # a link out of the store, in an archive of unknown make
        assert "app/code/out was not extracted" in said.err
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    for part in ("app", "vendor"):
        assert tree_hash(str(out / part)) == tree_hash(str(shop.root / part))
    assert (out / "app/code/A.php").stat().st_mtime == 1_600_000_000
    assert sorted(os.listdir(out)) == ["app", "vendor"]


def test_one_file_comes_with_the_directories_above_it(shop: Looking, out: Path) -> None:
    assert shop.run("info:backups:extract", NAME, "app/etc/env.php", "--to", str(out)).code == 0
    assert stat.S_IMODE((out / "app/etc/env.php").stat().st_mode) == 0o600
    assert os.listdir(out / "app") == ["etc"]
    assert shop.run("info:backups:extract", NAME, "app/etc/config.php", "--to", str(out)).code == 0
    assert sorted(os.listdir(out / "app/etc")) == ["config.php", "env.php"]


def test_nothing_that_exists_is_replaced(shop: Looking, out: Path) -> None:
    (out / "app/etc").mkdir(parents=True)
    (out / "app/etc/env.php").write_text("mine")
    (out / "app/code").symlink_to(shop.root / "vendor")
    said = shop.run("info:backups:extract", NAME, "app", "--to", str(out))
    assert said.code == 1
    assert "app/etc/env.php was not extracted: it exists already" in said.err
    assert "app/code was not extracted" in said.err
    assert re.search(r"Extracted to .*: 1 file, .*; \d+ were not extracted\.", said.err), said.err
    said = shop.run("info:backups:extract", NAME, "app/etc/env.php", "--to", str(out))
    assert "SUCCESS" not in said.out + said.err
    assert f"Nothing was extracted to {out}; 1 was not extracted." in said.err
    assert (out / "app/etc/env.php").read_text() == "mine"
    assert (out / "app/etc/config.php").exists()
    assert os.listdir(shop.root / "vendor") == ["large.bin"]


@pytest.mark.parametrize(
    "place",
    ["{root}", "{root}/x", "{root}/var/x", "{root}/pub/media/x", "{link}/x", "{media}/x",
     "{root}/app/../x", "{above}", "{shared}/x"],
)  # fmt: skip
def test_nothing_is_ever_written_into_the_store(shop: Looking, tmp_path: Path, place: str) -> None:
    elsewhere, shared = tmp_path / "media", tmp_path / "shared"
    elsewhere.mkdir()
    shared.mkdir()
    (shop.root / "pub").mkdir()
    (shop.root / "pub/media").symlink_to(elsewhere)
    (shop.root / "generated").symlink_to(shared)
    (tmp_path / "link").symlink_to(shop.root / "app")
    shop.root.rename(tmp_path / "bin")  # a member's name, so that one from above would lead in
    shop = Looking(tmp_path / "bin")
    before = tree_hash(str(shop.root))
    words = {
        "root": shop.root, "link": tmp_path / "link", "media": elsewhere, "above": tmp_path,
        "shared": shared,
    }  # fmt: skip
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to(shop.root / "app")
    place = place.format(**words)
    said = shop.run("info:backups:extract", NAME, "bin", "--to", place)
    assert said.code != 0
    assert "inside the store" in said.err
    assert tree_hash(str(shop.root)) == before
    assert not os.listdir(elsewhere) + os.listdir(shared)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("app/nothing",), "There is no app/nothing"),
        (("app/etc", "app/nothing"), "There is no app/nothing"),
        (("../x",), "has `..` in it"),
        (("/etc/passwd",), "not below the root"),
    ],
)
def test_all_parts_are_looked_for_first(
    shop: Looking, out: Path, words: tuple[str, ...], message: str
) -> None:
    said = shop.run("info:backups:extract", NAME, *words, "--to", str(out))
    assert said.code != 0
    assert message in said.err
    assert not out.exists()


@pytest.mark.parametrize("place", ["a-file", "missing/below", "a-file/below"])
def test_a_place_that_cannot_be_is_one_clear_line(
    shop: Looking, tmp_path: Path, place: str
) -> None:
    (tmp_path / "a-file").touch()
    said = shop.run("info:backups:extract", NAME, "app", "--to", str(tmp_path / place))
    assert said.code == 1
    assert len(said.err.splitlines()) <= 2  # and its cure
    assert "unexpected" not in said.err


def test_a_working_directory_that_is_gone_is_one_clear_line(
    shop: Looking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as there:
        (tmp_path / "gone").mkdir()
        there.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        said = shop.run("info:backups:extract", NAME, "app", "--to", "out")
    assert said.code == 1
    assert said.err.startswith("The working directory does not exist any more.")


def test_a_full_disk_is_one_clear_line(
    shop: Looking, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target_module, "write_all", full)
    said = shop.run("info:backups:extract", NAME, "app/etc", "--to", str(out))
    assert said.code == 1
    assert "No space left" in said.err
    assert os.listdir(out / "app/etc") == []


def test_a_kill_leaves_no_half_file_under_its_name(shop: Looking, out: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from core.contents import extract_target\n"
        "from core.cli.main import run\n"
        "written = extract_target.write_all\n"
        "def write_all(fd, content):\n"
        "    written(fd, content[: len(content) // 2])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "extract_target.write_all = write_all\n"
        "run(sys.argv[1:])\n"
    )
    words = ("info:backups:extract", NAME, "vendor", "--to", str(out), "--root", str(shop.root))
    killed = subprocess.run([sys.executable, "-c", script, *words], check=False)
    assert killed.returncode == -signal.SIGKILL
    [left] = os.listdir(out / "vendor")
    assert left.startswith(".magerewind-")
    assert shop.run(*words[:-2]).code == 0
    assert (out / "vendor/large.bin").read_bytes() == (shop.root / "vendor/large.bin").read_bytes()


def test_names_that_only_case_tells_apart_are_not_mixed(
    shop: Looking, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without case, `made` names `Made`: mkdir reports that it exists."""
    shop.put("app/Made/x", b"upper")
    shop.put("app/made/y", b"lower")
    shop.back_up()
    mkdir = os.mkdir

    def without_case(name: bytes, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        if name == b"made":
            raise FileExistsError(17, "File exists")
        mkdir(name, mode, dir_fd=dir_fd)

    monkeypatch.setattr(target_module.os, "mkdir", without_case)
    said = shop.run("info:backups:extract", NAME, "app", "--to", str(out))
    assert said.code == 1
    assert "app/made was not extracted: another name stands for it" in said.err
    assert os.listdir(out / "app/Made") == ["x"]


def test_json_says_what_became_of_each_entry(shop: Looking, out: Path) -> None:
    out.mkdir()
    (out / "app").write_text("in the way")
    said = shop.run("info:backups:extract", NAME, "app/etc", "bin", "--to", str(out), "--json")
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["type"] for row in rows] == ["NotExtracted"] * 3 + ["Extracted"] * 2
    assert rows[-1] == {"type": "Extracted", "path": "bin/magento", "kind": "file", "size": 19}


def test_a_hostile_name_is_named_inertly(shop: Looking, out: Path) -> None:
    for expected in (0, 1):
        said = shop.run("info:backups:extract", NAME, f"app/code/{HOSTILE}", "--to", str(out))
        assert said.code == expected
    assert "\x1b" not in said.err
    assert "esc\\x1b]0;x\\x07\\nline was not extracted" in said.err


# The plan of a command is removed when its process ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_backup_without_its_manifest_is_refused_and_not_damaged(
    shop: Looking, tmp_path: Path
) -> None:
    (shop.root / "app/code/out").unlink()
    kept = (shop.backups / manifest_name(NAME)).rename(tmp_path / "kept")
    shop.put("var/backups/1763869001_db.sql", b"GRANT ALL ON *.* TO x;\n")
    rollback = ("setup:rollback", "--dry-run", "--code-file", NAME)
    for words in (rollback, ("info:backups:verify",), ("info:backups:list",), rollback):
        said = shop.run(*words)
        text = " ".join((said.out + said.err).split())
        assert f"{NAME} is refused: a link that leads out of the store" in text, words
        assert f"Bring its manifest ({manifest_name(NAME)}) beside it" in text, words
        assert "damaged" not in text.lower(), words
        assert ("_db.sql is refused: line 1: " in text) == (words[0][:4] == "info"), words
    kept.rename(shop.backups / manifest_name(NAME))
    assert shop.run("info:backups:verify", NAME).code == 0


def test_every_place_that_is_no_directory_has_a_cure(shop: Looking, tmp_path: Path) -> None:
    (shop.root / "file").touch()
    (shop.root / "loop").symlink_to("loop")
    (shop.root / "dead").symlink_to("/nowhere/x")
    cures = {
        "file": "no directory: move away what stands there.",
        "dead": "a link to /nowhere/x, which is not there: mount it, or remove the link.",
        "loop": "a link that leads back to itself: remove it.",
        "none": "There is no ",
    }
    for name, cure in cures.items():
        said = shop.run("info:backups:extract", NAME, "app", "--to", f"{shop.root}/{name}/x/y")
        assert (said.code, cure in said.err, name in said.err) == (1, True, True), said
    for part in ("var/backups", "var"):
        place = shop.root / part
        place.rename(tmp_path / "kept")
        for name in ("file", "dead", "loop"):
            if name == "file":
                place.touch()
            else:
                place.symlink_to("/nowhere/x" if name == "dead" else place.name)
            for words in (("info:backups:list",), ("setup:backup", "--code"), ("info:store",)):
                said = shop.run(*words)
                assert (said.code, cures[name] in said.err) == (1, True), (name, words, said)
            place.unlink()
        (tmp_path / "kept").rename(place)
