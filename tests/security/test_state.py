"""State that somebody planted: named and refused, never believed, never waited for."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.sample.sizes import Size
from core.sample.store import make_store
from tests.long import few, some
from tests.security.accounts import CHECKOUT, OTHER, clean, look_of

LIMIT_S = 60  # for a command: none of them may hang
MEMORY = 1 << 30  # bytes of address space for a command
JOB = "20260101-000000-0001"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with a backup, and the job that made it."""
    root = tmp_path_factory.mktemp("state") / "shop"
    make_store(str(root), size=Size.SMALL)
    done = run(root, "setup:backup", "--media")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def shop(made, tmp_path):
    root = tmp_path / "shop"
    subprocess.run(["cp", "-a", str(made), str(root)], check=True)
    return root


def run(root, *words):
    """Run a command to its end, within its time and memory."""
    done = subprocess.run(
        ["prlimit", f"--as={MEMORY}", sys.executable, "-m", "core", *words, "--root", str(root)],
        cwd=CHECKOUT,
        env=clean(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    assert "unexpected" not in done.stderr, done.stderr
    return done


def jobs_of(root):
    return root / "var/.magerewind/jobs"


def only_job(root):
    (job,) = jobs_of(root).iterdir()
    return job


def plant(path, kind):
    """Put something that is no file of ours in the place of one."""
    held = path.read_bytes() if path.is_file() else b""
    if path.exists():
        path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path, 0o600)
        case "link to an endless device":
            path.symlink_to("/dev/zero")
        case "link":
            path.with_name("elsewhere").write_bytes(held)
            path.symlink_to("elsewhere")
        case "socket":
            here = os.getcwd()
            os.chdir(path.parent)  # names of sockets are short
            try:
                with socket.socket(socket.AF_UNIX) as made:
                    made.bind(path.name)
            finally:
                os.chdir(here)
        case "directory":
            path.mkdir(mode=0o700)
        case "second name":
            path.write_bytes(held)
            path.chmod(0o600)
            os.link(path, path.parent.parent.parent / "second")
        case "open to the group":
            path.write_bytes(held)
            path.chmod(0o660)
        case "gibibyte":
            path.write_bytes(held)
            path.chmod(0o600)
            os.truncate(path, 1 << 30)


KINDS = (
    "pipe",
    "link to an endless device",
    "link",
    "socket",
    "directory",
    "second name",
    "open to the group",
    "gibibyte",
)


@pytest.mark.parametrize("kind", some(KINDS, "pipe", "link", "open to the group", "second name"))
def test_what_is_no_file_of_ours_stops_starts_and_is_named(shop, kind):
    plant(only_job(shop) / "journal.jsonl", kind)
    listed = run(shop, "job:list")
    assert listed.returncode == 0
    assert "UNREADABLE" in listed.stdout
    (line,) = [line for line in listed.stderr.splitlines() if "journal.jsonl" in line]
    assert "nothing of it is used, and no job starts." in line
    for words in (("setup:backup", "--media"), ("job:recover",)):
        done = run(shop, *words)
        assert done.returncode == 1, (words, done)
        assert "nothing of it is used, and no job starts." in done.stderr
    assert len(list(jobs_of(shop).iterdir())) == 1


@pytest.mark.parametrize(
    "name", some(["events.jsonl", "request.json", "undo.json", "lock"], "lock", "undo.json")
)
def test_a_pipe_in_the_place_of_any_file_lets_no_command_wait(shop, name):
    job = only_job(shop)
    plant(shop / "var/.magerewind/lock" if name == "lock" else job / name, "pipe")
    for words in (
        ("job:list",),
        ("job:attach", job.name),
        ("job:recover",),
        ("job:undo", job.name, "--yes"),
    ):
        run(shop, *words)


@pytest.mark.parametrize(
    ("name", "kind"),
    few([(name, kind) for name in ("composer.lock", "composer.json", "var/.maintenance.ip")
         for kind in ("pipe", "link to an endless device")], 0, 3, 4),
)  # fmt: skip
def test_small_files_of_the_store_are_read_when_they_are_files(shop, name, kind):
    plant(shop / name, kind)
    done = run(shop, "info:store", "--json")
    assert "pub/media" in done.stdout or done.returncode in (0, 1)


@pytest.mark.parametrize("kind", ["pipe", "link to an endless device", "gibibyte"])
def test_a_manifest_that_is_none_makes_a_backup_unverified(shop, kind):
    (manifest,) = (shop / "var/backups").glob(".*.manifest.json")
    plant(manifest, kind)
    done = run(shop, "info:backups:list", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["health"] for row in rows if row["type"] == "Backup"] == ["unverified"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other accounts")
def test_a_job_of_another_account_is_an_unknown_job(shop):
    job = only_job(shop)
    os.chown(job, OTHER, OTHER)
    said = f"A job in var/.magerewind belongs to {OTHER}, not to root: nothing of it is used, and"
    listed = run(shop, "job:list", "--json")
    (row,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (row["job_id"], row["operation"], row["interrupted"]) == (job.name, "unknown", True)
    assert row["message"].startswith(said)
    for words in (
        ("setup:backup", "--media"),
        ("job:recover",),
        ("job:undo", "--yes"),
        ("job:discard", "--yes"),
    ):
        done = run(shop, *words)
        assert done.returncode == 1, (words, done)
        assert said in done.stderr, (words, done)
    assert said in run(shop, "info:store").stderr
    assert job.is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other accounts")
def test_a_manifest_of_another_account_vouches_for_nothing(shop):
    (manifest,) = (shop / "var/backups").glob(".*.manifest.json")
    os.chown(manifest, OTHER, OTHER)
    done = run(shop, "info:backups:list", "--json")
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert row["health"] == "unverified"
    assert f"belongs to {OTHER}" in row["problem"]


@pytest.mark.parametrize(
    ("at", "kind"),
    few([(at, kind) for at in ("var/.magerewind", "var/.magerewind/jobs")
         for kind in ("link", "open")], 0, 3),
)  # fmt: skip
def test_a_directory_of_state_that_is_not_ours_is_not_absent(shop, at, kind):
    path = shop / at
    if kind == "link":
        path.rename(path.with_name("moved"))
        path.symlink_to("moved")
    else:
        path.chmod(0o770)
    for words in (("setup:backup", "--media"), ("job:recover",)):
        done = run(shop, *words)
        assert done.returncode == 1, (words, done)
        assert "nothing of it is used, and no job starts." in done.stderr
    assert "nothing of it is used" in run(shop, "job:list").stderr


def test_a_planted_discard_removes_nothing(shop, tmp_path):
    """Planted state resembles ours in every respect but its content."""
    victim = tmp_path / "victim"
    (victim / "kept").mkdir(parents=True)
    (victim / "kept/file").write_text("kept")
    before = look_of(victim)
    forge_undo(shop, plan_with(shop, aside=os.fsencode(victim)))
    done = run(shop, "job:discard", JOB, "--yes")
    assert "is not used: what it set aside is not where this job sets things aside." in (
        done.stdout + done.stderr
    )
    assert look_of(victim) == before


@pytest.mark.parametrize(
    ("facts", "entries"),
    few(
        [
            ({"root": "/"}, [b"etc/passwd"]),
            ({"prefix": "../"}, [b"../victim"]),
            ({}, [b"../victim/kept/file"]),
            ({}, [b"a/../../victim/kept/file"]),
            ({}, [b"/etc/passwd"]),
            ({"state": "/tmp"}, []),
            ({"kind": "code"}, []),
            ({"job_id": "20200101-000000-0002"}, []),
        ],
        0,
        3,
        5,
    ),
)
def test_a_planted_plan_changes_no_mode_or_owner(shop, tmp_path, facts, entries):
    victim = tmp_path / "victim"
    (victim / "kept").mkdir(parents=True)
    (victim / "kept/file").write_text("kept")
    before = look_of(victim)
    state = jobs_of(shop).parent
    forge_undo(shop, plan_with(shop, facts=facts, entries=entries, aside=b"%s/aside-%s-media" % (
        os.fsencode(state), JOB.encode())))  # fmt: skip
    done = run(shop, "job:undo", JOB, "--yes")
    assert done.returncode == 1, done
    assert "is not used: " in done.stderr + done.stdout, done
    assert look_of(victim) == before


def plan_with(root, *, facts=None, entries=(), aside=b""):
    """Write a plan of a finished rollback of media with the wanted rows."""
    from core.archive.plan.plan_file import PlanFile
    from core.archive.plan.rows import Action, PlanRow, Region

    media = os.path.realpath(root / "pub/media")
    path = jobs_of(root) / JOB / "plan-media"
    path.parent.mkdir(mode=0o700)
    known = {
        "archive": "/dev/null", "sha256": "0", "kind": "media", "root": media,
        "prefix": "pub/media/", "state": str(jobs_of(root).parent), "job_id": JOB,
        "step": "swapped", "swapped_ns": 1, "ignored": [], "exclude": [], "only": "",
        **(facts or {}),
    }  # fmt: skip
    with PlanFile.create(str(path)) as plan:
        plan.set_regions([Region(0, os.fsencode(media), b"", aside)])
        plan.remember(**known)
        for entry in entries:
            whole = os.path.join(os.fsencode(media), entry)
            inode = os.lstat(whole).st_ino if os.path.lexists(whole) else 1
            row = PlanRow(None, entry, Action.MODE, None, 0, mode_then=0o777, mode_now=0o777)
            plan.add(row._replace(uid_then=0, gid_then=0, uid_now=0, gid_now=0, ino_now=inode))
        plan.save()
    return path.parent


def forge_undo(root, job):
    """Make the records of a job whose rollback is finished and keeps an undo."""
    from core.journal import Journal
    from core.operations.requests import RollbackRequest, to_json

    files = {
        "request.json": to_json(RollbackRequest(media_file="1_filesystem_media.tgz")),
        "undo.json": json.dumps({"kinds": ["media"], "committed_s": 1, "bytes": 1}).encode(),
        "result.json": json.dumps(
            {"outcome": "done", "exit_code": 0, "elapsed_s": 1, "closed_s": 1}
        ).encode(),
    }
    for name, content in files.items():
        (job / name).write_bytes(content)
        (job / name).chmod(0o600)
    journal = Journal.create(str(job / "journal.jsonl"))
    journal.append(
        "begin", operation="rollback", kinds=["media"], host=socket.gethostname(), boot_id="",
        pid=1, user="root", began_s=1.0, root=str(root),
    )  # fmt: skip
    journal.append("end", outcome="done")
    journal.close()


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_beside_a_plan_is_not_taken_over(shop, suffix):
    state = jobs_of(shop).parent
    job = plan_with(shop, aside=b"%s/aside-%s-media" % (os.fsencode(state), JOB.encode()))
    forge_undo(shop, job)
    (job / f"plan-media{suffix}").write_bytes(b"planted")
    done = run(shop, "job:undo", JOB, "--yes")
    assert done.returncode == 1
    assert "is none of ours, so the plan is not read." in done.stderr + done.stdout


def test_a_lock_file_that_is_removed_lets_no_second_job_start(shop):
    """The first job's lock is on a file that has no name any more."""
    from core.errors import JobRunning
    from core.jobs.lock import Holder, acquire, boot_id, process_start
    from core.magento.store import find_store

    store = find_store(str(shop), root=str(shop))
    holder = Holder(
        job_id=JOB, operation="backup", host=socket.gethostname(), boot_id=boot_id(),
        pid=os.getpid(), started=process_start(os.getpid()), user="root", since_s=1.0,
    )  # fmt: skip
    first = acquire(store, holder)
    os.unlink(shop / "var/.magerewind/lock")
    with pytest.raises(JobRunning, match="Another job is running"):
        acquire(store, holder)
    done = run(shop, "setup:backup", "--media")
    assert done.returncode == 1
    assert "Another job is running on this store." in done.stderr
    first.release()
    acquire(store, holder).release()


def test_what_a_job_says_of_itself_and_nobody_understands_stops_starts(shop):
    from core.journal import Journal

    job = jobs_of(shop) / JOB
    job.mkdir(mode=0o700)
    journal = Journal.create(str(job / "journal.jsonl"))
    journal.append("begin", operation="sell", kinds=[], host="", user="", pid=1, began_s=1.0)
    journal.close()
    done = run(shop, "setup:backup", "--media")
    assert done.returncode == 1
    assert "What a job in var/.magerewind says of itself cannot be understood." in done.stderr


def test_helpers_of_these_tests_see_what_is_changed(tmp_path):
    (tmp_path / "a").write_text("1")
    before = look_of(tmp_path)
    Path(tmp_path / "a").write_text("2")
    assert look_of(tmp_path) != before
