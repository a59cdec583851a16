"""The keeper and the other account's process end at any moment: the store is wholly old or new."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.security.accounts import GROUP, OWNER, as_root
from tests.security.two_owners import damage, differences, make_two_owners, tree_of

pytestmark = as_root
HERE = Path(__file__).parent
PARTS = 3  # of a job, in each of which something ends
WAYS = ("gone", "goneafter", "lost", "kill")  # each of them at other requests


class Case:
    """A damaged store of two accounts with its backup, as often as it is wanted."""

    def __init__(self, place, installation):
        self.root = os.path.join(place, "store")
        self.installation = installation
        self._kept = os.path.join(place, "kept-")
        self._script = shutil.copy(HERE / "failing_keeper.py", place)
        os.chmod(self._script, 0o644)
        self._asked = os.path.join(place, "asked")
        make_two_owners(self.root)
        self.whole = tree_of(self.root)
        said = installation.run(
            "setup:backup", "--code", "--media", "--json", root=self.root, code=0
        )
        made = {
            row["kind"]: row["file_name"] for row in said.rows if row["type"] == "BackupCompleted"
        }
        words = (f"--code-file={made['code']}", f"--media-file={made['media']}", "--yes")
        self.rollback = ("setup:rollback", *words)
        damage(self.root)
        self.damaged = tree_of(self.root)
        self.keep("damaged")
        self.requests_of_rollback = self.requests(*self.rollback)
        assert not differences(self.whole, tree_of(self.root))

    def keep(self, name):
        """Keep a copy of the store."""
        shutil.rmtree(self._kept + name, ignore_errors=True)
        subprocess.run(["cp", "-a", self.root, self._kept + name], check=True)

    def again(self, name="damaged"):
        """Have the store as it was, by default before any rollback."""
        shutil.rmtree(self.root)
        subprocess.run(["cp", "-a", self._kept + name, self.root], check=True)

    def recover(self):
        """Have root recover a job, if one was interrupted."""
        said = self.installation.run("job:recover", root=self.root)
        assert said.code == 0 or "nothing to recover" in said.err, said

    def command(self, failure, *words):
        """Run a command whose runner's keeper fails so."""
        script = [self.installation.python, "-I", self._script, "command", failure, *words]
        return self.installation.program(script, root=self.root)

    def requests(self, *words):
        """Return how many requests a job of these words makes."""
        Path(self._asked).touch()
        os.chmod(self._asked, 0o666)
        done = self.command(f"0:{self._asked}", *words)
        assert done.returncode == 0, done
        return int(Path(self._asked).read_text(encoding="ascii"))

    @functools.cached_property
    def requests_of_undo(self):
        """The number of requests of an undo; the rolled back store is kept for it."""
        self.again()
        self.installation.run(*self.rollback, root=self.root, code=0)
        self.keep("rolled")
        return self.requests("job:undo", "--yes")

    @property
    def is_closed(self):
        return os.path.lexists(f"{self.root}/var/.maintenance.flag")

    def check_whole(self, *, old, new):
        """Fail unless the store is open and wholly one of both."""
        now = tree_of(self.root)
        assert not self.is_closed
        assert not differences(old, now) or not differences(new, now), (
            differences(old, now), differences(new, now),
        )  # fmt: skip


@pytest.fixture(scope="module")
def case(installation):
    """The case, in a directory that everybody can reach; in memory, since all is flushed often."""
    with tempfile.TemporaryDirectory(prefix="magerewind-test-", dir="/dev/shm") as place:
        os.chmod(place, 0o755)
        yield Case(place, installation)


def points(count, what):
    """Return some request numbers, evenly over a job, and the last one."""
    part = count // PARTS
    first = 1 + part * WAYS.index(what) // len(WAYS)
    return sorted({*range(first, count, part), count})


@pytest.mark.parametrize(
    "what", [pytest.param(way, marks=pytest.mark.crash) for way in ("kill", *WAYS[:3])]
)
def test_a_rollback_whose_keeper_ends_leaves_the_store_whole(case, what):
    for number in points(case.requests_of_rollback, what):
        case.again()
        done = case.command(f"{number}:{what}", *case.rollback)
        assert "Traceback" not in done.stderr
        assert "unexpected" not in done.stderr
        case.recover()
        case.check_whole(old=case.damaged, new=case.whole)


@pytest.mark.long
def test_the_owner_alone_recovers_what_it_can_and_says_the_rest(case):
    """Its recovery completes, and names differences; or it moves nothing, and root's completes."""
    completed = 0
    for number in points(case.requests_of_rollback, "kill"):
        case.again()
        case.command(f"{number}:kill", *case.rollback)
        said = case.installation.run("job:recover", "--json", root=case.root, uid=OWNER, gid=GROUP)
        assert said.code in {0, 20}, said
        if said.code == 20:
            assert "as root" in said.err + said.out, said.rows
            case.recover()
            case.check_whole(old=case.damaged, new=case.whole)
            continue
        completed += 1
        warned = [row for row in said.rows if row["type"] == "Warned"]
        named = {name for row in warned if "left" in row["code"] for name in row["names"]}
        now = tree_of(case.root)
        assert not case.is_closed
        assert any(set(differences(now, state)) <= named for state in (case.damaged, case.whole)), (
            named,
            differences(now, case.damaged),
            differences(now, case.whole),
        )
    assert completed


@pytest.mark.long
@pytest.mark.parametrize("what", ["kill", pytest.param("gone", marks=pytest.mark.crash)])
def test_an_undo_whose_keeper_ends_leaves_the_store_whole(case, what):
    for number in points(case.requests_of_undo, what):
        case.again("rolled")
        done = case.command(f"{number}:{what}", "job:undo", "--yes")
        assert "Traceback" not in done.stderr
        case.recover()
        case.check_whole(old=case.whole, new=case.damaged)
