"""Root on the store of another account: everything works as that account, and nothing as root."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.long import some
from tests.security.accounts import (
    GROUP,
    OWNER,
    WEB,
    as_root,
    clean,
    give,
    look_of,
    not_of,
    running,
    status_of,
)
from tests.tui.at_a_terminal import AtATerminal

pytestmark = as_root

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "S3cret",
    "RESTIC_PASSWORD": "S3cret",
    "TMPDIR": "/root/S3cret",
    "XDG_STATE_HOME": "/root/S3cret",
    "MAGE_MODE": "S3cret",
    # With this, root's environment would decide which schema is dumped and replaced.
    "MAGENTO_DC_DB__CONNECTION__DEFAULT__DBNAME": "S3cret",
}
# Replaces php: records its input, and the state of its parent, the runner.
PHP = """#!/bin/sh
env > var/said-environment
cat /proc/$PPID/status > var/said-runner
cat /proc/self/status > var/said-self
"""


@pytest.fixture
def php(place):
    """A php that is a shell script, first in the path of root."""
    directory = os.path.join(place, "bin")
    os.mkdir(directory, 0o755)

    def make(script):
        Path(directory, "php").write_text(script)
        os.chmod(f"{directory}/php", 0o755)
        return clean(PATH=f"{directory}:{os.environ['PATH']}")

    return make


def fields(path):
    lines = Path(path).read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def is_the_owner(status):
    assert status["Uid"] == [str(OWNER)] * 4
    assert status["Gid"] == [str(GROUP)] * 4
    assert status["Groups"] == [str(GROUP)]
    assert status["NoNewPrivs"] == ["1"]
    assert status["Seccomp"] == ["2"]
    assert [int(status[name][0], 16) for name in ("CapPrm", "CapEff", "CapAmb")] == [0, 0, 0]


def options_of(shop):
    """Return the options for a rollback to the newest backups."""
    names = sorted(name for name in os.listdir(shop.store.backups) if name[0] != ".")[-3:]
    ending = {"_db.sql": "--db-file", "_filesystem.tgz": "--code-file"}
    return [
        f"{next((o for e, o in ending.items() if name.endswith(e)), '--media-file')}={name}"
        for name in names
    ]


def test_everything_works_as_the_owner(installation, owned, php):
    """Backup, damage, rollback, undo, undo of the undo, discard; then nothing is root's."""

    def run(*words, code=0, environ=None):
        said = installation.run(*words, root=owned.root, code=code, environ=environ)
        assert said.err.splitlines()[0] == f"Working as {OWNER}, the owner of the store."
        return said

    run("info:store")
    before = owned.state()
    run("setup:backup", "--code", "--media", "--db", environ=clean(**SECRETS))
    run("info:backups:list")
    run("info:backups:verify")
    owned.damage()
    give(owned.root, OWNER, GROUP)
    damaged = owned.state()
    run("setup:rollback", *options_of(owned), "--dry-run")
    run("setup:rollback", *options_of(owned), "--yes", environ=php(PHP) | SECRETS)
    assert owned.state() == before
    assert f"{OWNER} (root)@" in run("job:list").out
    is_the_owner(fields(f"{owned.store.var}/said-runner"))
    is_the_owner(fields(f"{owned.store.var}/said-self"))
    told = Path(owned.store.var, "said-environment").read_text()
    assert "S3cret" not in told
    assert f"USER={OWNER}\n" in told
    run("job:attach")
    run("job:undo", "--dry-run")
    run("job:undo", "--yes")
    assert owned.state() == damaged
    run("job:undo", "--yes")
    assert owned.state() == before
    run("job:discard", "--yes")
    assert not_of(owned.root, OWNER, GROUP) == []
    assert owned.leftovers() == []


def test_the_line_is_a_row_in_json(installation, owned):
    said = installation.run("info:backups:list", "--json", root=owned.root, code=0)
    assert said.rows[0] == {
        "type": "WorkingAs", "account": str(OWNER), "uid": OWNER, "asked": False, "by": "root",
    }  # fmt: skip
    sudo = clean(SUDO_USER="alice", SUDO_UID="1000")
    said = installation.run(
        "info:backups:list", "--json", f"--as={OWNER}", root=owned.root, environ=sudo
    )
    assert (said.rows[0]["asked"], said.rows[0]["by"]) == (True, "sudo alice")
    assert said.err.splitlines()[0] == f"Working as {OWNER}, as asked."


def test_what_is_refused_needs_no_door(installation, owned):
    assert "Working" not in installation.run("--help", root=owned.root, code=0).err
    assert "Working" not in installation.run("info:stor", root=owned.root, code=2).err


def stopped(installation, shop, *words):
    """Start a job and stop its runner; return its id and number."""
    said = installation.run(*words, "--detach", root=shop.root, code=0)
    job_id = said.out.strip()
    pid = json.loads(Path(shop.store.state_directory, "lock").read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    return job_id, pid


def test_a_running_job_is_the_owners_and_can_be_cancelled(installation, owned):
    job_id, pid = stopped(installation, owned, "setup:backup", "--code", "--media", "--db")
    try:
        is_the_owner({name: value.split() for name, value in status_of(pid).items()})
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"HOME=/\0" in environment
        assert f"{OWNER} (root)" in installation.run("job:list", root=owned.root).out
        installation.run("job:cancel", root=owned.root, code=0)
    finally:
        os.kill(pid, signal.SIGCONT)
    installation.run("job:attach", job_id, root=owned.root, code=130)
    assert not owned.closed()
    assert not_of(owned.root, OWNER, GROUP) == []


@pytest.mark.long
def test_a_killed_job_is_recovered_as_the_owner(installation, owned, php):
    installation.run("setup:backup", "--code", "--db", root=owned.root, code=0)
    newest = options_of(owned)[-2:]
    killed = php("#!/bin/sh\nkill -9 $PPID\n")
    (Path(owned.root) / "pub/index.php").write_bytes(b"<?php // changed")
    installation.run("setup:rollback", *newest, "--yes", root=owned.root, environ=killed)
    said = installation.run("info:store", root=owned.root, code=1)
    assert "was interrupted" in said.err
    installation.run("job:recover", root=owned.root, code=0)
    assert not owned.closed()
    assert not_of(owned.root, OWNER, GROUP) == []
    installation.run("job:discard", "--yes", root=owned.root, code=0)


def test_a_runner_started_by_hand_passes_the_door_itself(installation, owned):
    """`job:run` is not for people; as root it must not be a way around the account switch."""
    job_id, pid = stopped(installation, owned, "setup:backup", "--code")
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.01)
    told = json.dumps({"by": "root", "asked": False, "seen": []})
    said = installation.run("job:run", job_id, "--root", owned.root, "--door", told, root="/")
    assert said.code == 0, said
    assert not_of(owned.root, OWNER, GROUP) == []


def test_the_application_is_the_owners(installation, owned, monkeypatch):
    monkeypatch.setattr(sys, "executable", installation.python)
    terminal = AtATerminal(["-I", "-m", "tui"], size=(120, 40), cwd=owned.root)
    try:
        terminal.until(f"{OWNER} (root)")
        terminal.until("maintenance off")
        status = status_of(terminal.process.pid)
        is_the_owner({name: value.split() for name, value in status.items()})
        terminal.press("q")
        assert terminal.ends() == 0
    finally:
        terminal.close()
    assert not_of(owned.root, OWNER, GROUP) == []


@pytest.mark.long
def test_consumers_of_others_are_seen_at_the_door(installation, owned, place):
    """Whose working directory is hidden from the owner, root has seen before."""
    script = Path(owned.root, "bin/magento")
    kept = script.read_bytes()
    script.write_bytes(b"import sys; print('up', flush=True); sys.stdin.read()\n")
    words = ["php", "bin/magento", "queue:consumers:start", "async.operations.all"]
    ids = {"user": WEB, "group": WEB, "extra_groups": []}
    pipes = {"stdin": -1, "stdout": -1}
    try:
        with running(
            words, root=owned.root, executable=installation.python, **ids, **pipes
        ) as child:
            assert child.stdout.readline() == b"up\n"
            script.write_bytes(kept)
            seen = rf"queue consumer \(process {child.pid}, seen at \d\d:\d\d\)"
            assert re.search(seen, installation.run("info:store", root=owned.root).out)
            row = installation.run("info:store", "--json", root=owned.root).rows[-1]
            (known,) = row["processes"]
            assert (known["pid"], type(known["seen_s"])) == (child.pid, float)
            # The runner is told of it too, though it sees as little as the owner.
            said = installation.run("setup:backup", "--code", root=owned.root, code=0)
            plan = installation.run(
                "setup:rollback", *options_of(owned)[-1:], "--dry-run", root=owned.root
            )
            assert re.search(seen, plan.err), (said, plan)
            alone = installation.run("info:store", root=owned.root, uid=OWNER, gid=GROUP)
            assert "queue consumer" not in alone.out
        assert "queue consumer" not in installation.run("info:store", root=owned.root).out
    finally:
        script.write_bytes(kept)


@pytest.mark.parametrize(
    "led", some(["var", "var/backups", "var/.magerewind", "pub/media"], "var", "pub/media")
)
def test_links_to_what_is_roots_lead_nowhere(installation, place, victim, store_of, led):
    root = store_of(OWNER)
    path = os.path.join(root, led)
    if os.path.lexists(path):
        os.rename(path, f"{root}/was")
    os.symlink(victim.path, path)
    os.lchown(path, OWNER, GROUP)
    for words in (
        ("info:store",),
        ("setup:backup", "--code", "--media"),
        ("job:list",),
        ("job:recover",),
        ("job:cancel",),
    ):
        installation.run(*words, root=root)
    victim.check()
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            assert os.path.islink(path) or os.lstat(path).st_uid == OWNER, path


def test_a_planted_discard_removes_nothing_of_roots(installation, victim, store_of):
    """A forged memory of a job is acted on with the forger's own rights."""
    root = store_of(OWNER)
    job = Path(root, "var/.magerewind/jobs/20260101-000000-abcd")
    job.mkdir(parents=True)
    records = [
        {"kind": "begin", "operation": "rollback", "kinds": ["code"], "host": os.uname().nodename,
         "boot_id": "", "pid": 1, "user": "x", "began_s": 1.0, "root": root},
        {"kind": "end", "outcome": "done"},
    ]  # fmt: skip
    (job / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (job / "discard.json").write_text(json.dumps({"paths": [victim.path], "stages": [victim.path]}))
    (job / "request.json").write_text(json.dumps({"type": "RollbackRequest"}))
    give(root, OWNER, GROUP)
    installation.run("job:list", root=root)
    installation.run("job:recover", root=root)
    installation.run("job:discard", "--yes", root=root)
    installation.run("setup:backup", "--code", root=root)
    victim.check()


def test_php_of_the_configuration_runs_as_the_owner(installation, store_of, php):
    root = store_of(OWNER)
    Path(root, "app/etc/env.php").write_text("<?php foreach ([1] as $x) {}\nreturn [];\n")
    for path in ("var", "app/etc/env.php"):
        os.chmod(f"{root}/{path}", 0o777)
    said = f"id -u > {root}/var/said; id -G >> {root}/var/said; env >> {root}/var/said"
    installation.run("info:store", root=root, environ=php(f"#!/bin/sh\n{said}\n") | SECRETS)
    lines = Path(root, "var/said").read_text().splitlines()
    assert lines[:2] == [str(OWNER), str(GROUP)]
    assert not [line for line in lines if "S3cret" in line]
    assert os.stat(f"{root}/var/said").st_uid == OWNER


def test_the_owner_itself_needs_no_door(installation, store_of):
    root = store_of(OWNER)
    before = look_of(root)
    for words in (("info:store",), ("info:store", "--as", str(OWNER))):
        said = installation.run(*words, root=root, uid=OWNER, gid=GROUP)
        assert "Working" not in said.err
    assert look_of(root) == before
    said = installation.run("info:store", "--as", "root", root=root, uid=OWNER, gid=GROUP, code=1)
    assert said.problem == ["Only root can work as root.", "Run it with sudo."]
