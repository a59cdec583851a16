"""Directories exchanged for links while a job works: entries outside stay unchanged.

A helper process exchanges a name with a link, over and over, by renameat2(RENAME_EXCHANGE): there
is no moment in which the name is missing, and every path that is resolved twice is met by it.
"""

import contextlib
import os
import subprocess
import sys

import pytest
from msgspec.structs import replace

from core.directories import Directory
from core.durable import write_file
from core.errors import MagerewindError
from core.events import Kind
from core.jobs.directory import create_job
from core.jobs.listing import list_jobs
from core.magento.store import find_store
from core.operations.requests import BackupRequest
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.security.accounts import OTHER, look_of

ROUNDS = 400
EXCHANGER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
one, other = map(os.fsencode, sys.argv[1:])
print("begun", flush=True)
for _ in range(50_000_000):
    if libc.renameat2(-100, one, -100, other, 2):
        sys.exit(1)
"""


@contextlib.contextmanager
def exchanged(path, victim, *, uid=None):
    """Exchange a directory for a link to a victim, and back, while the block runs.

    The link belongs to `uid`, this account by default.
    """
    link = f"{path}-link"
    os.symlink(victim, link)
    if uid is not None:
        os.lchown(link, uid, uid)
    child = subprocess.Popen(
        [sys.executable, "-c", EXCHANGER, path, link], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline() == "begun\n"
        yield
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        if os.path.islink(path):
            os.unlink(path)
            os.rename(link, path)
        else:
            os.unlink(link)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("races") / "shop"
    make_store(str(root), size=Size.SMALL)
    return root


@pytest.fixture
def store(made, tmp_path):
    root = tmp_path / "shop"
    subprocess.run(["cp", "-a", str(made), str(root)], check=True)
    return find_store(str(root), root=str(root))


@pytest.fixture
def victim(tmp_path):
    """A directory of ours, closed as state is, with files that are named like a job's."""
    path = tmp_path / "victim"
    path.mkdir(mode=0o700)
    for name in ("cancel", "result.json", "connection.json", "undo.json", "lock"):
        (path / name).write_text("the victim's")
        (path / name).chmod(0o600)
    return path


def test_a_held_job_reads_writes_and_removes_in_itself_alone(store, victim):
    job = create_job(store, "20260101-000000-0001", BackupRequest(kinds=(Kind.MEDIA,)))
    directory, before = job.directory, look_of(victim)
    with exchanged(job.path, victim):
        for number in range(ROUNDS):
            directory.write("result.json", b"%d" % number)
            assert directory.read("result.json") == b"%d" % number
            directory.rename("result.json", "undo.json")
            directory.remove("undo.json")
            directory.make_directory("caches").close()
            directory.remove_tree("caches")
    assert look_of(victim) == before


def test_the_exchange_hits_what_resolves_a_path_twice(store, victim):
    """Else the tests here would show nothing."""
    job = create_job(store, "20260101-000000-0001", BackupRequest(kinds=(Kind.MEDIA,)))
    before = look_of(victim)
    with exchanged(job.path, victim):
        for number in range(100 * ROUNDS):
            with contextlib.suppress(OSError, MagerewindError):
                write_file(os.path.join(job.path, "result.json"), b"%d" % number)
            if number % 50 == 0 and look_of(victim) != before:
                break
    assert look_of(victim) != before


@pytest.mark.parametrize("at", ["var/.magerewind", "var/.magerewind/jobs"])
def test_a_link_to_state_of_ours_is_named_and_nothing_is_made_through_it(store, victim, at):
    create_job(store, "20260101-000000-0001", BackupRequest(kinds=(Kind.MEDIA,)))
    before = look_of(victim)
    with exchanged(os.path.join(store.root, at), victim):
        for number in range(ROUNDS // 4):
            with contextlib.suppress(MagerewindError):
                create_job(
                    store, f"20260101-000001-{number:04x}", BackupRequest(kinds=(Kind.MEDIA,))
                )
            with contextlib.suppress(MagerewindError):
                list_jobs(store)
    assert look_of(victim) == before


def _ignored(*_):
    """Take no note of what was deleted."""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links of other accounts")
@pytest.mark.parametrize("at", ["var", "var/backups"])
def test_a_link_of_another_account_is_followed_by_nothing(store, victim, at):
    from core.backups.catalog import delete_backup, list_backups
    from core.backups.clock import trust_clock
    from core.backups.edit_remarks import change_set, find_set
    from core.backups.place import make_backups
    from core.backups.retention import RetentionPolicy
    from core.magento.maintenance import close_store, open_store
    from core.operations.pruning import delete_sets, plan_prune

    of_all = {"jobs": None, "now_s": 1.8e9, "foreign": True}
    name = "1700000000_db.sql"
    for place in (victim, victim / "backups"):
        place.mkdir(exist_ok=True)
        (place / name).write_text("the victim's")
        (place / f"16{name[2:]}").write_text("the victim's")
        (place / ".maintenance.flag").write_text("the victim's")
    before = look_of(victim)
    with exchanged(os.path.join(store.root, at), victim, uid=OTHER):
        for number in range(ROUNDS // 4):
            with contextlib.suppress(MagerewindError):
                delete_backup(store.backups, name)
            with contextlib.suppress(MagerewindError), make_backups(store.backups) as held:
                held.write(f"{number}.part", b"")
                held.remove(f"{number}.part")
            with contextlib.suppress(MagerewindError):
                list_backups(store.backups)
            with contextlib.suppress(MagerewindError):
                close_store(store)
                open_store(store)
            with contextlib.suppress(MagerewindError):
                trust_clock(store.backups, host="h", now_s=1.0)
            with contextlib.suppress(MagerewindError):
                change_set(find_set(store.backups, name), lambda said: replace(said, keep=True))
            with contextlib.suppress(MagerewindError):
                delete_sets(plan_prune(store, RetentionPolicy(last=1), **of_all), _ignored)
    assert look_of(victim) == before


def test_a_plan_that_is_exchanged_while_it_is_opened_is_refused(store, victim):
    """The exchanged directory is ours too, as that of another store would be."""
    from core.archive.plan.plan_file import PlanFile
    from core.archive.plan.plan_location import PlanLocation
    from core.directories import StateFile

    job = create_job(store, "20260101-000000-0001", BackupRequest(kinds=(Kind.MEDIA,)))
    homes = [
        PlanLocation(StateFile(directory, "plan-media"))
        for directory in (job.directory, Directory.scratch(str(victim)))
    ]
    for home, mark in zip(homes, ("ours", "another"), strict=True):
        with PlanFile.create(home) as plan:
            plan.remember(
                archive=mark, kind="media", root="/", prefix="", state="/", step="planned"
            )
            plan.save()
    read = refused = 0
    with exchanged(job.path, victim):
        for number in range(100 * ROUNDS):
            try:
                with PlanFile(homes[0], only_read=True) as plan:
                    assert plan.facts.archive == "ours"
                    read += 1
            except MagerewindError:
                refused += 1
            if number >= ROUNDS and read and refused:
                break
    assert read > 0
    assert refused > 0


def test_a_path_is_resolved_while_it_is_exchanged(store, victim):
    """Between the looks of `os.path.realpath` a link may have become a directory: EINVAL."""
    places = {store.media, str(victim)}
    with exchanged(store.media, victim):
        found = {find_store(store.root, root=store.root).media_target for _ in range(ROUNDS)}
    assert found <= places
