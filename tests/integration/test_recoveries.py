"""Recovery by the facts of the started job, not by a later env.php or environment."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from core.database.server.connection import schema_lock
from core.events import Kind
from core.jobs.client import Client
from core.jobs.directory import JobDirectory, create_job
from core.journal import Journal, read_journal
from core.operations.requests import BackupRequest, RollbackRequest
from tests.integration.commands import instead, magerewind, names_of
from tests.long import some

PASSWORD = "MAGENTO_DC_DB__CONNECTION__DEFAULT__PASSWORD"


@pytest.fixture(scope="module")
def records(shop):
    """The kinds of journal records of a rollback of code and database."""
    summary, events = shop.run(two_kinds(shop))
    assert summary.exit_code == 0, events
    kinds = [record.kind for record in read_journal(shop.job_journal(summary.job_id))]
    magerewind(shop, "job:discard", "--yes", code=0)
    return kinds


def two_kinds(shop):
    return RollbackRequest(
        code_file=shop.request.code_file, db_file=shop.request.db_file, whole=True
    )


def killed(shop, request, at, **environ):
    """Start a job whose runner dies at a journal record; wait for its death."""
    client = shop.client(fault=f"journal:{at + 1}:kill", **environ)
    job = client.start(request)
    for _ in client.follow(job.job_id, interval_s=0.02):
        pass
    assert client.result_of(job.job_id).interrupted
    return job.job_id


def swaps(records):
    """Where the second swap begins, and where the commit is on disk."""
    begins = [number for number, kind in enumerate(records) if kind == "swap-begin"]
    return {"revert": begins[-1] + 1, "forward": records.index("commit") + 1}


@pytest.mark.long
@pytest.mark.parametrize("way", ["revert", "forward"])
def test_recovery_in_a_shell_without_the_variables(shop, records, way):
    env_php = Path(shop.root) / "app/etc/env.php"
    before = shop.state()
    text = env_php.read_text().replace("'password' => 'shop'", "'password' => 'not this'")
    with instead(env_php, text.encode()):
        assert magerewind(shop, "setup:backup", "--db", code=1).out == ""
        request = RollbackRequest(db_file=shop.request.db_file, whole=True)
        point = "swap-end" if way == "revert" else "commit"
        # Of the records of both kinds, those of the code are missing here.
        at = db_only(records).index(point) + (way == "forward")
        killed(shop, request, at, **{PASSWORD: "shop"})
        assert shop.closed()
        said = magerewind(shop, "job:recover", code=0)
        assert "Disabling maintenance mode" in said.lines
        assert "not this" not in said.err + said.out
    assert not shop.closed()
    assert shop.state() == before
    assert shop.leftovers() == []
    if way == "forward":
        magerewind(shop, "job:discard", "--yes", code=0)


def db_only(records):
    """The records that are left when nothing is done to the code."""
    kept, seen = [], set()
    for kind in records:
        if kind == "stage" or (kind in {"swap-begin", "swap-end"} and kind not in seen):
            seen.add(kind)
            continue
        kept.append(kind)
    return kept


@pytest.mark.parametrize("way", some(["revert", "forward"], "forward"))
def test_recovery_after_the_live_env_php_was_replaced(shop, records, way):
    env_php = Path(shop.root) / "app/etc/env.php"
    old = env_php.read_bytes()
    wrong = old.replace(b"'password' => 'shop'", b"'password' => 'of long ago'")
    with instead(env_php, wrong):
        code = shop.back_up(kinds=(Kind.CODE,)).code_file
    before = shop.state()
    request = RollbackRequest(code_file=code, db_file=shop.request.db_file)
    killed(shop, request, swaps(records)[way])
    assert env_php.read_bytes() == wrong, "the code is swapped in"
    said = magerewind(shop, "job:recover", code=0)
    assert "of long ago" not in said.err + said.out
    assert not shop.closed()
    assert shop.leftovers() == []
    if way == "revert":
        assert env_php.read_bytes() == old
    else:
        assert env_php.read_bytes() == wrong
        # Also the way back uses the connection that was good at the start.
        magerewind(shop, "job:undo", "--yes", code=0)
        magerewind(shop, "job:discard", "--yes", code=0)
    assert shop.state() == before


def test_keep_env_keeps_the_present_env_php(shop):
    env_php = Path(shop.root) / "app/etc/env.php"
    other = env_php.read_text().replace("'allow_parallel_generation' => false", "'other' => 1")
    other = re.sub(r"('key' => ')\w+", r"\1ffffffffffffffffffffffffffffffff", other)
    words = ("setup:rollback", "--yes", "-c", shop.request.code_file)
    with instead(env_php, other.encode()):
        plan = magerewind(shop, *words, "--dry-run", code=0)
        said = plan.out + plan.err
        assert "crypt/key" in said, "keys that differ are named"
        assert "ffffffff" not in said, "values are not"
        kept = magerewind(shop, *words, "--keep-env", code=0)
        assert "crypt/key" not in kept.out + kept.err
        assert env_php.read_text() == other
        magerewind(shop, *words, code=0)
        assert env_php.read_text() != other
        magerewind(shop, "job:discard", "--yes", code=0)


@pytest.fixture
def elsewhere(shop):
    """A backup that another host began and did not end."""
    job = create_job(shop.store, "20200101-000000-0001", BackupRequest(kinds=(Kind.CODE,)))
    begun(job, host="web02.example")
    partial = Path(shop.store.backups) / ".1577836800_filesystem.tgz.partial"
    partial.write_bytes(b"half of it")
    yield job
    partial.unlink(missing_ok=True)


def begun(job, *, host):
    journal = Journal.create(job.journal)
    journal.append(
        "begin",
        operation="backup",
        kinds=["code"],
        host=host,
        boot_id="another",
        pid=os.getpid(),  # reused, as it were
        user="deploy",
        began_s=1577836800.0,
        root=job.store.root,
    )
    journal.append(
        "backup", timestamp=1577836800, names={"code": "1577836800_filesystem.tgz"}
    )  # fmt: skip
    journal.append("close", already=False, at_s=1577836801.0)
    journal.close()
    (Path(job.store.root) / "var/.maintenance.flag").touch()


@pytest.mark.long
def test_the_job_of_another_host_is_recovered_only_when_that_is_asked_for(shop, elsewhere):
    for words in (
        ("setup:backup", "--code"),
        ("setup:rollback", "--yes", *names_of(shop.request)),
        ("job:recover",),
        ("job:recover", "--from-host", "web03.example"),
    ):
        said = magerewind(shop, *words, code=1)
        assert elsewhere.job_id in said.err, said
        assert "web02.example" in said.err, said
        assert "job:recover --from-host web02.example" in said.err, said
        assert shop.closed()
    magerewind(shop, "job:recover", "--from-host", "web02.example", code=0)
    assert not shop.closed()
    assert shop.leftovers() == []
    assert magerewind(shop, "job:recover", code=0).out.startswith("No job was interrupted")


@pytest.mark.long
def test_two_roots_on_one_schema_are_kept_apart(shop):
    with schema_lock(shop.settings):
        for words in (
            ("setup:backup", "--db"),
            ("setup:rollback", "--yes", "--whole", "-d", shop.request.db_file),
        ):
            said = magerewind(shop, *words, code=1)
            assert "works on the schema" in said.err, said
            (line,) = [text for text in said.problem if "works on the schema" in text]
            assert f"'{shop.schema}'" in line
            assert "connection" in line
        assert not shop.closed()
        magerewind(shop, "setup:backup", "--code", "--no-verify", code=0)


def test_the_newest_fifty_jobs_are_kept_and_all_that_matter(shop):
    ended = [fake_job(shop, number, "end") for number in range(55)]
    undo = fake_job(shop, 0, "end", year=2018)
    undo.directory.write("undo.json", json.dumps({"kinds": [], "bytes": 0}).encode())
    magerewind(shop, "setup:backup", "--media", "--no-verify", code=0)
    left = {job.job_id for job in Client(shop.store, environ={}).jobs()}
    assert undo.job_id in left
    assert len(left) == 51
    assert not {job.job_id for job in ended[:5]} & left, "the oldest go"
    for job in (*ended, undo):
        for name in os.listdir(job.path) if os.path.isdir(job.path) else ():
            os.unlink(os.path.join(job.path, name))


def fake_job(shop, number, last, *, year=2019):
    job = create_job(
        shop.store, f"{year}0101-0000{number:02}-0000", BackupRequest(kinds=(Kind.CODE,))
    )  # fmt: skip
    journal = Journal.create(job.journal)
    journal.append(
        "begin",
        operation="backup", kinds=["code"], host="h", boot_id="b", pid=1, user="u", began_s=1.0,
        root=shop.root,
    )  # fmt: skip
    journal.append(last, outcome="done")
    journal.close()
    return JobDirectory(shop.store, job.job_id)
