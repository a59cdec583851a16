"""A whole backup and rollback as the documentation has them: every line, in its order."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from tests.integration.commands import as_root, foreign, give, instead, magerewind, names_of

SEVEN_ZIP = " (The archive can be uncompressed with 7-Zip on Windows systems)"


def backup_lines(backups, made):
    """The output of Magento for a backup of these files."""
    for kind, name, hint in made:
        yield f"{kind} backup is starting..."
        yield f"{kind} backup filename: {name}{hint}"
        yield f"{kind} backup path: {backups}/{name}"
        yield f"[SUCCESS]: {kind} backup completed successfully."


def all_three(backups, before=()):
    """The three files that a backup has just made."""
    new = {name for name in os.listdir(backups) if not name.startswith(".")} - set(before)
    (code,) = (name for name in new if name.endswith("_filesystem.tgz"))
    stamp = code.split("_")[0]
    media, db = f"{stamp}_filesystem_media.tgz", f"{stamp}_db.sql"
    assert new == {code, media, db}
    return ("Code", code, SEVEN_ZIP), ("Media", media, SEVEN_ZIP), ("DB", db, "")


@pytest.fixture(scope="module")
def damaged(shop):
    shop.new = shop.state()
    shop.damage()
    return shop


def test_a_backup_of_all(shop):
    backups = shop.store.backups
    before = os.listdir(backups)
    # The order of the options is not the order of the work.
    said = magerewind(shop, "setup:backup", "--db", "--media", "--code", code=0)
    (snapshot,) = (line for line in said.problem if line.startswith("Consistent snapshot"))
    assert re.fullmatch(r"Consistent snapshot: [a-zA-Z ,]+", snapshot), "no letter of ours"
    made = all_three(backups, before)
    assert said.lines == [
        "Enabling maintenance mode",
        *backup_lines(backups, made),
        "Disabling maintenance mode",
    ]
    for top in (backups, shop.store.state_directory):
        for directory, _, files in os.walk(top):
            assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700, directory
            for name in files:
                path = os.path.join(directory, name)
                assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path


def test_an_earlier_dump_says_how_large_the_next_will_be(shop):
    size = os.stat(os.path.join(shop.store.backups, shop.request.db_file)).st_size
    said = magerewind(shop, "setup:backup", "--db", "--dry-run", "--json", code=0)
    (plan,) = said.objects
    estimate = plan["estimates"]["db"]
    assert size <= estimate["file_bytes"] < 2 * size, "tables take whole pages, and are far larger"
    assert estimate["content_bytes"] > 2 * size


def memory_taken(shop):
    """Bytes that the server has set aside for the live MEMORY tables."""
    answer = shop.server.run(
        "SELECT SUM(DATA_LENGTH) FROM information_schema.TABLES WHERE ENGINE = 'MEMORY'"
        f" AND TABLE_SCHEMA = '{shop.schema}' AND TABLE_NAME NOT LIKE '\\_mr%'"
    )
    return int(answer.split()[-1])


def test_a_rollback_of_all_and_back(damaged):
    shop, backups = damaged, damaged.store.backups
    code, media, db = shop.request.code_file, shop.request.media_file, shop.request.db_file
    old, memory = shop.state(), memory_taken(shop)
    words = ("setup:rollback", "-d", db, "-m", media, "-c", code)
    said = magerewind(shop, *words, stdin="y\n", code=0)
    question = "You are about to remove current code and/or database tables. Are you sure?[y/N] "
    assert said.out.startswith(question)
    assert said.out.removeprefix(question).lstrip("\n").splitlines() == [
        "Enabling maintenance mode",
        "Code rollback is starting ...",
        f"Code rollback filename: {code}",
        f"Code rollback file path: {backups}/{code}",
        "Media rollback is starting ...",
        f"Media rollback filename: {media}",
        f"Media rollback file path: {backups}/{media}",
        "DB rollback is starting...",
        f"DB rollback filename: {db}",
        f"DB rollback path: {backups}/{db}",
        "[SUCCESS]: Code rollback completed successfully.",
        "[SUCCESS]: Media rollback completed successfully.",
        "[SUCCESS]: DB rollback completed successfully.",
        "Please set file permission of bin/magento to executable (already executable)",
        *(line for line in said.lines if line.startswith("To do: ")),
        "Disabling maintenance mode",
    ]
    assert shop.state() == shop.new
    assert memory_taken(shop) <= memory
    assert {code, media, db} <= set(os.listdir(backups)), "a rollback deletes no backup"
    for name in ("cache", "page_cache", "view_preprocessed"):
        assert not os.path.exists(os.path.join(shop.store.var, name)), "caches are set aside"
    magerewind(shop, "job:undo", "--yes", code=0)
    assert shop.state() == old
    magerewind(shop, "job:undo", "--yes", code=0)
    assert shop.state() == shop.new
    magerewind(shop, "job:discard", "--yes", code=0)


def test_events_instead_of_text(shop):
    said = magerewind(shop, "setup:backup", "--media", "--json", code=0)
    events = said.objects
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert {event["v"] for event in events} == {1}
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-1]) == ("JobBegan", "JobEnded")
    assert kinds.index("MaintenanceEnabled") < kinds.index("BackupStarted")
    assert kinds.index("BackupCompleted") < kinds.index("MaintenanceDisabled")
    listed = magerewind(shop, "info:backups:list", "--json", code=0).objects
    completed = next(event for event in events if event["type"] == "BackupCompleted")
    assert completed["file_name"] in [one["file_name"] for one in listed]
    words = ("setup:rollback", *names_of(shop.request), "--dry-run", "--json")
    plan = magerewind(shop, *words, code=0).objects
    assert plan
    assert '"shop"' not in str(plan)


def test_quiet_says_nothing(shop):
    said = magerewind(shop, "setup:backup", "--media", "--no-verify", "-q", code=0)
    assert (said.out, said.err) == ("", "")


def test_variables_are_merged_over_env_php(shop):
    env_php = Path(shop.root) / "app/etc/env.php"
    prefix = "MAGENTO_DC_DB__CONNECTION__DEFAULT__"
    text = env_php.read_text().replace("'username' => 'shop'", "'username' => 'nobody'")
    with instead(env_php, text.encode()):
        magerewind(shop, "info:store", code=1)
        magerewind(shop, "info:store", environ={f"{prefix}USERNAME": "shop"}, code=0)
        override = '{"db": {"connection": {"default": {"username": "other"}}}}'
        said = magerewind(shop, "info:store", environ={"MAGENTO_DC__OVERRIDE": override}, code=1)
        assert "'other'" in said.err or "as other" in said.out, said


@as_root
def test_as_root_all_that_is_made_belongs_to_the_owner_of_the_root(shop, readable):
    uid = 54322
    give(shop, uid)
    magerewind(shop, "setup:backup", "--code", "--media", "--db", code=0)
    (Path(shop.root) / "app/etc/env.php").chmod(0o600)
    (Path(shop.root) / "vendor/autoload.php").write_text("<?php // changed")
    Path(shop.root, "pub/media/later.jpg").touch()
    os.chown(Path(shop.root) / "pub/media/later.jpg", uid, uid)
    magerewind(shop, "setup:rollback", "--yes", *names_of(shop.request), code=0)
    assert foreign(shop, uid, "var") == []
    made = [name for name in os.listdir(shop.root) if name.startswith(".magerewind")]
    assert foreign(shop, uid, *made) == []
    # The entries of the backup belonged to root, and root gives nothing of its own to a store.
    assert os.stat(f"{shop.root}/vendor/autoload.php").st_uid == uid
    magerewind(shop, "job:undo", "--yes", code=0)
    assert os.stat(f"{shop.root}/vendor/autoload.php").st_uid == uid
    magerewind(shop, "job:discard", "--yes", code=0)


@pytest.mark.long
@as_root
def test_an_account_without_a_name_does_all_of_it(shop, ordinary):
    shop.new = shop.state()
    said = magerewind(shop, "setup:backup", "--code", "--media", "--db", uid=ordinary, code=0)
    assert said.lines[-1] == "Disabling maintenance mode"
    newest = max(
        int(name.split("_")[0]) for name in os.listdir(shop.store.backups) if name[0] != "."
    )
    words = [f"--code-file={newest}_filesystem.tgz", f"--media-file={newest}_filesystem_media.tgz"]
    (Path(shop.root) / "index.php").write_text("<?php broken")
    os.chown(Path(shop.root) / "index.php", ordinary, ordinary)
    magerewind(
        shop, "setup:rollback", "--yes", *words, f"--db-file={newest}_db.sql", uid=ordinary, code=0
    )  # fmt: skip
    assert shop.state() == shop.new
    assert foreign(shop, ordinary, "var") == []
    magerewind(shop, "job:undo", "--yes", uid=ordinary, code=0)
    assert (Path(shop.root) / "index.php").read_text() == "<?php broken"
    magerewind(shop, "job:discard", "--yes", uid=ordinary, code=0)


def test_a_backup_that_stays_open_says_so(shop):
    said = magerewind(shop, "setup:backup", "--media", "--keep-open", code=0)
    assert not any("maintenance" in line.lower() for line in said.lines)
    newest = magerewind(shop, "info:backups:list", "--json", code=0).objects
    assert any(one.get("kept_open") for one in newest), newest
