import pytest
from msgspec.structs import replace

from core.cli.command_table import COMMANDS
from core.cli.main import run
from core.cli.parser import (
    CommandLine,
    TextRequested,
    _parsers_of_commands,
    make_parser,
    parse,
)
from core.errors import UsageError
from core.events import Kind


def parsed(words: list[str]) -> CommandLine:
    """Return the fields of a command line, without the names of those that the words set."""
    return replace(parse(words), given=frozenset())


def test_without_words_the_application_is_asked_for() -> None:
    assert parsed([]) == CommandLine()
    assert parsed(["--read-only", "--ascii", "--no-mouse"]) == CommandLine(
        read_only=True, ascii=True, mouse=False
    )


def test_a_backup_with_everything() -> None:
    words = "setup:backup --db --code --keep-open --no-verify --exclude a/** --exclude @tmp"
    line = parsed([*words.split(), "--strip", "@log,quote", "--level", "1", "--note", "for ö"])
    assert line == CommandLine(
        command="setup:backup",
        kinds=(Kind.DB, Kind.CODE),
        keep_open=True,
        verify=False,
        exclude=("a/**", "@tmp"),
        strip=("@log", "quote"),
        level=1,
        note="for ö",
    )


@pytest.mark.parametrize(
    "words",
    [
        ["-c", "1_filesystem.tgz"],
        ["--code-file", "1_filesystem.tgz"],
        ["--code-file=1_filesystem.tgz"],
        ["-c1_filesystem.tgz"],
    ],
)
def test_a_file_is_named_as_in_magento(words: list[str]) -> None:
    assert parse(["setup:rollback", *words]).code_file == "1_filesystem.tgz"


@pytest.mark.parametrize("letter", ["c", "m", "d"])
def test_the_wrong_syntax_of_older_pages_is_explained(letter: str) -> None:
    with pytest.raises(UsageError, match="without an equals sign") as caught:
        parse(["setup:rollback", f"-{letter}=1_x"])
    assert f"-{letter} 1_x" in str(caught.value.hint)


@pytest.mark.parametrize("first", [True, False])
def test_common_options_stand_before_or_after_the_command(first: bool) -> None:
    common = ["-q", "-n", "-v", "--root", "/r", "--json", "-y", "--no-ansi"]
    command = ["setup:rollback", "-d", "1_db.sql"]
    line = parsed([*common, *command] if first else [*command, *common])
    assert line == CommandLine(
        command="setup:rollback",
        db_file="1_db.sql",
        quiet=True,
        interactive=False,
        verbose=1,
        root="/r",
        as_json=True,
        yes=True,
        ansi=False,
    )


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("-v", 1),
        ("-vv", 2),
        ("-vvv", 3),
        ("--verbose", 1),
        ("--verbose=1", 1),
        ("--verbose=2", 2),
        ("--verbose=3", 3),
    ],
)
def test_how_much_is_said_is_asked_for_as_in_magento(word: str, level: int) -> None:
    assert parse([word, "info:store"]).verbose == level
    assert parse(["info:store", word]).verbose == level


INIT = "--magento-init-params"


@pytest.mark.parametrize("command", ["setup:backup", "setup:rollback"])
def test_parameters_that_change_no_place_have_no_effect(command: str) -> None:
    given = [INIT, "MAGE_MODE=developer", f"{INIT}=MAGE_RUN_CODE=de&MAGE_RUN_TYPE=store"]
    assert parsed([command, *given]) == CommandLine(command=command)


@pytest.mark.parametrize(
    "params",
    [
        "MAGE_DIRS[base][path]=/srv",
        "MAGE_MODE=production&MAGE_DIRS[var][path]=/srv/var",
        "MAGE_DIRS%5Bmedia%5D%5Bpath%5D=/srv/media",
        " MAGE.DIRS[media][path]=/srv/media",
        "MAGE_CONFIG_FILE=other.php",
        "MAGE_CONFIG[db][connection][default][dbname]=other",
    ],
)
def test_parameters_that_mean_another_store_are_refused(params: str) -> None:
    with pytest.raises(UsageError, match=r"^--magento-init-params: MAGE_") as caught:
        parse(["setup:backup", "--db", f"{INIT}={params}"])
    assert caught.value.hint is None


@pytest.mark.parametrize(
    "words",
    [
        ["--verbose=4", "info:store"],
        ["--verbose=", "info:store"],
        ["info:store", "--magento-init-params=MAGE_MODE=default"],
        ["--cod"],
        ["--quie", "info:store"],
        ["setup:backup", "--cod"],
        ["setup:backup", "--verb"],
        ["setup:backup", "extra"],
        ["setup:backup", "--level", "ten"],
        ["setup:backup", "--level", "10"],
        ["setup:backup", "--level", "²"],
        ["setup:backup", "--level", "9" * 5000],
        ["setup:backup", "--keep-last", "9" * 5000],
        ["setup:backup", "--keep-within", "9" * 5000],
        ["info:backups:prune", "--keep-daily", "0" * 5000 + "x"],
        ["x" * 5000],
        ["setup:rollback", "-c"],
        ["info:backups:delete"],
        ["info:backups:list", "--code"],
        ["job:attach", "1", "2"],
        ["job:run"],
        ["info:store", "--root", ""],
        ["backup"],
    ],
)
def test_words_that_are_off_are_refused(words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 250
    assert caught.value.exit_code == 2


def test_a_mistyped_command_gets_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["setup:bakup"])
    assert caught.value.hint == "Did you mean setup:backup?"


def test_the_runner_is_not_shown_to_people() -> None:
    words = ["job:run", "20261123-1", "--root", "/r", "--ready-fd", "7", "--from-host", "web2"]
    assert parsed(words) == CommandLine(
        command="job:run", job_id="20261123-1", root="/r", ready_fd=7, from_host="web2"
    )
    with pytest.raises(TextRequested) as asked:
        parse(["--help"])
    assert "setup:backup" in asked.value.text
    assert "job:run" not in asked.value.text


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_has_help(command: str) -> None:
    with pytest.raises(TextRequested) as asked:
        parse([command, "-h"])
    assert asked.value.code == 0
    assert command in asked.value.text


@pytest.mark.parametrize("words", [["-V"], ["--version"], ["info:store", "-V"]])
def test_the_version(words: list[str]) -> None:
    with pytest.raises(TextRequested) as asked:
        parse(words)
    assert asked.value.text.startswith("magerewind 0.")


def test_questions_need_a_person_who_sees_them() -> None:
    assert parse(["job:undo"]).may_ask
    for option in ("-n", "-q", "--json"):
        assert not parse(["job:undo", option]).may_ask


MAY_BE_EMPTY = {"--note", "--magento-init-params", "text"}  # no note; nothing asked of Magento
MAY_BE_EMPTY |= {"--code-file", "--media-file", "--db-file"}  # refused later, in Magento's words


def test_no_value_may_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_parser()
    monkeypatch.setattr("core.cli.parser.make_parser", lambda: made)  # 200 of them take seconds
    parsers = _parsers_of_commands(made)
    taken = []
    for command, parser in parsers.items():
        wanted = [one for one in parser._actions if one.required and not one.option_strings]
        for action in parser._actions:
            name = (action.option_strings or [action.dest])[-1]
            if action.nargs == 0 or name in MAY_BE_EMPTY:
                continue
            if action.option_strings:
                words = [*(one.choices[0] if one.choices else "x" for one in wanted), f"{name}="]
            else:
                words = ["" if one is action else "x" for one in wanted] or [""]
                words += [] if action in wanted else [""]
            try:
                parse([command, *words])
            except UsageError:
                continue
            taken.append((command, *words))
    assert taken == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["setup:backup", "--exclude=@foo"], ["--exclude", "@foo"]),
        (["setup:backup", "--exclude=../x"], ["--exclude", "../x"]),
        (["setup:rollback", "--exclude=/"], ["--exclude", "'/'"]),
        (["setup:rollback", "--only=@foo"], ["--only", "@foo"]),
        (["setup:rollback", "--only=a/../b"], ["--only", "a/../b"]),
        (["setup:backup", "--strip=@foo"], ["--strip", "@foo"]),
        (["setup:backup", "--strip=quote,@foo"], ["--strip", "@foo"]),
        (["setup:backup", "--strip=,"], ["--strip"]),
        (["setup:rollback", "--only-table=@foo"], ["--only-table", "@foo"]),
        (["setup:rollback", "--exclude-table=@foo"], ["--exclude-table", "@foo"]),
        (["setup:backup", "--keep-last=-2"], ["--keep-last", "-1", "-2"]),
        (["info:store", "--check", "--warning=x"], ["--warning", "'x'"]),
        (["info:store", "--critical=2d"], ["--critical", "--check"]),
        (["info:store", "--check", "--warning=2d", "--critical=1h"], ["--critical 1h", "2d"]),
        ([""], ["command ''"]),
    ],
)
def test_a_wrong_value_is_named_with_its_option(words: list[str], said: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert caught.value.exit_code == 2
    assert [one for one in said if one not in caught.value.message] == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["setup"], "magerewind list setup shows the commands that begin so."),
        (["info:backups:"], "magerewind list info:backups shows the commands that begin so."),
        (["info:store", "--foo"], "magerewind --help shows what there is."),
        (["info:store", "--chekc"], "Did you mean --check?"),
    ],
)
def test_a_hint_leads_on(words: list[str], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert str(caught.value.hint).replace("magerewind info:store", "magerewind") == hint


def test_words_that_are_off_are_unknown_to_monitoring(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info:store", "--check", "--foo"]) == 3
    assert capsys.readouterr().out.startswith("UNKNOWN - unrecognized arguments: --foo")
    assert run(["info:store", "--foo"]) == 2
