"""The commands as an administrator runs them: processes on a sample store, with real jobs."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from core.event_lines import from_line
from core.events import JobBegan, JobEnded
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.cli.command_line import ENVIRON, MAGEREWIND, Shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("shop")
    make_store(str(root), size=Size.SMALL)
    return Shop(root)


@pytest.fixture(scope="module")
def backed_up(shop: Shop) -> "subprocess.CompletedProcess[str]":
    return shop.run("setup:backup", "--media", "--code", "--note", "the first")


def test_a_backup_prints_what_is_documented(
    shop: Shop, backed_up: "subprocess.CompletedProcess[str]"
) -> None:
    (code,) = shop.names("_filesystem.tgz")
    (media,) = shop.names("_filesystem_media.tgz")
    assert code.split("_")[0] == media.split("_")[0]
    seven_zip = " (The archive can be uncompressed with 7-Zip on Windows systems)"
    assert backed_up.stdout.splitlines() == [
        "Enabling maintenance mode",
        "Code backup is starting...",
        f"Code backup filename: {code}{seven_zip}",
        f"Code backup path: {shop.backups}/{code}",
        "[SUCCESS]: Code backup completed successfully.",
        "Media backup is starting...",
        f"Media backup filename: {media}{seven_zip}",
        f"Media backup path: {shop.backups}/{media}",
        "[SUCCESS]: Media backup completed successfully.",
        "Disabling maintenance mode",
    ]
    assert backed_up.returncode == 0
    assert not shop.flag.exists()


def test_warnings_are_a_failure_only_when_asked(shop: Shop) -> None:
    pipe = shop.root / "pub/a pipe\x1b"
    os.mkfifo(pipe)  # no archive keeps it
    for option, code in (("--strict", 1), ("-v", 0)):
        done = shop.run("setup:backup", "--code", "--no-verify", option)
        assert done.returncode == code
        assert "Warning: Code: Sockets, fifos and devices are not kept: 1.\n" in done.stderr
        assert "  pub/a pipe\\x1b\n" in done.stderr
        assert "Complete with 1 warning." in done.stderr
        shop.run("info:backups:delete", shop.names("_filesystem.tgz")[-1], "--yes")
    pipe.unlink()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("setup:backup",), "Not enough information provided to take backup."),
        (("setup:rollback", "-n"), "Not enough information provided to roll back."),
    ],
)
def test_without_a_kind_nothing_is_touched(
    shop: Shop, words: tuple[str, ...], sentence: str
) -> None:
    done = shop.run(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == sentence
    assert not shop.flag.exists()


def test_the_list_in_words_and_in_json(
    shop: Shop, backed_up: "subprocess.CompletedProcess[str]"
) -> None:
    assert backed_up.returncode == 0
    shown = shop.run("info:backups:list").stdout
    assert shown.startswith(f"Showing backup files in {shop.backups}.\n+-")
    assert "| Backup Filename " in shown
    rows = [
        json.loads(line) for line in shop.run("info:backups:list", "--json").stdout.splitlines()
    ]
    assert {(row["kind"], row["health"], row["note"]) for row in rows} == {
        ("code", "verified", "the first"),
        ("media", "verified", "the first"),
    }


def test_damage_is_found_shown_and_deleted(
    shop: Shop, backed_up: "subprocess.CompletedProcess[str]"
) -> None:
    assert backed_up.returncode == 0
    (media,) = shop.names("_filesystem_media.tgz")
    copy = f"1700000000{media[media.index('_') :]}"
    (shop.backups / copy).write_bytes((shop.backups / media).read_bytes()[:200])
    sound = shop.run("info:backups:verify", media)
    assert sound.returncode == 0
    assert sound.stdout.startswith(f"[SUCCESS]: {media} is sound, as its manifest says (")
    damaged = shop.run("info:backups:verify")
    assert damaged.returncode == 1
    assert f"{copy} is damaged: " in damaged.stderr
    refused = shop.run("info:backups:delete", copy, "-n")
    assert (refused.returncode, (shop.backups / copy).exists()) == (1, True)
    refused = shop.run("info:backups:delete", copy, "1_db.sql", "--yes")
    assert (refused.returncode, (shop.backups / copy).exists()) == (1, True)
    refused = shop.run("info:backups:delete", copy, stdin="n\n")
    assert (refused.returncode, (shop.backups / copy).exists()) == (1, True)
    deleted = shop.run("info:backups:delete", copy, stdin="y\n")
    assert (deleted.returncode, (shop.backups / copy).exists()) == (0, False)
    unfinished = shop.backups / ".1700000000_db.sql.partial"
    unfinished.write_bytes(b"half")
    deleted = shop.run("info:backups:delete", unfinished.name, stdin="y\n")
    assert "You are about to delete 1 unfinished file (4 Bytes)." in deleted.stdout
    assert (deleted.returncode, unfinished.exists()) == (0, False)


def test_a_detached_job_is_named_and_can_be_shown(shop: Shop) -> None:
    started = shop.run("setup:backup", "--media", "--detach", "--no-verify")
    assert started.returncode == 0
    job_id = started.stdout.strip()
    attached = shop.run("job:attach", job_id, "--json")
    events = [from_line(line.encode()) for line in attached.stdout.splitlines()]
    assert events
    assert all(one is not None for one in events)
    assert isinstance(events[0].event, JobBegan)
    assert isinstance(events[-1].event, JobEnded)
    assert [one.seq for one in events] == list(range(len(events)))
    jobs = [json.loads(line) for line in shop.run("job:list", "--json").stdout.splitlines()]
    assert jobs[0]["job_id"] == job_id
    assert jobs[0]["exit_code"] == attached.returncode == 0
    shop.run("info:backups:delete", shop.names("_media.tgz")[-1], "--yes")


def test_a_dry_run_writes_nothing(shop: Shop) -> None:
    before = shop.names(".tgz")
    done = shop.run("setup:backup", "--media", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.startswith("Media: ")
    assert "\nOrder: 1 close the store  2 write and verify media  3 open the store\n" in done.stdout
    assert "\nClosed: " in done.stdout
    plan = json.loads(shop.run("setup:backup", "--media", "--dry-run", "--json").stdout)
    assert plan["type"] == "BackupPlan"
    assert plan["estimates"]["media"]["items"] > 100
    assert shop.names(".tgz") == before
    assert not shop.flag.exists()


def test_an_answer_to_a_closed_stream_is_a_failure(shop: Shop) -> None:
    closed = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *MAGEREWIND, "info:backups:list"]
    done = subprocess.run(closed, cwd=shop.root, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "The output could not be written: it is closed\n")


def run_into_a_full_disk(shop: Shop, *words: str) -> tuple[int, list[str]]:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*MAGEREWIND, *words],
            cwd=shop.root,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env=ENVIRON,
            check=False,
        )
    return done.returncode, done.stderr.splitlines()


UNWRITTEN = "The output could not be written: No space left on device"


@pytest.mark.parametrize("words", [["info:backups:list"], ["job:list", "--json"], ["--help"]])
def test_output_that_a_full_disk_swallows_is_a_failure(
    shop: Shop, backed_up: "subprocess.CompletedProcess[str]", words: list[str]
) -> None:
    assert backed_up.returncode == 0
    assert run_into_a_full_disk(shop, *words) == (1, [UNWRITTEN])


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_under_the_output_leaves_the_job_alone(shop: Shop, options: list[str]) -> None:
    before = set(shop.names("_media.tgz"))
    code, said = run_into_a_full_disk(shop, "setup:backup", "--media", *options)
    assert code == 0  # the job's
    assert said.count(UNWRITTEN) == 1
    (made,) = set(shop.names("_media.tgz")) - before
    shop.run("info:backups:delete", made, "--yes")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("-c", "../x"), 1, "The rollback file is invalid. Verify the file and try again. (../x)"),
        (("-d", "1_filesystem.tgz"), 1, "The rollback file is invalid. Verify the file and try"),
        (("-c", "1_filesystem.tgz"), 1, "The rollback file doesn't exist. Verify the file and"),
        (("-c=1_filesystem.tgz",), 2, "-c takes its value without an equals sign."),
    ],
)
def test_a_rollback_that_cannot_be_is_refused_before_anything(
    shop: Shop, words: tuple[str, ...], code: int, message: str
) -> None:
    done = shop.run("setup:rollback", "--yes", *words)
    assert done.returncode == code
    assert done.stderr.startswith(message)
    assert done.stdout == ""
    assert not shop.flag.exists()


def test_no_question_no_rollback(shop: Shop, backed_up: "subprocess.CompletedProcess[str]") -> None:
    assert backed_up.returncode == 0
    name = shop.names("_media.tgz")[0]
    for option in ("-n", "-q", "--json"):
        done = shop.run("setup:rollback", "-m", name, option)
        assert done.returncode == 1
        assert "--yes answers it." in done.stderr or option == "-q"
        assert "Failed" in done.stdout if option == "--json" else done.stdout == ""
    later = shop.root / "pub/media/later.jpg"
    later.write_bytes(b"later")
    declined = shop.run("setup:rollback", "-m", name, stdin="\n")
    later.unlink()
    assert declined.returncode == 1
    assert declined.stdout == (
        "You are about to remove current code and/or database tables. Are you sure?[y/N] \n"
    )
    assert declined.stderr.endswith("Nothing was changed.\n")


@pytest.mark.long
def test_a_rollback_and_its_undo(shop: Shop, backed_up: "subprocess.CompletedProcess[str]") -> None:
    assert backed_up.returncode == 0
    code, media = shop.names("_filesystem.tgz")[0], shop.names("_media.tgz")[0]
    index = shop.root / "pub/index.php"
    was = index.read_bytes()
    index.write_bytes(b"<?php // broken")
    (shop.root / "pub/media/new.jpg").write_bytes(b"new")
    plan = shop.run("setup:rollback", "-c", code, "-m", media, "--dry-run")
    assert plan.returncode == 0
    assert "pub/index.php" not in plan.stdout
    assert "  1 changed, " in plan.stdout
    assert "Order: 1 prepare what differs beside the store  2 close the store" in plan.stdout
    assert "-v lists every entry." in plan.stderr
    plan = shop.run("setup:rollback", "-c", code, "-m", media, "--dry-run", "-v")
    assert "pub/index.php" in plan.stdout
    assert "pub/media/new.jpg" in plan.stdout
    rows = shop.run("setup:rollback", "-c", code, "-m", media, "--dry-run", "--json").stdout
    assert next(json.loads(row)["type"] for row in rows.splitlines()) == "RollbackPlan"
    done = shop.run("setup:rollback", "-c", code, "-m", media, stdin="y\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "Enabling maintenance mode",
        "Code rollback is starting ...",
        f"Code rollback filename: {code}",
        f"Code rollback file path: {shop.backups}/{code}",
        "Media rollback is starting ...",
        f"Media rollback filename: {media}",
        f"Media rollback file path: {shop.backups}/{media}",
        "[SUCCESS]: Code rollback completed successfully.",
        "[SUCCESS]: Media rollback completed successfully.",
        "Please set file permission of bin/magento to executable (already executable)",
        "Disabling maintenance mode",
    ]
    assert index.read_bytes() == was
    assert not (shop.root / "pub/media/new.jpg").exists()
    assert shop.names("_filesystem.tgz")[0] == code
    undone = shop.run("job:undo", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert index.read_bytes() == b"<?php // broken"
    assert (shop.root / "pub/media/new.jpg").read_bytes() == b"new"
    discarded = shop.run("job:discard", "--yes")
    assert discarded.returncode == 0, discarded.stderr
    index.write_bytes(was)
    (shop.root / "pub/media/new.jpg").unlink()
    assert shop.run("job:undo", "--yes").returncode == 1


def test_what_is_known_of_a_store_without_a_database(shop: Shop) -> None:
    done = shop.run("info:store", "--json")
    assert done.returncode == 1
    facts = json.loads(done.stdout)
    assert facts["root"] == str(shop.root)
    assert facts["connections"][0]["name"] == "default"
    assert "password" not in done.stdout
    assert [stop["code"] for stop in facts["stops_backup"]] == ["database"]
    assert "Database" in shop.run("info:store").stdout


def test_outside_of_a_store(shop: Shop, tmp_path: Path) -> None:
    done = shop.run("info:backups:list", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("No Magento store in")
    assert shop.run("info:backups:list", "--root", str(shop.root), cwd=tmp_path).returncode == 0


def test_a_working_directory_that_is_gone(shop: Shop, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            "sh",
            "-c",
            'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
            "sh",
            *MAGEREWIND,
            "info:backups:list",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The working directory does not exist any more.")


def test_without_the_application_a_command_is_needed(shop: Shop) -> None:
    done = shop.run()
    assert done.returncode == 2
    assert done.stderr.startswith("A command is needed.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_account_that_may_only_look_is_told_who_may_work(
    shop: Shop, backed_up: "subprocess.CompletedProcess[str]"
) -> None:
    assert backed_up.returncode == 0
    name = shop.names("_filesystem.tgz")[0]
    (shop.root / "var").chmod(0o555)
    try:
        for words in (
            ("setup:backup", "--code"),
            ("setup:rollback", "-c", name, "-y"),
            ("info:backups:delete", name, "-y"),
            ("job:undo", "-y"),
        ):
            done = shop.run(*words)
            assert done.returncode == 1
            assert done.stderr.startswith(f"This account may not write to {shop.root}/var.\n")
            assert "as the file system owner of the store" in done.stderr
        assert shop.run("info:backups:list").returncode == 0
        assert shop.run("info:store").returncode == 1
    finally:
        (shop.root / "var").chmod(0o755)
