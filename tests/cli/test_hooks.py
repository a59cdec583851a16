"""Programs of the configuration around a job, as a person has them: real processes, real jobs."""

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
from tests.cli.command_line import PLAIN, Shop
from tests.waiting import until

# Records its moment and its input; with a word, the state of the store as well.
TELL = """#!/bin/sh
{ echo "$MAGEREWIND_HOOK_MOMENT $MAGEREWIND_HOOK_OUTCOME"; } >> "$0.moments"
cat > "$0.$MAGEREWIND_HOOK_MOMENT"
pwd > "$0.directory"
env > "$0.environment"
[ -e var/.maintenance.flag ] && echo closed >> "$0.closed"
exit "${1:-0}"
"""


class Hooked:
    """A store, a program that puts down when it ran, and the configuration of both."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shop = Shop(path / "shop")
        make_store(str(self.shop.root), size=Size.SMALL)
        self.tell = path / "tell"
        self.tell.write_text(TELL)
        self.tell.chmod(0o755)
        self.file = path / "config.toml"

    def configure(self, *hooks: str) -> None:
        for old in self.path.glob("tell.*"):
            old.unlink()
        text = "\n".join(f"hooks.{one}" for one in hooks).replace("TELL", str(self.tell))
        self.file.write_text(f'[stores.shop]\nroot = "{self.shop.root}"\nkinds = ["media"]\n{text}')

    def command(self, *words: str) -> list[str]:
        base = [sys.executable, "-I", "-m", "core", *words]
        return [*base, "--store=shop", f"--config={self.file}"]

    def run(self, *words: str, code: int) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            self.command(*words), env={**PLAIN, "AWS_SECRET": "hunter2"}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*words), env=PLAIN, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    @property
    def moments(self) -> list[str]:
        path = Path(f"{self.tell}.moments")
        return [line.strip() for line in path.read_text().splitlines()] if path.exists() else []

    def told(self, moment: str):
        return json.loads(Path(f"{self.tell}.{moment}").read_text())

    @property
    def log(self) -> str:
        jobs = sorted((self.shop.root / "var/.magerewind/jobs").iterdir())
        return (jobs[-1] / "job.log").read_text()

    def is_recorded(self, pid: str) -> bool:
        """Whether a journal has the process of a hook, which is watched from then on."""
        jobs = self.shop.root / "var/.magerewind/jobs"
        journals = (path.read_text() for path in jobs.glob("*/journal.jsonl"))
        return any(re.search(rf'"pid": ?{pid}\b', journal) for journal in journals)

    @property
    def runner(self) -> int:
        lock = (self.shop.root / "var/.magerewind/lock").read_text()
        return int(json.loads(lock)["pid"])


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Hooked:
    return Hooked(tmp_path_factory.mktemp("hooked"))


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


ALL = ('before = ["TELL"]', 'on_success = ["TELL"]', 'on_failure = ["TELL"]', 'after = ["TELL"]')


def test_hooks_run_in_their_order_in_the_root_with_the_job_on_stdin(hooked: Hooked) -> None:
    hooked.configure(*ALL)
    hooked.run("setup:backup", code=0)
    assert hooked.moments == ["before", "on_success done", "after done"]
    before, after = hooked.told("before"), hooked.told("after")
    assert (before["operation"], before["kinds"], before["store"]) == ("backup", ["media"], "shop")
    assert before["root"] == str(hooked.shop.root)
    assert after["job_id"] == before["job_id"]
    assert [backup["kind"] for backup in after["backups"]] == ["media"]
    assert (after["exit_code"], after["size_bytes"] > 0, after["closed_s"] > 0) == (0, True, True)
    assert Path(f"{hooked.tell}.directory").read_text().strip() == str(hooked.shop.root)
    environment = Path(f"{hooked.tell}.environment").read_text()
    assert "hunter2" not in environment
    assert not Path(f"{hooked.tell}.closed").exists()
    rows = hooked.run("setup:backup", "--json", code=0).stdout.splitlines()
    ran = [row for row in map(json.loads, rows) if row["type"] == "HookRan"]
    assert [row["moment"] for row in ran] == ["before", "on_success", "after"]


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ('[["TELL"], ["TELL", "4"], ["TELL", "0"]]', "failed (exit code 4)"),
        ('["/no/such/program"]', "cannot be run: No such file"),
        ('["/etc/passwd"]', "cannot be run: Permission denied"),
        ('["sh", "-c", "kill -9 $$"]', "failed (exit code -9)"),
        ('["sh", "-c", "echo no consumers here; exit 7"]', "(exit code 7): no consumers here"),
    ],
)
def test_a_failing_before_stops_the_job_before_the_store_is_closed(
    hooked: Hooked, hook: str, reason: str
) -> None:
    hooked.configure(f"before = {hook}", 'on_failure = ["TELL"]', 'after = ["TELL"]')
    made = hooked.shop.names(".tgz")
    done = hooked.run("setup:backup", code=3)
    said = [line for line in done.stderr.splitlines() if "stopped by a hook" in line]
    assert len(said) == 1
    assert reason in said[0]
    assert "The store was not closed." in said[0]
    assert (" was not run." in done.stderr) == ("cannot be run" in reason)
    assert "was ended after" not in done.stderr
    assert done.stdout == ""
    assert hooked.shop.names(".tgz") == made
    assert not Path(f"{hooked.tell}.closed").exists()
    assert hooked.moments[-2:] == ["on_failure failed", "after failed"][-len(hooked.moments) :]
    assert "before" not in hooked.moments[2:]


def test_a_failing_after_is_a_warning(hooked: Hooked) -> None:
    hooked.configure('after = [["TELL", "5"], ["TELL"]]')
    done = hooked.run("setup:backup", code=0)
    assert "Warning: A hook after: " in done.stderr
    assert hooked.moments == ["after done", "after done"]
    hooked.run("setup:backup", "--strict", code=1)


def test_hooks_of_another_operation_do_not_run(hooked: Hooked) -> None:
    hooked.configure('rollback.before = ["TELL"]', 'backup.after = ["TELL"]')
    hooked.run("setup:backup", code=0)
    assert hooked.moments == ["after done"]


def test_a_hook_that_hangs_is_killed_with_what_it_forked(hooked: Hooked) -> None:
    pids = hooked.path / "pids"
    script = f"sleep 600 & echo $! > {pids}; echo $$ >> {pids}; sleep 600"
    hooked.configure(f'after = ["sh", "-c", "{script}"]', "timeout = 1")
    done = hooked.run("setup:backup", code=0)
    assert "did not end in 1 s, and was killed" in done.stderr
    numbers = [int(line) for line in pids.read_text().split()]
    assert len(numbers) == 2
    for pid in numbers:
        until(lambda pid=pid: is_gone(pid), "it lives on")


def test_a_hook_that_floods_its_output_is_bounded(hooked: Hooked) -> None:
    hooked.configure('before = ["sh", "-c", "yes flood | head -c 3000000; echo last words"]')
    hooked.run("setup:backup", code=0)
    assert len(hooked.log) < 40_000
    assert "last words" in hooked.log


def test_what_a_hook_leaves_in_the_background_goes_on(hooked: Hooked) -> None:
    pids = hooked.path / "left"
    hooked.configure(f'after = ["sh", "-c", "sleep 600 & echo $! > {pids}"]')
    hooked.run("setup:backup", code=0)
    pid = int(pids.read_text())
    assert not is_gone(pid)
    os.kill(pid, signal.SIGKILL)


SLOW = 'before = ["sh", "-c", "echo $$ > PID; exec sleep 600"]'


def test_a_cancel_ends_a_hook_and_runs_what_comes_after(hooked: Hooked) -> None:
    pid = hooked.path / "slow"
    hooked.configure(SLOW.replace("PID", str(pid)), *ALL[2:])
    with hooked.begin("setup:backup") as child:
        until(lambda: pid.exists() and pid.read_text().strip(), "the hook never began")
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=60) == 130
    until(lambda: is_gone(int(pid.read_text())), "the hook lives on")
    assert hooked.moments == ["on_failure cancelled", "after cancelled"]
    pid.unlink()


def test_a_hook_dies_with_its_runner_and_a_recovery_runs_the_rest_once(hooked: Hooked) -> None:
    pids = hooked.path / "killed"
    script = f"sleep 600 & echo $! $$ > {pids}; exec sleep 600"
    hooked.configure(f'before = ["sh", "-c", "{script}"]', *ALL[2:])
    with hooked.begin("setup:backup") as child:
        until(lambda: pids.exists() and pids.read_text().strip(), "the hook never began")
        until(lambda: hooked.is_recorded(pids.read_text().split()[1]), "it is not recorded")
        os.kill(hooked.runner, signal.SIGKILL)
        child.wait(timeout=60)
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: is_gone(pid), "it outlives the runner")
    hooked.file.write_text("nonsense")  # the settings of the start apply
    done = subprocess.run(
        [sys.executable, "-I", "-m", "core", "job:recover", f"--root={hooked.shop.root}"],
        env=PLAIN, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert hooked.moments == ["on_failure reverted", "after reverted"]


def test_a_kill_in_the_last_hook_leaves_a_job_that_is_done(hooked: Hooked) -> None:
    pid = hooked.path / "last"
    script = f"[ -e {pid} ] && exit 0; echo $$ > {pid}; exec sleep 600"
    hooked.configure(f'after = [["TELL"], ["sh", "-c", "{script}"], ["TELL"]]', ALL[1], ALL[2])
    with hooked.begin("setup:backup") as child:
        until(lambda: pid.exists() and pid.read_text().strip(), "the hook never began")
        until(lambda: hooked.is_recorded(pid.read_text().strip()), "it is not recorded")
        os.kill(hooked.runner, signal.SIGKILL)
        child.wait(timeout=60)
    done = hooked.run("job:recover", code=0)
    assert "put back" not in done.stderr
    assert hooked.moments == ["on_success done", "after done", "after done"]
    jobs = hooked.run("job:list", "--json", code=0).stdout.splitlines()
    assert json.loads(jobs[0])["outcome"] == "done"


def test_a_rollback_has_its_hooks_too(hooked: Hooked) -> None:
    hooked.configure()
    hooked.run("setup:backup", code=0)
    name = hooked.shop.names(".tgz")[-1]
    (hooked.shop.root / "pub/media/new.txt").write_text("new")
    hooked.configure('rollback.before = ["TELL", "1"]', 'rollback.after = ["TELL"]')
    hooked.run("setup:rollback", f"--media-file={name}", "--yes", code=3)
    assert (hooked.shop.root / "pub/media/new.txt").exists()
    hooked.configure('rollback.before = ["TELL"]', 'rollback.on_success = ["TELL"]')
    hooked.run("setup:rollback", f"--media-file={name}", "--yes", code=0)
    assert not (hooked.shop.root / "pub/media/new.txt").exists()
    assert hooked.moments == ["before", "on_success done"]
    hooked.configure('undo.before = ["TELL"]')
    hooked.run("job:undo", "--yes", code=0)
    assert hooked.moments == ["before"]
