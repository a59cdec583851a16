"""A rollback to a set that is elsewhere: the same plan, stage, swap and undo."""

import contextlib
import os
import shutil
import struct
import time
from pathlib import Path

import pytest
from msgspec import structs

from core.archive.plan.plan_file import PlanFile
from core.cli.parser import parse
from core.errors import UsageError
from core.events import Kind
from core.operations.job_files import plan_of
from core.operations.requests import RollbackRequest
from core.repository.fetching import grouped
from core.repository.settings import Repository
from tests import oracles
from tests.repository.events import events_of

# A default ACL: rwx for the owner, user 54321 and the mask, r-x for the group, nothing for others.
ACL = [(1, 7, -1), (2, 7, 54321), (4, 5, -1), (16, 7, -1), (32, 0, -1)]
ATTRIBUTES = {
    "user.origin": b"here",
    "system.posix_acl_default": struct.pack("<I", 2)
    + b"".join(struct.pack("<HHi", *entry) for entry in ACL),
}


@pytest.fixture(scope="module")
def sent(shop, restic_path, template, tmp_path_factory):
    """The shop with a set of all kinds in a repository on S3."""
    from tests.repository.conftest import KEYS, RCLONE, Remote, free_port, serving

    remote = Remote(shop, tmp_path_factory.mktemp("sent"), restic_path, template)
    port = free_port()
    keys = remote.place / "keys"
    keys.write_text(f"AWS_ACCESS_KEY_ID={KEYS[0]}\nAWS_SECRET_ACCESS_KEY={KEYS[1]}\n")
    keys.chmod(0o600)
    shutil.copytree(template, remote.place / "s3/bucket/shop")
    words = (RCLONE, "serve", "s3", str(remote.place / "s3"), "--addr", f"127.0.0.1:{port}")
    with serving(*words, "--auth-key", ",".join(KEYS), port=port):
        remote.add("cloud", f"s3:http://127.0.0.1:{port}/bucket/shop", env_file=str(keys))
        remote.sheet = remote.run("repo:init", "cloud").out
        odd = Path(shop.root) / "app/odd"
        odd.mkdir()
        (odd / "one[1].php").write_text("<?php one();")
        os.link(odd / "one[1].php", odd / "$second")
        (odd / "new\nline").write_text("line")
        (odd / "link").symlink_to("nowhere")
        Path(os.fsdecode(os.fsencode(odd) + b"/bad\xff")).write_text("no UTF-8")
        (odd / "touched").write_text("same")
        (odd / "marked/below").mkdir(parents=True)
        for name, value in ATTRIBUTES.items():
            with contextlib.suppress(OSError):  # a file system without
                os.setxattr(odd / "marked", name, value)
        remote.attributes = os.listxattr(odd / "marked")
        remote.said = remote.run("setup:backup", "--code", "--media", "--db", "--to", "cloud")
        remote.before = shop.state()
        yield remote


def kept_text(shop):
    """Everything that jobs left in the state of the store."""
    found = []
    for directory, _, names in os.walk(shop.store.jobs_directory):
        found += [Path(directory, name).read_bytes() for name in names]
    return b"\n".join(found).decode("utf-8", "replace")


def test_a_set_is_sent_and_no_secret_is_told(sent):
    assert "is complete in cloud." in sent.said.out
    assert os.listdir(sent.shop.store.backups) == []
    (one,) = sent.sets("cloud")
    assert (one["complete"], one["checked"]) == (True, False)
    assert set(one["snapshots"]) == {"code", "media", "db", "manifest"}
    sent.run("repo:check", "cloud", "--read-data-subset", "100%")
    assert sent.sets("cloud")[0]["checked"]
    assert "AWS_SECRET_ACCESS_KEY" in sent.sheet
    told = kept_text(sent.shop) + sent.sheet + sent.said.out + sent.said.err
    assert "correct horse" not in told
    assert "SECRETKEY123456" not in told


def test_all_kinds_come_back_and_nothing_is_left_of_what_was_fetched(sent):
    shop = sent.shop
    shop.damage()
    odd = Path(shop.root) / "app/odd"
    for name in ("one[1].php", "new\nline", "link", os.fsdecode(b"bad\xff")):
        (odd / name).unlink()
    (odd / "$second").unlink()
    (odd / "touched").write_text("SAME")  # of the same size, at another time
    shutil.rmtree(odd / "marked")
    sent.run("setup:rollback", "--set", "latest", "--from", "cloud", "--yes")
    assert shop.state() == sent.before
    found = {name: os.getxattr(odd / "marked", name) for name in os.listxattr(odd / "marked")}
    assert found == {name: ATTRIBUTES[name] for name in sent.attributes}
    assert os.listxattr(odd / "marked/below") == []
    assert os.lstat(odd / "$second").st_nlink == 2
    job = Path(shop.store.jobs_directory, max(os.listdir(shop.store.jobs_directory)))
    left = [name for name in os.listdir(job) if "fetched" in name or "listing" in name]
    assert left + [name for name in os.listdir(job) if name.endswith(".sql")] == []
    # Restored files have whole seconds only: in doubt at first, and found to be the same.
    said = sent.run("setup:rollback", "--set", "latest", "-c", "--from", "cloud", "--dry-run")
    assert "nothing differs" in said.out
    sent.run("job:undo", "--yes")
    assert (odd / "touched").read_text() == "SAME"
    sent.run("job:undo", "--yes")


def test_only_what_differs_is_fetched_and_only_what_is_asked_for_is_put_back(sent):
    shop = sent.shop
    other = Path(shop.root, "pub/cron.php")
    content, status = other.read_bytes(), other.stat()
    for path in (Path(shop.root, "pub/index.php"), other):
        path.write_text("<?php changed();")
    words = ("setup:rollback", "--set", "latest", "-c", "--from", "cloud", "--yes")
    sent.run(*words, "--only", "pub/index.php")
    fetched = [
        row
        for row in events_of(shop)
        if row["type"] == "Progressed" and row["step"] == "fetch" and row["kind"] == "code"
    ]
    assert 0 < max(row["done_bytes"] for row in fetched) < 100_000
    assert other.read_text() == "<?php changed();"
    other.write_bytes(content)
    os.utime(other, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert shop.state() == sent.before


@pytest.mark.long
def test_the_shown_plan_is_staged_and_changes_after_it_are_taken_in(sent, monkeypatch):
    monkeypatch.setenv("PATH", sent.path)
    shop = sent.shop
    stamp = sent.sets("cloud")[0]["timestamp"]
    keys = str(sent.place / "keys")
    cloud = Repository(
        name="cloud", url=sent.url("cloud"), password_file=str(sent.password), env_file=keys
    )
    request = RollbackRequest(code_file=f"{stamp}_filesystem.tgz", repository=cloud, store="shop")
    Path(shop.root, "pub/index.php").write_text("<?php changed();")
    client = shop.client()
    plan = client.plan_rollback(request)
    created = time.time_ns()
    Path(shop.root, "pub/cron.php").write_text("<?php changed_later();")
    Path(shop.root, "pub/later.php").write_text("<?php later();")
    confirmed = structs.replace(request, confirmed_plan=plan.fingerprint)
    with plan.scratch:
        summary, events = shop.run(confirmed, plan=plan)
    assert summary.exit_code == 0, events
    named = [one.names for one in events if getattr(one, "code", "") == "changed-meanwhile"]
    assert named == [("pub/cron.php", "pub/later.php")]
    assert shop.state() == sent.before
    job = shop.client().find(summary.job_id).directory
    with PlanFile(plan_of(shop.store, job, Kind.CODE)) as staged:
        assert 0 < staged.facts.began_ns < created  # it is the one that was shown
    assert not [name for name in job.names() if "shown-" in name or ".shown" in name[6:]]
    sent.run("job:undo", "--yes")
    # One that was made for something else is made again.
    other = structs.replace(request, exclude=("pub/cron.php", "pub/later.php"))
    plan = client.plan_rollback(request)
    with plan.scratch:
        summary, events = shop.run(other, plan=plan)
    assert summary.exit_code == 0, events
    assert Path(shop.root, "pub/later.php").exists()
    sent.run("job:undo", "--yes")
    sent.run("setup:rollback", "--set", "latest", "-c", "--from", "cloud", "--yes")
    assert shop.state() == sent.before


def test_files_are_made_out_of_a_set(sent, tmp_path):
    shop = sent.shop
    (one,) = sent.sets("cloud")
    said = sent.run("repo:fetch", "latest", "--json")
    assert [row["kind"] for row in said.objects] == ["code", "media", "db"]
    dump = sent.restic("cloud", "dump", one["snapshots"]["db"], "db.sql")
    assert Path(shop.store.backups, f"{one['timestamp']}_db.sql").read_bytes() == dump
    assert sent.run("info:backups:verify").out.count("is sound, as its manifest says") == 3
    said = sent.run("repo:fetch", "latest", code=2)
    assert "is in var/backups already" in said.err
    listed = list(sent.run("info:backups:list", "--json").objects)
    assert [row["where"] for row in listed] == [["here", "cloud"]] * 3
    files = {row["kind"]: row["file_name"] for row in listed}
    said = sent.run("setup:rollback", "--dry-run", "-c", files["code"], "-m", files["media"])
    assert said.out.count("nothing differs") == 2
    for name in os.listdir(shop.store.backups):
        Path(shop.store.backups, name).unlink()
    listed = sent.run("info:backups:list").out
    assert listed.count("| cloud |") == 3
    assert "cloud: as seen" in listed


def test_an_empty_machine_gets_the_store_back(sent, server, tmp_path):
    schema = f"{sent.shop.schema}_new"
    server.make_schema(schema)
    root = tmp_path / "new"
    url = sent._repositories["cloud"]["url"]
    words = ("repo:bootstrap", url, "--root", str(root), "--env-file", str(sent.place / "keys"))
    words += ("--password-file", str(sent.password))
    try:
        sent.run(*words, "--db-name", schema)
        assert oracles.schema_entries(server, schema) == oracles.schema_entries(
            server, sent.shop.schema
        )
    finally:
        server.run(f"DROP DATABASE `{schema}`")
    left_out = (b"node_modules", b"update", b".git", b".idea", b"app/etc/env.php")
    expected = oracles.tree_entries(sent.shop.root)
    found = oracles.tree_entries(str(root))
    different = {
        path
        for path in expected.keys() | found.keys()
        if expected.get(path) != found.get(path) and not path.startswith(left_out)
    }
    assert different == set()
    said = sent.run(*words, code=2)
    assert "is not empty" in said.err


def test_an_empty_machine_needs_a_password_and_an_empty_directory(sent, tmp_path):
    said = sent.run("repo:bootstrap", "/nowhere", "--root", str(tmp_path / "new"), code=2)
    assert "--password-file FILE" in said.err
    words = ("repo:bootstrap", "/nowhere", "--password-file", str(sent.password))
    said = sent.run(*words, "--root", str(tmp_path / "new"), code=1)
    assert "There is no repository at /nowhere" in said.err
    assert "repo:init" not in said.err
    url = sent._repositories["cloud"]["url"]
    keys = ("--env-file", str(sent.place / "keys"), "--password-file", str(sent.password))
    words = ("repo:bootstrap", url, *keys, "--root", str(tmp_path / "new"))
    assert "--store-name" in sent.run(*words, "--store", "other", code=2).err
    said = sent.run(*words, "--store-name", "other", code=1)
    assert "no complete set of other.\nIt holds sets of: shop." in said.err
    said = sent.run(*words, "--set", "5", code=1)
    assert "holds no set 5.\nThere are: " in said.err
    words = ("repo:bootstrap", "/nowhere", "--password-file", str(sent.password))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("somebody's")
    said = sent.run(*words, "--root", str(tmp_path / "full"), code=2)
    assert "is not empty" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "latest", "--code-file=x.tgz"), "--set chooses a set"),
        (("--set", "yesterday", "--from", "cloud"), "'yesterday' is no set"),
        (("--from", "cloud", "-c", "1_filesystem.tgz"), "--from names a repository"),
        (("-c",), "-c/--code-file: expected one argument"),
        (("--set", "1700000000", "--from", "clod"), "Did you mean cloud?"),
    ],
)
def test_words_that_do_not_fit_are_refused(sent, words, message):
    said = sent.run("setup:rollback", "--yes", *words, code=2)
    assert message in said.err


def test_a_set_that_is_not_there_or_not_whole_is_named(sent):
    said = sent.run("setup:rollback", "--set", "1700000000", "--from", "cloud", "--dry-run", code=1)
    assert "holds no set 1700000000" in said.err


def test_whole_directories_stand_for_many_files():
    every = [b"a/1", b"a/2", b"b/c/1", b"b/c/2", b"b/d", b"e"]
    assert grouped([b"a/1", b"a/2", b"b/c/1", b"b/c/2"], iter(every)) == [b"a", b"b/c"]
    assert grouped([b"a/1", b"e"], iter(every)) == [b"a/1", b"e"]
    assert grouped(every, iter(every)) == [b"a", b"b", b"e"]


def test_names_alone_are_kinds_only_with_a_set():
    line = parse(["setup:rollback", "--set", "latest", "-c", "-d", "--from", "x"])
    assert line.code_file == line.db_file != line.media_file
    with pytest.raises(UsageError):
        parse(["setup:rollback", "--set"])
