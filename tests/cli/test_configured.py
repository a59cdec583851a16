"""Stores and settings of the configuration, as the commands take them."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.sample.sizes import Size
from core.sample.store import make_store
from tests.cli.command_line import PLAIN, Shop, run_plain


class Place:
    """Two stores, a file of the configuration, and a home without one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "config.toml"
        self.shops = {name: Shop(path / name) for name in ("one", "two")}
        for shop in self.shops.values():
            make_store(str(shop.root), size=Size.SMALL)
        (path / "home").mkdir()

    def configure(self, more: str = "") -> None:
        stores = [f'[stores.{name}]\nroot = "{shop.root}"' for name, shop in self.shops.items()]
        self.file.write_text("\n".join([more, *stores]) + "\n")

    def run(self, *words: str, cwd: Path | None = None, **environ: str):
        home = str(self.path / "home")
        return run_plain(*words, cwd=cwd or self.path, **{"HOME": home, **environ})

    def rows(self, *words: str, **more):
        done = self.run(*words, "--json", **more)
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("stores"))


def test_a_store_is_found_by_its_name_with_its_settings(place: Place) -> None:
    place.configure('[defaults]\nkinds = ["media"]\nnote = "nightly"\n')
    done = place.run("setup:backup", "--store", "one", f"--config={place.file}")
    assert done.returncode == 0, done.stderr
    assert len(place.shops["one"].names("_filesystem_media.tgz")) == 1
    assert not place.shops["two"].names(".tgz")
    listed = place.rows("info:backups:list", "--store=one", MAGEREWIND_CONFIG=str(place.file))
    assert [row["note"] for row in listed] == ["nightly"]


def test_a_store_is_known_by_its_root_and_the_command_line_counts_most(place: Place) -> None:
    place.configure(f'[defaults]\nkinds = ["media"]\nnames = "magento"\nexclude = ["{"x" * 9}"]')
    root = place.shops["two"].root
    words = ("setup:backup", "--code", "--level=1", "--config", str(place.file))
    plan = place.rows(*words, "--dry-run", cwd=root)
    assert list(plan[0]["estimates"]) == ["code"]
    assert place.run(*words, cwd=root, MAGEREWIND_NOTE="from the environment").returncode == 0
    assert len(place.shops["two"].names("_filesystem_code.tgz")) == 1
    listed = place.rows("info:backups:list", cwd=root)
    assert [row["note"] for row in listed] == ["from the environment"]
    shown = place.rows("config:show", "--code", "--store=two", f"--config={place.file}")
    origins = {row["key"]: (row["value"], row["origin"]) for row in shown}
    assert origins["kinds"] == (["code"], "command line")
    assert origins["names"] == ("magento", f"{place.file} [defaults]")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("info:store", "--store", "oen"), 2, "There is no store 'oen'"),
        (("info:store", "--store", "oen"), 2, "Did you mean one?"),
        (("info:store", "--store=one", "--root=/tmp"), 2, "--store and --root exclude each other"),
        (("info:store", "--all-stores", "--store=one"), 2, "--all-stores and --store exclude"),
        (("job:undo", "--all-stores"), 2, "job:undo works on one store"),
        (("schedule:install", "--all-stores"), 2, "schedule:install works on one store"),
        (("setup:rollback", "--all-stores"), 2, "setup:rollback works on one store"),
        (("list", "--all-stores"), 2, "list works on no store"),
        (("demo", "--all-stores"), 2, "demo works on no store"),
        (("info:store", "--config=/no/such", "--store=one"), 1, "There is no file /no/such"),
        (("info:store", "--config=x", "--no-config"), 2, "exclude each other"),
        (("setup:backup", "--store=one", "--no-config"), 2, "There is no store 'one'"),
    ],
)
def test_words_that_do_not_fit_end_with_one_line(place: Place, words, code, said) -> None:
    place.configure()
    more = () if any("config" in word for word in words) else ("--config", str(place.file))
    done = place.run(*words, *more)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_a_broken_file_stops_what_needs_it_and_nothing_else(place: Place) -> None:
    place.file.write_text("[stores.one.keep]\ndayly = 7\n")
    root = place.shops["one"].root
    environ = {"MAGEREWIND_CONFIG": str(place.file)}
    done = place.run("setup:backup", "--media", cwd=root, **environ)
    assert done.returncode == 1
    assert "unknown field 'dayly' in stores.one.keep: did you mean 'daily'?" in done.stderr
    assert "--no-config" in done.stderr
    assert place.run("info:backups:list", cwd=root, **environ).returncode == 0
    assert place.run("setup:backup", "--media", "--no-config", cwd=root, **environ).returncode == 0
    checked = place.run("config:check", **environ)
    assert checked.returncode == 1
    assert len(checked.stderr.splitlines()) == 1
    place.configure()
    assert place.run("config:check", **environ).returncode == 0


def test_all_stores_are_done_though_one_fails(place: Place) -> None:
    place.configure('[defaults]\nkinds = ["media"]\n[stores.gone]\nroot = "/no/such/store"')
    before = {name: len(shop.names(".tgz")) for name, shop in place.shops.items()}
    done = place.run("setup:backup", "--all-stores", f"--config={place.file}")
    assert done.returncode == 1
    for name, shop in place.shops.items():
        assert len(shop.names(".tgz")) == before[name] + 1
    assert done.stderr.splitlines()[-3:] == ["gone: exit code 1", "one: done", "two: done"]
    check = ("info:store", "--check", "--critical=0h", "--all-stores", f"--config={place.file}")
    done = place.run(*check)
    assert (done.returncode, len(done.stdout.splitlines())) == (2, 1)
    assert re.match(r"CRITICAL - .*one: .*two: .* \| .*\.media_age=\d+s;", done.stdout), done.stdout
    done = place.run("info:backups:drill", "--all-stores", f"--config={place.file}")
    assert "is restorable" in done.stdout + done.stderr
    rows = place.rows("info:backups:list", "--all-stores", f"--config={place.file}")
    ended = {row["store"]: row["exit_code"] for row in rows if row["type"] == "StoreEnded"}
    assert ended == {"gone": 1, "one": 0, "two": 0}
    assert [row["store"] for row in rows if row["type"] == "StoreBegan"] == list(ended)


def test_ctrl_c_ends_the_store_that_is_worked_on_and_begins_no_other(place: Place) -> None:
    place.configure('[defaults]\nkinds = ["media"]\nlevel = 9\n')
    picture = place.shops["one"].root / "pub/media/large.jpg"
    picture.write_bytes(os.urandom(1 << 20) * 60)
    before = {name: len(shop.names(".tgz")) for name, shop in place.shops.items()}
    with subprocess.Popen(
        [sys.executable, "-I", "-m", "core", "setup:backup", "--all-stores"],
        cwd=place.path,
        env={**PLAIN, "HOME": str(place.path / "home"), "MAGEREWIND_CONFIG": str(place.file)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        assert child.stdout is not None
        for text in child.stdout:
            if "Media backup is starting" in text:
                break
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read()
        assert child.wait(timeout=60) == 130, rest
    assert "1 of 2 stores were not begun" in rest
    assert {name: len(shop.names(".tgz")) for name, shop in place.shops.items()} == before
    picture.unlink()


def test_a_check_names_secrets_and_programs_that_could_not_be_used(place: Place) -> None:
    secret = place.path / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    place.configure(
        f'[notify.a]\ntype = "ping"\nurl_file = "{secret}"\n[notify.b]\ntype = "ping"\n'
        'url_command = ["/no/such/program"]\n[defaults]\nnotify = ["a", "b"]\n'
        'hooks.backup.before = ["/no/such/hook", "stop"]\n'
        'compress = "gzip"\ncompress_level = 15\nschedule.on_calendar = "every full moon"\n'
    )
    checked = place.run("config:check", f"--config={place.file}")
    assert checked.returncode == 1
    lines = checked.stderr.splitlines()
    assert lines[0] == f"the URL of notify.a: all accounts may read {secret} (0644)."
    assert lines[1:3] == [
        f"stores.{name}.hooks.backup.before: there is no program /no/such/hook"
        for name in ("one", "two")
    ]
    assert lines[3] == "stores.one: A level of gzip is a number from 0 to 9."
    assert lines[4].startswith("stores.one.schedule.on_calendar: ")
    assert "every full moon" in lines[4]
    with place.file.open("a") as file:
        file.write(
            'strip = ["@nonsense"]\nexclude = ["a//../b"]\ncompres = "gzip"\n'
            '[stores.third]\nnotify = ["a", "c"]\nrollback.exclude = ["/"]\n[notify.d]\n'
            'type = "mail"\nuser = "u"\npasword_file = "x"\n[repositories.r]\nurl = 1\n'
        )
    every = place.run("config:check", f"--config={place.file}")
    assert every.returncode == 1
    found = every.stderr.splitlines()
    told = [line.removeprefix(f"{place.file}: ") for line in found]
    assert {*lines} <= {*found}, "those of the machine, beside those of the file"
    for start in (
        "unknown field 'compres' in stores.two",
        "repositories.r.url: expected a text",
        "stores.third: 'root' is missing",
        "stores.third.notify: there is no [notify.c]",
        "stores.two.strip: there is no group of tables '@nonsense'",
    ):
        assert any(line.startswith(start) for line in told), (start, told)
