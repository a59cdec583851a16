"""`help`, `list`, and the suggestions for mistyped words."""

import json
from pathlib import Path

import pytest

from core.cli.command_table import COMMANDS
from core.cli.help_commands import commands_in
from core.cli.parser import parse
from core.errors import UsageError
from tests.cli.command_line import run_plain


def test_the_list_has_every_command_under_its_namespace(tmp_path: Path) -> None:
    lines = run_plain("list", cwd=tmp_path).stdout.splitlines()
    before: dict[str, str] = {}
    group = ""
    for line in lines[lines.index("Available commands:") + 1 :]:
        if line.startswith("  "):
            before[line.split()[0]] = group
        else:
            group = line.strip()
    assert before == {one.name: one.name.rpartition(":")[0] for one in COMMANDS}


def test_one_namespace_is_listed_with_those_below_it(tmp_path: Path) -> None:
    done = run_plain("list", "info", "--json", cwd=tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["namespace"] for row in rows} == {"info", "info:backups"}
    assert {row["name"] for row in rows} == {one.name for one in commands_in("info")}
    assert all(one.name.startswith("info:") for one in commands_in("info"))


def test_help_is_that_of_the_option(tmp_path: Path) -> None:
    for words in ((), ("setup:rollback",)):
        shown = run_plain("help", *words, cwd=tmp_path)
        assert (shown.returncode, shown.stdout) == (
            0,
            run_plain(*words, "--help", cwd=tmp_path).stdout,
        )


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["help", "setup:bakup"], "There is no command setup:bakup.", "Did you mean setup:backup?"),
        (["list", "setpu"], "There is no namespace setpu.", "Did you mean setup?"),
        (["help", ""], "argument COMMAND: a name is expected", "--help shows what there is."),
    ],
)
def test_what_there_is_not(words: list[str], message: str, hint: str, tmp_path: Path) -> None:
    done = run_plain(*words, cwd=tmp_path)
    first, second = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert message in first
    assert hint in second


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["setup:backup", "--dry-rnu"], "Did you mean --dry-run?"),
        (["--verbos", "setup:backup"], "Did you mean --verbose?"),
        (["setup:rollback", "--kep-env=yes"], "Did you mean --keep-env?"),
        (["info:backups:extract", "N", "P", "--too", "D"], "Did you mean --to?"),
        (
            ["setup:rollback", "--compress-level", "3"],
            "--compress-level is an option of setup:backup, config:show.",
        ),
        (["setup:backup", "--zzzzzz"], "magerewind --help shows what there is."),
        (["info:backups:files", "N", "--", "--a", "--b"], "magerewind --help shows what there is."),
    ],
)
def test_mistyped_options_get_a_suggestion(words: list[str], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert caught.value.hint == hint
