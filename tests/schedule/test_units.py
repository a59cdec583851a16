"""Units and lines of cron, held against the programs that read them."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from core.cli.due_view import check_line, due_json
from core.errors import PreflightRefused
from core.events import Kind
from core.sample.sizes import Size
from core.sample.store import make_store
from core.schedule import crontab
from core.schedule.due import Due
from core.schedule.install import (
    Installed,
    SchedulePlaces,
    Way,
    find_installed,
    install,
    moment_of,
    remove,
)
from core.schedule.programs import systemd_runs
from core.schedule.units import Schedule, find_in, service_text, timer_text
from tests.cli.command_line import ENVIRON, MAGEREWIND, Shop

ODD = "a \"b\" 'c' 50%é\\$X ;#"
EVERY = sorted(Path(__file__).parent.glob("*.py"))


def schedule(root, *, commands=None, calendar="daily"):
    return Schedule(
        root=str(root),
        on_calendar=calendar,
        kinds=("code", "db"),
        commands=commands or (("/bin/echo", str(root), "100%", "$HOME"),),
        account="root",
        writable=(str(root), f"{root}/var/backups"),
        interval_s=86_400.0,
    )


def words_of(service):
    """The words that systemd makes of a unit's commands."""
    lines = [line for line in service.splitlines() if line.startswith("ExecStart=")]
    found = [shlex.split(line.removeprefix("ExecStart=")) for line in lines]
    return [[word.replace("%%", "%").replace("$$", "$") for word in words] for words in found]


@pytest.mark.parametrize("end", ["\\", "\\" * 3])
def test_no_line_of_a_unit_is_joined_to_the_next(tmp_path, end):
    made = schedule(tmp_path / f"a{end}")
    for line in (service_text(made, system=True) + timer_text(made)).splitlines():
        assert (len(line) - len(line.rstrip("\\"))) % 2 == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("system", [True, False])
@pytest.mark.parametrize("name", ["plain", ODD, "ü ñ"])
def test_systemd_finds_no_fault_with_the_units(tmp_path, name, system):
    root = tmp_path / name
    root.mkdir()
    made = schedule(root)
    units = [tmp_path / f"{made.name}.service", tmp_path / f"{made.name}.timer"]
    units[0].write_text(service_text(made, system=system))
    units[1].write_text(timer_text(made))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = [line for line in said.stderr.splitlines() if "magerewind" in line]
    assert (said.returncode, ours) == (0, [])
    assert words_of(units[0].read_text()) == [list(words) for words in made.commands]
    assert find_in(units[1].read_text()) == made


@pytest.mark.parametrize("name", ["plain", ODD, "x" * 60])
def test_a_shell_gets_the_words_that_a_line_of_cron_was_made_of(tmp_path, name):
    made = schedule(tmp_path / name, commands=(("/bin/echo", name, "a%b", "\\%"),))
    line = crontab.block(made).decode().splitlines()[2]
    command = line.split(" ", 5)[5]
    # As cron does: a percent sign with a backslash before it is one, any other ends the command.
    assert not re.search(r"(?<!\\)%", command)
    said = subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%")], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"{name} a%b \\%\n"
    assert crontab.find_block(crontab.block(made), made.name) == made


@pytest.mark.parametrize(
    "table", [b"", b"# mine\n5 4 * * * true\n", b"no end of line", b"\xff\xfe odd\n", b"A=1\r\n"]
)
def test_other_lines_of_a_table_stay_as_they_are(tmp_path, table):
    made = schedule(tmp_path / "one")
    other = schedule(tmp_path / "two")
    with_other = crontab.with_block(table, other)
    both = crontab.with_block(with_other, made)
    assert crontab.with_block(both, made) == both
    assert crontab.without_block(both, made.name) == with_other
    kept = crontab.without_block(with_other, other.name)
    assert kept == (table if table.endswith(b"\n") or not table else table + b"\n")


def test_a_block_without_an_end_is_not_guessed_at(tmp_path):
    made = schedule(tmp_path)
    broken = crontab.block(made).splitlines(keepends=True)[:-1]
    with pytest.raises(PreflightRefused, match="no end"):
        crontab.with_block(b"".join(broken) + b"5 4 * * * true\n", made)


@pytest.mark.parametrize("root", ["/srv/a\nExecStart=/bin/false", "/srv/\udcff"])
def test_what_a_unit_cannot_hold_is_refused(root):
    with pytest.raises(PreflightRefused):
        service_text(schedule(root), system=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs for the system")
@pytest.mark.parametrize("way", [Way.SYSTEM, Way.CRON])
def test_what_is_installed_is_found_replaced_and_removed_again(tmp_path, way):
    places = SchedulePlaces(
        system=str(tmp_path / "system"), user=str(tmp_path / "user"), cron=str(tmp_path / "cron")
    )
    root = tmp_path / "store"
    install(schedule(root), way, places, {})
    install(schedule(root, calendar="02:30"), way, places, {})
    [found] = find_installed(str(root), places, {})
    assert (found.way, found.schedule.on_calendar) == (way, "02:30")
    assert all(os.stat(path).st_mode & 0o777 == 0o644 for path in found.places)
    assert not [
        name
        for path in found.places
        for name in os.listdir(os.path.dirname(path))
        if name.startswith(".")
    ]
    remove(found, {})
    assert find_installed(str(root), places, {}) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs for the system")
def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    places = SchedulePlaces(system=str(tmp_path), user="", cron="")
    made = schedule(tmp_path / "store")
    other = tmp_path / f"{made.name}.service"
    other.write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(PreflightRefused, match="left as it is"):
        install(made, Way.SYSTEM, places, {})
    assert other.read_text() == "[Service]\nExecStart=/bin/true\n"


class Scheduled(Shop):
    """A store whose account has a home of its own."""

    def say(self, *words, code=0):
        done = subprocess.run(
            [*MAGEREWIND, *words, "--root", str(self.root)],
            env={**ENVIRON, "HOME": str(self.root.parent), "XDG_CONFIG_HOME": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done
        return done


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("scheduled") / ODD
    make_store(str(root), size=Size.SMALL)
    return Scheduled(root)


def test_from_the_first_check_to_the_run_of_the_unit_and_its_removal(store):
    assert "CRITICAL - code never" in store.say("info:store", "--check", code=2).stdout
    words = (
        "schedule:install",
        "--user",
        "--code",
        "--keep-last=3",
        "--on-calendar=Mon..Fri 03:00",
    )
    shown = store.say(*words, "--dry-run")
    assert "OnCalendar=Mon..Fri 03:00" in shown.stdout
    assert not (store.root.parent / ".config").exists()
    said = store.say(*words)
    assert "enable --now" in said.stderr + said.stdout
    units = store.root.parent / ".config/systemd/user"
    [service] = units.glob("*.service")
    [command] = words_of(service.read_text())
    assert command[-2:] == ["--no-interaction", "--no-ansi"]
    assert "OVERDUE" in store.say("schedule:status", code=1).stdout
    assert "OVERDUE" in store.say("info:store", code=1).stdout
    subprocess.run(command, env=ENVIRON, cwd="/", check=True, capture_output=True, timeout=120)
    assert len(store.names("_filesystem.tgz")) == 1
    status = store.say("schedule:status", "--json").stdout.splitlines()
    due = json.loads(status[-1])
    assert due["overdue"] is False
    assert due["warning_s"] > 3 * 86_400
    if systemd_runs():
        assert due["next_s"] > due["kinds"]["code"]["last_s"]
        line, state = store.say("info:store", "--check").stdout, "OK - code .*next run "
    else:  # nothing will run the units
        assert due["next_s"] is None
        assert "SUCCESS" not in said.stderr + said.stdout
        assert "systemd, which does not run it now" in said.stderr
        assert "is not active" in store.say("schedule:status").stderr
        line, state = store.say("info:store", "--check", code=1).stdout, "WARNING - .*not active"
    assert re.fullmatch(rf"{state}.* \| code_age=\d+s;\d+;\d+;0\n", line)
    store.say("schedule:install", "--cron", "--code", code=1)
    store.say("schedule:remove")
    assert list(units.iterdir()) == []


def test_the_check_answers_as_a_plugin_does(store):
    store.say("setup:backup", "--code")
    old = {"--warning": "0h", "--critical": "1h"}
    said = store.say("info:store", "--check", *(w for pair in old.items() for w in pair), code=1)
    assert said.stdout.startswith("WARNING - code ")
    said = store.say("info:store", "--check", "--critical=0h", code=2)
    assert said.stdout.startswith("CRITICAL - code ")
    said = store.say("info:store", "--check", "--warning=soon", code=3)
    assert said.stdout.startswith("UNKNOWN - argument --warning: ")
    gone = subprocess.run(
        [*MAGEREWIND, "info:store", "--check", "--root", "/nowhere|here"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert gone.returncode == 3
    assert gone.stdout.startswith("UNKNOWN - ")
    assert "|" not in gone.stdout


def test_the_next_run_is_what_systemctl_says():
    assert moment_of("Fri 2026-11-27 21:34:09 UTC") == 1795815249.0
    assert [moment_of(text) for text in ("", "n/a", "Fri 2026-11-27 22:34:09 CET")] == [None] * 3


def test_a_store_that_is_never_overdue_is_never_critical():
    due = Due(last_s={Kind.DB: 0.0, Kind.CODE: None}, warning_s=math.inf, critical_s=math.inf,
              limited=True)  # fmt: skip
    assert due.overdue(1e9) == ()
    line = check_line(due, 1e9)
    assert line.startswith("OK - ")
    assert line.endswith("| db_age=1000000000s;;;0")
    assert due_json(due, 1e9)["warning_s"] is None


def test_a_timer_that_is_not_active_is_a_warning(tmp_path):
    made = schedule(tmp_path)
    places = {True: (), False: (f"the timer {made.name} is not active",), None: ()}
    for active, said in places.items():
        one = Installed(schedule=made, way=Way.SYSTEM, places=(), active=active)
        limits = {"warning_s": 60.0, "critical_s": 90.0, "limited": True}
        due = Due(last_s={Kind.DB: 1e9}, installed=(one,), **limits)
        line = check_line(due, 1e9)
        assert line.startswith("WARNING - " if said else "OK - ")
        assert all(words in line for words in said)


def test_a_unit_may_write_where_copies_go(store, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        f'[stores.one]\nroot = {json.dumps(str(store.root))}\nrepositories = ["disk", "far"]\n'
        '[repositories.disk]\nurl = "/mnt/copies"\npassword_command = ["true"]\n'
        '[repositories.far]\nurl = "sftp:host:/there"\npassword_command = ["true"]\n'
    )
    shown = store.say("schedule:install", "--system", "--dry-run", "--config", str(config)).stdout
    [line] = [line for line in shown.splitlines() if line.startswith("ReadWritePaths=")]
    assert '"-/mnt/copies"' in line
    assert "there" not in line


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--on-calendar", "every full moon"), 2, "calendar event"),
        (("--cron", "--on-calendar", "Mon *-*-01 02:00"), 1, "cron cannot express"),
        (("--user", "--cron"), 2, "not allowed with"),
    ],
)
def test_words_that_are_off_write_nothing(store, words, code, says):
    said = store.say("schedule:install", *words, "--code", "--dry-run", code=code)
    assert says in said.stderr
