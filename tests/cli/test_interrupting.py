"""Signals, lost terminals and second starters: a job is a process of its own."""

import contextlib
import os
import pty
import random
import signal
import subprocess
from collections.abc import Iterator

import pytest

from core.events import Kind
from core.jobs.directory import create_job
from core.jobs.lock import read_holder
from core.journal import Journal
from core.magento.store import find_store
from core.operations.requests import BackupRequest
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.cli.command_line import ENVIRON, MAGEREWIND, Shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("shop")
    make_store(str(root), size=Size.SMALL)
    return Shop(root)


@pytest.fixture
def slow_shop(shop: Shop) -> Iterator[Shop]:
    """The store with a picture that keeps a job busy for some seconds."""
    picture = shop.root / "pub/media/large.jpg"
    picture.write_bytes(random.Random(1).randbytes(60_000_000))
    yield shop
    picture.unlink()
    running = shop.run("job:cancel")
    if running.returncode == 0:
        shop.run("job:attach")


SLOW = ("setup:backup", "--media", "--level", "9", "--no-verify")


def until(child: "subprocess.Popen[str]", line: str) -> None:
    assert child.stdout is not None
    for text in child.stdout:
        if text.rstrip("\n") == line:
            return
    pytest.fail(f"{line!r} never came")


@contextlib.contextmanager
def held(shop: Shop) -> Iterator[None]:
    """Stop the runner, so that its job is not over before the commands that follow."""
    holder = read_holder(find_store(str(shop.root), root=str(shop.root)))
    assert holder is not None
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(holder.pid, signal.SIGCONT)


def test_ctrl_c_cancels_and_leaves_no_trace(slow_shop: Shop) -> None:
    before = slow_shop.names(".tgz")
    child = slow_shop.begin(*SLOW)
    until(child, "Media backup is starting...")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Asking the job to cancel." in err
    assert out.splitlines()[-1] == "Disabling maintenance mode"
    assert slow_shop.names(".tgz") == before
    assert slow_shop.unfinished() == []
    assert not slow_shop.flag.exists()


def test_a_second_job_is_refused_with_who_and_since_when(slow_shop: Shop) -> None:
    child = slow_shop.begin(*SLOW)
    until(child, "Media backup is starting...")
    with held(slow_shop):
        second = slow_shop.run("setup:backup", "--media")
        assert second.returncode == 1
        assert "is running on this store since" in second.stderr
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=60)
        assert child.returncode == 143
        assert "goes on without this terminal: magerewind job:attach" in err
        assert slow_shop.run("job:cancel").returncode == 0
    assert slow_shop.run("job:attach").returncode == 130


class OnTerminal:
    """A command with a terminal of its own, as `ssh -t` gives it one."""

    def __init__(self, shop: Shop, *words: str) -> None:
        self.ours, theirs = pty.openpty()
        self.child = subprocess.Popen(
            ["setsid", "--ctty", *MAGEREWIND, *words],
            cwd=shop.root,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=ENVIRON | {"TERM": "xterm"},
        )
        os.close(theirs)

    def until(self, text: str) -> None:
        seen = b""
        while text.encode() not in seen:
            seen += os.read(self.ours, 65536)

    def drain(self) -> str:
        seen = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while chunk := os.read(self.ours, 65536):
                seen += chunk
        os.close(self.ours)
        return seen.decode()


def test_ctrl_c_at_a_terminal_reaches_the_job_as_a_request(slow_shop: Shop) -> None:
    terminal = OnTerminal(slow_shop, *SLOW)
    terminal.until("Write media")  # the line of progress
    os.write(terminal.ours, b"\x03")
    shown = terminal.drain()
    assert terminal.child.wait(60) == 130
    assert "Asking the job to cancel." in shown
    assert "Disabling maintenance mode" in shown
    assert slow_shop.unfinished() == []


def test_a_closed_terminal_leaves_the_job_alone(slow_shop: Shop) -> None:
    terminal = OnTerminal(slow_shop, *SLOW)
    terminal.until("Media backup is starting...")
    os.close(terminal.ours)
    assert terminal.child.wait(60) == 129
    attached = slow_shop.run("job:attach")
    assert attached.returncode == 0
    assert attached.stdout.splitlines()[-1] == "Disabling maintenance mode"
    slow_shop.run("info:backups:delete", slow_shop.names("_media.tgz")[-1], "--yes")


def test_a_reader_that_goes_away_leaves_the_job_alone(slow_shop: Shop) -> None:
    child = slow_shop.begin(*SLOW)
    until(child, "Media backup is starting...")
    assert child.stdout is not None
    child.stdout.close()  # `magerewind … | head -2`
    assert child.wait(60) == 0
    assert child.stderr is not None
    child.stderr.close()
    slow_shop.run("info:backups:delete", slow_shop.names("_media.tgz")[-1], "--yes")


def test_job_cancel_stops_what_another_started(slow_shop: Shop) -> None:
    job_id = slow_shop.run(*SLOW, "--detach").stdout.strip()
    with held(slow_shop):
        cancelled = slow_shop.run("job:cancel")
    assert cancelled.returncode == 0
    assert job_id in cancelled.stdout
    assert slow_shop.run("job:attach", job_id).returncode == 130
    assert slow_shop.run("job:cancel").returncode == 1


@pytest.fixture
def interrupted(shop: Shop) -> Iterator[str]:
    """A job whose runner died just after it had closed the store."""
    store = find_store(str(shop.root), root=str(shop.root))
    job = create_job(store, "20200101-000000-0001", BackupRequest(kinds=(Kind.MEDIA,)))
    journal = Journal.create(job.journal)
    journal.append(
        "begin",
        operation="backup",
        kinds=["media"],
        host=os.uname().nodename,
        boot_id="",
        pid=2**22 + 1,
        user="someone",
        began_s=1577836800.0,
        root=store.root,
    )
    journal.close()
    yield job.job_id
    shop.run("job:recover")


def test_an_interrupted_job_is_said_and_stops_what_would_work(shop: Shop, interrupted: str) -> None:
    for words in (("info:backups:list",), ("job:list",), ("info:store",)):
        done = shop.run(*words)
        assert f"Job {interrupted} (backup) was interrupted" in done.stderr
        assert "magerewind job:recover" in done.stderr
    for words in (("setup:backup", "--media"), ("setup:rollback", "-y", "-m", "1_x.tgz")):
        done = shop.run(*words)
        assert done.returncode == 1
        assert f"Job {interrupted} (backup) was interrupted" in done.stderr
        assert done.stdout == ""
    attached = shop.run("job:attach", interrupted)
    assert attached.returncode == 1
    assert attached.stderr.count("job:recover") == 1
    recovered = shop.run("job:recover")
    assert "Recovering:" in recovered.stderr
    assert "interrupted" not in shop.run("info:backups:list").stderr
    nothing = shop.run("job:recover")
    assert nothing.returncode == 0
    assert nothing.stdout == "No job was interrupted: there is nothing to recover.\n"
