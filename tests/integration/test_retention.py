"""Retention on a real store: deleted sets, sets that never are, and their lists."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.events import Kind
from core.operations.health import DATABASE_EMPTY, health_of
from tests.integration.backup_history import DAY, backups, copy_backup, own, stamps
from tests.integration.commands import instead, magerewind

NOW = int(time.time())


def reasons(shop, *words):
    said = magerewind(shop, "info:backups:prune", "--dry-run", "--json", *words, code=0)
    return {
        row["timestamp"]: (row["keep"], [reason["rule"] for reason in row["reasons"]])
        for row in said.objects
    }


def test_only_what_no_rule_keeps_is_deleted_and_all_is_said_before(shop, history):
    decided = reasons(shop, "--keep-daily", "3", "--keep-last=1")
    doomed = {stamp for stamp, (keep, _) in decided.items() if not keep}
    assert doomed
    assert {rule for stamp in doomed for rule in decided[stamp][1]} == {"none"}
    said = magerewind(
        shop, "info:backups:prune", "--keep-daily", "3", "--keep-last=1", "--yes", code=0
    )
    assert "no rule keeps it" in said.out
    assert stamps(shop) == set(history) - doomed
    assert len(stamps(shop)) == 3
    left = [name for name in os.listdir(backups(shop)) if name.startswith(".")]
    assert not [name for name in left if any(str(stamp) in name for stamp in doomed)]
    again = magerewind(
        shop, "info:backups:prune", "--keep-daily", "3", "--keep-last=1", "--yes", code=0
    )
    assert "There is nothing to delete" in again.err + again.out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "Nothing says what is to be kept"),
        (("--keep-last", "-2"), 2, "a number from 0"),
        (("--keep-within", "30"), 2, "30d"),
        (("--keep-last", "1", "-n"), 1, "--yes answers it"),
        (("--keep-last", "1", "--read-only"), 2, "--dry-run shows"),
    ],
)
def test_nothing_is_deleted_for_words_that_are_off(shop, history, words, code, says):
    said = magerewind(shop, "info:backups:prune", *words, code=code)
    assert says in said.err
    assert stamps(shop) == set(history)


def test_a_marked_set_stays_until_the_mark_is_gone(shop, history):
    oldest = history[-1]
    magerewind(shop, "info:backups:note", f"{oldest}_db.sql", "of the launch", "--keep", code=0)
    assert reasons(shop, "--keep-last", "1")[oldest] == (True, ["marked"])
    listed = magerewind(shop, "info:backups:list", code=0).out
    assert any("kept" in line and "of the launch" in line for line in listed.splitlines())
    rows = magerewind(shop, "info:backups:list", "--json", code=0).objects
    assert {row["keep"] for row in rows if row.get("timestamp") == oldest} == {True}
    magerewind(shop, "info:backups:prune", "--keep-last", "1", "--yes", code=0)
    assert oldest in stamps(shop)
    magerewind(shop, "info:backups:note", str(oldest), "--no-keep", code=0)
    magerewind(shop, "info:backups:prune", "--keep-last", "1", "--yes", code=0)
    assert oldest not in stamps(shop)


def test_what_is_not_ours_stays_unless_it_is_asked_for(shop, history):
    """Magento's own, one of another store, and a file that is no backup at all."""
    old = NOW - 400 * DAY
    shutil.copyfile(backups(shop) / shop.request.db_file, backups(shop) / f"{old}_db.sql")
    copy_backup(shop, shop.request.code_file, old - DAY, root="/srv/other/store")
    (backups(shop) / f"{old - 2 * DAY}_db.sql.partial").write_bytes(b"")
    unknown = {name for name in os.listdir(backups(shop)) if name.endswith(".partial")}
    assert reasons(shop, "--keep-last", "1")[old] == (True, ["foreign"])
    assert reasons(shop, "--keep-last", "1")[old - DAY] == (True, ["foreign"])
    magerewind(shop, "info:backups:note", str(old), "--keep", code=0)  # without a manifest
    assert reasons(shop, "--keep-last", "1", "--foreign")[old] == (True, ["marked"])
    magerewind(shop, "info:backups:note", str(old), "--no-keep", code=0)
    magerewind(shop, "info:backups:prune", "--keep-last", "1", "--yes", code=0)
    assert {old, old - DAY} <= stamps(shop)
    magerewind(shop, "info:backups:prune", "--keep-last", "1", "--foreign", "--yes", code=0)
    assert not {old, old - DAY} & stamps(shop)
    assert unknown <= set(os.listdir(backups(shop)))


def test_the_newest_sound_one_stays_below_a_damaged_one(shop, history):
    damaged = copy_backup(shop, shop.request.db_file, own(shop) + 1)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    magerewind(shop, "info:backups:prune", "--keep-last", "1", "--yes", code=0)
    assert stamps(shop) == {own(shop) + 1, own(shop)}


def test_a_dump_without_rows_displaces_no_full_one(shop, history):
    name = shop.request.db_file
    manifest = backups(shop) / f".{name}.manifest.json"
    row = json.loads(manifest.read_bytes()) | {"stripped": ["sales_order"]}
    with instead(manifest, json.dumps(row).encode()):
        words = ("info:backups:prune", "--keep-last", "1", "--yes")
        said = magerewind(shop, *words, code=0)
        assert (
            "last (code, media, stripped db); newest sound (code, media, stripped db)" in said.out
        )
        assert stamps(shop) == {*history[:2]}, "the newest full one stays"
        assert "verified, no rows of 1 table" in magerewind(shop, "info:backups:list").out
        rows = magerewind(shop, "info:backups:list", "--json", code=0).objects
        found = [one["without_rows"] for one in rows if one["file_name"] == name]
        assert found == [["sales_order"]]
        ages = ("--warning=12h", "--critical=9d")
        checked = magerewind(shop, "info:store", "--check", *ages, code=1).out
        assert re.search(r"WARNING - .*db a day ago \(stripped .*, which does not count\)", checked)
        said = magerewind(shop, "schedule:status").out
        assert re.search(r"(?m)^Last db .*\(a day ago\)\nStripped db .*does not count", said)
        health = health_of(shop.store, DATABASE_EMPTY, "")
        assert health.way_back.endswith(f" --db-file={history[1]}_db.sql")


def test_a_set_of_the_future_stays_and_takes_no_place(shop, history):
    future = NOW + 3000 * DAY
    copy_backup(shop, shop.request.db_file, future)
    copy_backup(shop, shop.request.code_file, future)
    decided = reasons(shop, "--keep-last", "1", "--keep-within", "2d")
    assert decided[future] == (True, ["future"])
    assert decided[history[0]][0]
    assert decided[history[1]][0]


def test_what_the_undo_of_a_rollback_came_from_stays(shop, history):
    oldest = history[-1]
    magerewind(shop, "setup:rollback", "-d", f"{oldest}_db.sql", "--yes", "--no-flush", code=0)
    said = magerewind(shop, "info:backups:prune", "--keep-last", "1", "--yes", code=0)
    assert "needed by the undo of job" in said.out
    assert oldest in stamps(shop)
    magerewind(shop, "job:discard", "--yes", code=0)
    magerewind(shop, "info:backups:prune", "--keep-last", "1", "--yes", code=0)
    assert oldest not in stamps(shop)


@pytest.mark.parametrize(
    ("move", "says"), [(-3 * 3600, "went back"), (100 * DAY, "ahead of where it must be")]
)
def test_a_clock_that_jumped_deletes_nothing_until_a_person_says_so(shop, history, move, says):
    words = ("info:backups:prune", "--keep-last", "1", "--yes")
    magerewind(shop, *words, "--trust-clock", code=0)
    place = Path(shop.store.state_directory) / "clock.json"
    anchors = json.loads(place.read_bytes())
    for anchor in anchors.values():
        anchor["wall_s"] -= move
    place.write_text(json.dumps(anchors))
    copy_backup(shop, shop.request.db_file, NOW - 500 * DAY)
    said = magerewind(shop, *words, code=1)
    assert says in said.err
    assert "--trust-clock" in said.err
    assert NOW - 500 * DAY in stamps(shop)
    magerewind(shop, *words, "--trust-clock", code=0)
    assert NOW - 500 * DAY not in stamps(shop)
    magerewind(shop, *words, code=0)


@pytest.mark.crash
def test_a_kill_at_any_deletion_leaves_whole_backups_and_the_next_run_ends_it(shop, history):
    killer = (
        "import os, signal, sys\n"
        "left = int(sys.argv.pop(1))\n"
        "unlink = os.unlink\n"
        "def counted(path, *more, **named):\n"
        "    global left\n"
        "    if b'_db.sql' in os.fsencode(path) or b'filesystem' in os.fsencode(path):\n"
        "        left -= 1\n"
        "        if left < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    unlink(path, *more, **named)\n"
        "os.unlink = counted\n"
        "from core.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    words = ["info:backups:prune", "--keep-last", "1", "--yes", "--root", shop.root]
    for survived in range(5):
        died = subprocess.run([sys.executable, "-c", killer, str(survived), *words], check=False)
        assert died.returncode == -signal.SIGKILL
        rows = magerewind(shop, "info:backups:list", "--json", code=0).objects
        assert {row.get("health", "verified") for row in rows} == {"verified"}
        assert history[0] in stamps(shop)
    magerewind(shop, *words, code=0)
    assert len(stamps(shop)) == 1


def test_no_set_goes_while_a_job_works_and_no_job_starts_meanwhile(shop, history):
    client = shop.client()
    from core.jobs.exclusive import holding
    from core.operations.requests import BackupRequest

    lock = Path(shop.store.state_directory) / "lock"
    with holding(client, "info:backups:prune"):
        assert b'"operation": "info:backups:prune"' in lock.read_bytes()
        assert client.running() is None
    summary, _ = shop.run(BackupRequest(kinds=(Kind.DB,)))
    assert summary.exit_code == 0


def test_the_first_backup_of_a_clock_that_is_behind_is_told_and_stays(shop, history):
    env = Path(shop.root) / "app/etc/env.php"
    before = env.stat()
    os.utime(env, (before.st_atime, time.time() + 3 * DAY))
    try:
        said = magerewind(shop, "setup:backup", "--db", code=0)
        assert "The clock of this machine is 3 days before the last change of" in said.err
        refused = magerewind(shop, "info:backups:prune", "--keep-last=1", "--yes", code=1)
        assert "3 days before the last change of" in refused.err
    finally:
        os.utime(env, ns=(before.st_atime_ns, before.st_mtime_ns))
    behind = max(stamps(shop))
    magerewind(shop, "setup:backup", "--db", code=0)
    said = magerewind(shop, "info:backups:prune", "--keep-last=1", "--dry-run", code=0).out
    assert "made while the clock was off" in next(
        line for line in said.splitlines() if str(behind) in line
    )


def test_a_set_that_was_made_by_a_clock_that_was_behind_stays(shop, history):
    for number, timestamp in enumerate(reversed(history[1:]), 1):
        copy_backup(shop, shop.request.db_file, timestamp, sequence=number)
    behind = history[0] - 400 * DAY
    copy_backup(shop, shop.request.db_file, behind, sequence=99)
    # Another store's has numbers of its own.
    other = copy_backup(shop, shop.request.db_file, behind - DAY, sequence=50, root="/elsewhere")
    said = magerewind(shop, "info:backups:prune", "--keep-daily=2", "--dry-run", code=0).out
    assert said.count("made while the clock was off") == 1
    assert f"{other.name.partition('_')[0]} " in said
    rows = {line.split()[1]: line for line in said.splitlines() if line.startswith("| 1")}
    assert "keep" in rows[str(behind)]
    assert "made while the clock was off" in rows[str(behind)]
    assert sum("delete" in row for row in rows.values()) == 8
    magerewind(shop, "setup:backup", "--db", code=0)
    made = backups(shop) / f".{max(stamps(shop))}_db.sql.manifest.json"
    assert json.loads(made.read_bytes())["sequence"] == 100


def test_a_person_deletes_with_the_store_held(shop, history):
    from core.jobs.deleting import delete_named
    from core.jobs.lock import read_holder

    held = []
    name = f"{history[-1]}_db.sql"
    delete_named(shop.client(), [name], lambda *_: held.append(read_holder(shop.store).operation))
    assert held == ["info:backups:delete"]
    assert not (backups(shop) / name).exists()


@pytest.mark.long
def test_a_mark_that_comes_while_sets_are_deleted_is_obeyed(shop, history):
    from core.backups.retention import RetentionPolicy
    from core.operations.pruning import delete_sets, plan_prune

    plan = plan_prune(shop.store, RetentionPolicy(last=1), jobs=None, now_s=time.time())
    marked = str(history[-2])

    def mark(*_):
        if marked:
            magerewind(shop, "info:backups:note", marked, "--keep", code=0)

    delete_sets(plan, mark)
    assert int(marked) in stamps(shop)
    assert len(stamps(shop)) == 2


def test_a_backup_prunes_afterwards_by_the_rules_that_it_was_given(shop, history):
    said = magerewind(shop, "setup:backup", "--db", "--keep-last=2", code=0)
    assert "Old backups that no rule keeps were deleted" in said.err
    taken = max(stamps(shop))
    assert taken > own(shop)
    # The newest of the code is among those of yesterday's, that of the shop is the newest.
    assert stamps(shop) == {taken, own(shop), history[1]}


def test_retention_that_cannot_be_done_is_a_warning_of_a_complete_backup(shop, history):
    magerewind(shop, "info:backups:prune", "--keep-last=100", "--trust-clock", "--yes", code=0)
    place = Path(shop.store.state_directory) / "clock.json"
    believed = place.read_text()
    anchors = json.loads(believed)
    for anchor in anchors.values():
        anchor["wall_s"] += 9 * DAY
    place.write_text(json.dumps(anchors))
    said = magerewind(shop, "setup:backup", "--db", "--keep-last=1", code=0)
    assert "No old backups were deleted: The clock of this machine went back" in said.err
    assert len(stamps(shop)) == len(history) + 1
    assert json.loads(place.read_text()) == anchors
    place.write_text(believed)


@pytest.fixture
def too_small(shop, history):
    """Have the newest backup of the code say that the next one will not fit, and an old one be
    as large as the missing space."""
    status = os.statvfs(backups(shop))
    wanted = status.f_bavail * status.f_frsize + (8 << 30)
    newest = copy_backup(shop, shop.request.code_file, own(shop) + 1, size_bytes=wanted)
    os.truncate(newest, wanted)
    large = copy_backup(shop, shop.request.db_file, own(shop) - 50 * DAY, size_bytes=64 << 30)
    os.truncate(large, 64 << 30)
    return large


def test_a_backup_that_would_not_fit_says_what_pruning_frees_and_does_it_where_asked(
    shop, too_small
):
    backup = ("setup:backup", "--code")
    said = magerewind(shop, *backup, code=1)
    assert "Delete old backups, or choose fewer kinds" in said.err
    said = magerewind(shop, *backup, "--keep-daily=3", code=1)
    assert "--prune-first deletes them before" in said.err
    assert too_small.name in said.err
    assert too_small.exists()
    said = magerewind(shop, *backup, "--prune-first", code=2)
    assert "nothing says what is to be kept" in said.err
    rows = magerewind(
        shop, *backup, "--keep-daily=3", "--prune-first", "--dry-run", "--json", code=0
    ).objects
    assert too_small.exists()
    assert any(one["code"] == "prune-first" for one in rows[0]["findings"])
    magerewind(shop, *backup, "--keep-daily=3", "--prune-first", code=0)
    assert not too_small.exists()
    assert max(stamps(shop)) > own(shop) + 1


def test_room_is_never_made_with_the_last_sound_one(shop, too_small):
    for name in (shop.request.db_file, *(f"{own(shop) - day * DAY}_db.sql" for day in range(10))):
        path = backups(shop) / name
        if path.exists() and name != shop.request.db_file:
            path.unlink()
    hidden = backups(shop) / shop.request.db_file
    hidden.rename(hidden.with_name("away"))
    try:
        said = magerewind(shop, "setup:backup", "--code", "--keep-last=1", "--prune-first", code=1)
        assert "would free" in said.err
        assert too_small.exists()
    finally:
        hidden.with_name("away").rename(hidden)


def test_the_rules_of_the_configuration_hold_where_the_command_has_none(shop, history, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(f'[stores.shop]\nroot = "{shop.root}"\n[stores.shop.keep]\ndaily = 3\n')
    config = ("--config", str(file))
    decided = reasons(shop, *config)
    assert [keep for keep, _ in decided.values()] == [True] * 3 + [False] * 7
    assert [keep for keep, _ in reasons(shop, *config, "--keep-last=1").values()].count(True) == 1
    magerewind(shop, "setup:backup", "--db", *config, code=0)  # `prune` was not asked for
    assert len(stamps(shop)) == 11
    file.write_text(
        file.read_text().replace("[stores.shop.keep]", "prune = true\n[stores.shop.keep]")
    )
    magerewind(shop, "setup:backup", "--db", *config, code=0)
    assert len(stamps(shop)) < 8
