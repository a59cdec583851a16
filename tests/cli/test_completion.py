"""Completion in real shells, with the names of a store."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.completion import completion_script
from tests.cli.command_line import PLAIN, run_plain

DUMP, ARCHIVE, OLD = "1700000001_db.sql", "1700000001_filesystem.tgz", "1600000000_db.sql"
OTHER = "1500000000_db.sql"  # of another store
JOBS = ("20261123-031500-1a2b", "20261124-031500-3c4d")
HOSTILE = ("1700000002_db_$(touch pwned).sql", "1700000002_db_a b.sql", "x`id`.sql", "-x.sql")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    root = tmp_path / "store"
    (root / "bin").mkdir(parents=True)
    (root / "bin/magento").touch()
    (root / "app/etc").mkdir(parents=True)
    (root / "var/backups").mkdir(parents=True)
    for name in (DUMP, ARCHIVE, OLD, *HOSTILE):
        (root / "var/backups" / name).touch()
    for path in ("var/.magerewind", "var/.magerewind/jobs"):
        (root / path).mkdir(0o700)
    for job in JOBS:
        (root / "var/.magerewind/jobs" / job).mkdir(0o700)
    other = tmp_path / "other"
    (other / "var/backups").mkdir(parents=True)
    (other / "var/backups" / OTHER).touch()
    (tmp_path / "two.toml").write_text(f'[stores.two]\nroot = "{other}"\n')
    program = tmp_path / "bin/magerewind"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -m core "$@"\n')
    program.chmod(0o755)
    return root


def run_shell(store: Path, *command: str) -> str:
    """Return the output of a shell in the store, which must be unchanged afterwards."""
    before = sorted(store.rglob("*"))
    done = subprocess.run(
        command,
        cwd=store,
        env={**PLAIN, "PATH": f"{store.parent}/bin:{os.environ['PATH']}", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert sorted(store.rglob("*")) == before
    return done.stdout


def split(line: str) -> list[str]:
    """Return the words of a line as readline has them, the last one being completed."""
    spaced = line.replace(":", " : ").replace("=", " = ")
    return spaced.split() + ([""] if line.endswith(" ") else [])


CASES = [
    ("magerewind info:backups:ve", ["verify"]),
    ("magerewind setup:", ["backup", "rollback"]),
    ("magerewind setup:backup --comp", ["--compress", "--compress-level"]),
    ("magerewind setup:backup --compress z", ["zstd"]),
    ("magerewind setup:backup --compress=", ["none", "gzip", "zstd"]),
    ("magerewind info:backups:verify ", [ARCHIVE, DUMP, OLD]),
    (f"magerewind info:backups:verify {OLD} 17", [ARCHIVE, DUMP]),
    ("magerewind setup:rollback -d 1700000001_d", [DUMP]),
    ("magerewind setup:rollback --db-file=16", [OLD]),
    ("magerewind job:undo 20261124", [JOBS[1]]),
    ("magerewind job:attach ", [JOBS[1], JOBS[0]]),
    ("magerewind --root va", ["var"]),
    ("magerewind help job:un", ["undo"]),
    ("magerewind list info:", ["backups"]),
    ("magerewind completion f", ["fish"]),
    ("magerewind --root ../other info:backups:verify ", [OTHER]),
    ("magerewind info:backups:verify --root=../other 15", [OTHER]),
    ("magerewind setup:rollback --store two --config ../two.toml -d ", [OTHER]),
    ("magerewind setup:rollback --store none --config ../two.toml -d ", []),
]


def test_bash(store: Path) -> None:
    script = [completion_script("bash")]
    for line, _ in CASES:
        words = " ".join(f"'{word}'" for word in split(line))
        script.append(
            f"COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({words}) "
            f"COMP_CWORD={len(split(line)) - 1} COMPREPLY=(); _magerewind; "
            'echo "${COMPREPLY[*]}"'
        )
    # Completion that is off in a shell without a terminal is said on stderr of compopt alone.
    said = run_shell(store, "bash", "--norc", "-c", "\n".join(script)).splitlines()
    assert dict(zip([line for line, _ in CASES], said, strict=True)) == {
        line: " ".join(found) for line, found in CASES
    }


def test_bash_completes_with_the_function_that_joins_words() -> None:
    script = f"{completion_script('bash')}\ncomplete -p magerewind"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "complete -o bashdefault -F _magerewind magerewind\n"


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
def test_fish(store: Path) -> None:
    lines = [
        "magerewind setup:b",
        "magerewind info:backups:verify 17",
        "magerewind job:undo 2026",
        "magerewind --root=../other info:backups:verify 15",
    ]
    asked = "".join(f"complete -C '{line}'\n" for line in lines)
    said = run_shell(store, "fish", "--no-config", "-c", f"{completion_script('fish')}\n{asked}")
    assert [line.split("\t")[0] for line in said.splitlines()] == [
        "setup:backup", ARCHIVE, DUMP, JOBS[1], JOBS[0], OTHER,
    ]  # fmt: skip


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
def test_zsh(store: Path) -> None:
    script = store.parent / "_magerewind"
    script.write_text(completion_script("zsh"))
    lines = [
        "setup:b",
        "info:backups:verify 1700000001_d",
        "job:undo 20261124",
        "--root ../other info:backups:verify 15",
    ]
    talk = [
        "zmodload zsh/zpty",
        "zpty shell zsh -f -i",
        "zpty -w shell 'PROMPT=; autoload -U compinit; compinit -u -D'",
        f'zpty -w shell \'eval "$(<{script})"; print -r -- REA""DY\'',
        "zpty -r shell said '*READY*'",
        # Tab completes the word, and the line is printed instead of being run. Each key is sent
        # after the line editor has the terminal: keys that come between two lines can be lost.
        (
            'zpty -w shell \'accept() { print -r -- "<$BUFFER>"; BUFFER=; zle .accept-line }; '
            'zle -N accept; bindkey "^J" accept "^I" complete-word; '
            'zle-line-init() { print -r -- ED""IT }; zle -N zle-line-init\''
        ),
        "zpty -r shell said '*EDIT*'",
        *(
            f"zpty -w -n shell $'magerewind {line}\\t\\n'; "
            "zpty -r shell said '*<magerewind*>*EDIT*'; print -r -- ${${said##*<}%%>*}"
            for line in lines
        ),
        "zpty -d shell",
    ]
    said = run_shell(store, "zsh", "-f", "-c", "\n".join(talk))
    assert [line.split()[-1] for line in said.splitlines()] == [
        "setup:backup", DUMP, JOBS[1], OTHER,
    ]  # fmt: skip


def test_names_are_asked_for_without_a_word_of_failure(store: Path) -> None:
    said = run_plain("complete:names", "backups", cwd=store)
    assert said.stdout.split("\n") == [ARCHIVE, DUMP, OLD, ""]
    (store / "var/.magerewind").chmod(0o777)  # state that is not believed
    for words, cwd in ((["jobs"], store), (["backups"], store.parent), ([], store.parent)):
        done = run_plain("complete:names", *words, cwd=cwd)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_asking_for_names_ends_by_itself() -> None:
    script = (
        "import signal; from core.cli import completed_names as names; "
        "names._LIMIT_S = 0.01; names.end_soon(); signal.pause(); raise SystemExit(7)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
