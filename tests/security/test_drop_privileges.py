"""The rest of root after it became another account: nothing that a program could use."""

from __future__ import annotations

import json
import os
import pwd

import pytest

from core.account import environment
from core.account.ids import Ids, ids_of
from core.account.walk import Walk, distrust
from tests.security.accounts import GROUP, OWNER, as_root

SCRIPT = """
import ctypes, errno, fcntl, json, os, sys, termios
import pty
from core.account.drop_privileges import become
from core.account.ids import ids_of
from core.account.seccomp import refuse_typing

parent, child = pty.openpty()
os.setsid()
os.dup2(child, 0)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
closed = os.open(sys.argv[1], os.O_PATH)
kept = os.open("/dev/null", os.O_RDONLY)

def number(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"

found = {"typed as root": number(fcntl.ioctl, 0, termios.TIOCSTI, b"x")}
become(ids_of(int(sys.argv[2]), int(sys.argv[3])), keep={kept, parent})
found["typed without a filter"] = number(fcntl.ioctl, 0, termios.TIOCSTI, b"x")
found["filter"] = refuse_typing()
found["typed"] = number(fcntl.ioctl, 0, termios.TIOCSTI, b"x")
high = (1 << 32) | termios.TIOCSTI
libc = ctypes.CDLL(None, use_errno=True)
libc.ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p)
libc.ioctl(0, high, b"x")
found["typed with more bits"] = errno.errorcode.get(ctypes.get_errno())
found["console"] = number(fcntl.ioctl, 0, 0x541C, b"x")
found["size of the window"] = number(fcntl.ioctl, 0, termios.TIOCGWINSZ, b"x" * 8)
found["foreign"] = number(os.open, f"/proc/self/fd/{closed}", os.O_RDONLY)
found["held"] = number(os.fstat, closed)
found["kept"] = number(os.fstat, kept)
found["back"] = number(os.setresuid, 0, 0, 0)
found["group back"] = number(os.setgroups, [0])
found["cwd"] = os.getcwd()
found["umask"] = os.umask(0)
found["dumpable"] = libc.prctl(3, 0, 0, 0, 0)
found["child"] = os.spawnvp(os.P_WAIT, sys.executable, [
    sys.executable, "-I", "-c",
    "import fcntl, sys, termios\\n"
    "try: fcntl.ioctl(0, termios.TIOCSTI, b'x')\\n"
    "except PermissionError: sys.exit(7)",
])
print(json.dumps(found))
"""


@as_root
def test_nothing_is_left(installation, place):
    closed = os.path.join(place, "closed")
    os.mkdir(closed, 0o700)
    words = [installation.python, "-I", "-c", SCRIPT, closed, str(OWNER), str(GROUP)]
    said = installation.program(words, cwd=closed)
    assert said.returncode == 0, said
    found = json.loads(said.stdout)
    assert found == {
        "typed as root": "done",
        "typed without a filter": found["typed without a filter"],
        "filter": True,
        "typed": "EPERM",
        "typed with more bits": "EPERM",
        "console": "EPERM",
        "size of the window": "done",
        "foreign": "ENOENT",
        "held": "EBADF",
        "kept": "done",
        "back": "EPERM",
        "group back": "EPERM",
        "cwd": "/",
        "umask": 0o077,
        "dumpable": 0,
        "child": 7,
    }


@as_root
def test_closed_streams_are_not_filled_with_something_else(installation, store_of):
    root = store_of(OWNER)
    command = installation.command("info:backups:list")
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        said = installation.program(
            ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command], root=root
        )
        unwritten = " >&-" in f" {closed}"
        assert said.returncode == int(unwritten), (closed, said)


@as_root
def test_a_root_that_is_exchanged_at_the_last_moment(installation, place):
    script = (
        "import os, sys\nfrom core.account import switch_account\n"
        "from core.account.ids import ids_of\n"
        "from core.errors import AccountRefused\n"
        "how = switch_account.AccountSwitch(ids=ids_of(4711, 33), by='root')\n"
        "try: switch_account.switch(how, environ=os.environ, root=(sys.argv[1], os.stat('/')))\n"
        "except AccountRefused as error: print(error)\n"
    )
    said = installation.program([installation.python, "-I", "-c", script, place])
    assert said.stdout == f"{place} was exchanged just now.\n", said


@as_root
def test_a_second_thread_would_stay_root(installation):
    script = (
        "import threading\nfrom core.account.drop_privileges import become\n"
        "from core.account.ids import ids_of\nfrom core.errors import AccountRefused\n"
        "stop = threading.Event()\nthreading.Thread(target=stop.wait).start()\n"
        "try: become(ids_of(4711, 33))\nexcept AccountRefused as error: print(error)\nstop.set()\n"
    )
    said = installation.program([installation.python, "-I", "-c", script])
    assert said.stdout == "Root cannot become another account while several threads run.\n"


def test_an_account_without_a_name_never_has_root_s_group():
    assert ids_of(OWNER, GROUP).groups == (GROUP,)
    assert ids_of(OWNER, 0).groups == (65534,)
    assert ids_of(0, 0).name == "root"


def test_the_environment_is_what_is_allowed(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: OWNER)  # after the account switch
    ids = Ids(uid=OWNER, gid=GROUP, groups=(GROUP,), name="deploy", home="/home/deploy")
    environ = {
        "PATH": "bin::/usr/bin:/nowhere:.:/bin",
        "TERM": "xterm",
        "LC_TIME": "C",
        "SSH_CONNECTION": "1",
        "SSH_AUTH_SOCK": "/tmp/agent",
        "SUDO_USER": "alice",
        "HOME": "/root",
        "PYTHONPATH": "/tmp",
        "LD_PRELOAD": "/tmp/a.so",
        "TMPDIR": "/root/tmp",
        "XDG_STATE_HOME": "/root",
        "MAGE_MODE": "x",
        "MAGENTO_DC_DB__CONNECTION__DEFAULT__HOST": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    environment.set_for_account(environ, ids)
    assert environ == {
        "PATH": "/usr/bin:/bin",
        "TERM": "xterm",
        "LC_TIME": "C",
        "SSH_CONNECTION": "1",
        "SUDO_USER": "alice",
        "HOME": "/home/deploy",
        "USER": "deploy",
        "LOGNAME": "deploy",
    }
    environ |= {"MAGE_MODE": "production", "DB_PASSWORD": "x", "TOKEN": "x"}
    assert environment.for_program(environ, ids, {"DB_PASSWORD"}) == {
        "PATH": "/usr/bin:/bin",
        "TERM": "xterm",
        "LC_TIME": "C",
        "HOME": "/home/deploy",
        "USER": "deploy",
        "LOGNAME": "deploy",
        "MAGE_MODE": "production",
        "DB_PASSWORD": "x",
    }


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("{0}/a/b", "{0}/a/b"),
        ("{0}//a/./b/..//b/", "{0}/a/b"),
        ("{0}/link", "{0}/a/b"),
        ("{0}/link/..", "{0}/a"),
        ("{0}/absolute/b", "{0}/a/b"),
        ("/../../{0}/a", "{0}/a"),
        ("{0}/chain", "{0}/a/b"),
    ],
)
def test_a_walk_ends_where_the_kernel_would(tmp_path, path, end):
    top = os.path.realpath(tmp_path)
    os.makedirs(f"{top}/a/b")
    os.symlink("a/b", f"{top}/link")
    os.symlink(f"{top}/a", f"{top}/absolute")
    os.symlink("absolute/../link", f"{top}/chain")
    with Walk(path.format(top)) as walk:
        assert walk.end.path == end.format(top)
        assert os.path.samestat(walk.end.status, os.stat(path.format(top)))
        links = [step.path for step in walk.passed if step.is_link]
        assert ("link" in path or "absolute" in path or "chain" in path) == bool(links)
        assert [place.path for place in walk.places][:1] == ["/"]


@pytest.mark.parametrize("name", ["missing", "file/x", "loop", "loop/x", "a\0b"])
def test_a_walk_that_leads_nowhere(tmp_path, name):
    (tmp_path / "file").write_text("")
    os.symlink("loop", tmp_path / "loop")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises((OSError, ValueError)):
        Walk(f"{tmp_path}/{name}")
    assert len(os.listdir("/proc/self/fd")) == before


@as_root
def test_who_is_trusted_on_the_way(tmp_path):
    directory = tmp_path / "x"
    directory.mkdir()

    def trusted(uid, gid, mode, *, owner):
        os.chown(directory, uid, gid)
        directory.chmod(mode)
        with Walk(str(directory)) as walk:
            return distrust(walk.passed[-1], owner) is None

    assert trusted(0, 0, 0o755, owner=OWNER)
    assert trusted(OWNER, GROUP, 0o2755, owner=OWNER)
    assert not trusted(OWNER, GROUP, 0o2755, owner=0)
    assert not trusted(4712, GROUP, 0o755, owner=OWNER)
    assert not trusted(0, GROUP, 0o2775, owner=OWNER)
    assert not trusted(0, 0, 0o775, owner=0)
    assert trusted(0, 0, 0o1777, owner=OWNER)
    assert not trusted(OWNER, GROUP, 0o1777, owner=OWNER)
    assert not trusted(OWNER, GROUP, 0o775, owner=OWNER)
    # A group of the account alone is as good as the account.
    web = pwd.getpwnam("www-data")
    alone = not any(each.pw_gid == web.pw_gid for each in pwd.getpwall() if each != web)
    assert trusted(web.pw_uid, web.pw_gid, 0o775, owner=web.pw_uid) == alone
    assert not trusted(web.pw_uid, 0, 0o775, owner=web.pw_uid)
