"""The keeper believes nothing: any process of the owner may ask it for anything."""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import stat
from pathlib import Path

import pytest

from core.account import client, packets
from core.account.client import Keeper
from core.account.keeper import start_keeper
from core.account.packets import KeeperRequest, Verb
from core.errors import StorageError
from tests.security.accounts import GROUP, OWNER, WEB, as_root, look_of
from tests.security.two_owners import THIRD, put

pytestmark = as_root


class Asked:
    """A store with things of two accounts, its keeper, and a place outside of it."""

    def __init__(self, place):
        self.root = Path(place) / "store"
        self.outside = Path(place) / "outside"
        for directory in (self.root, self.outside):
            directory.mkdir()
            os.chown(directory, OWNER, GROUP)
            put(directory / "of-owner.php")
            put(directory / "of-web.php", uid=WEB, mode=0o600)
            put(directory / "of-root.php", uid=0, gid=0, mode=0o600)
            put(directory / "web", uid=WEB, mode=0o700)
            put(directory / "web/secret.php", uid=WEB, mode=0o600)
        root_fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.keeper = Keeper(start_keeper(root_fd, OWNER))
        finally:
            os.close(root_fd)

    def give(self, path, uid=WEB, gid=GROUP, flags=os.O_RDONLY):
        fd = os.open(path, flags | os.O_NONBLOCK)
        try:
            self.keeper.give([fd], uid, gid)
        finally:
            os.close(fd)

    def renew(self):
        """Go on with channels of which nothing is spoilt."""
        self.keeper.close()
        self.keeper = Keeper(self.keeper.fd)

    def check_alive(self):
        """Fail unless it still serves its purpose."""
        path = self.root / "alive.php"
        path.unlink(missing_ok=True)
        put(path)
        self.give(path)
        assert (path.stat().st_uid, path.stat().st_gid) == (WEB, GROUP)
        path.unlink()


@pytest.fixture
def asked(place):
    """A store and its keeper, which must be gone afterwards."""
    asked = Asked(place)
    before = look_of(place)
    yield asked
    asked.check_alive()
    changed = {path: look for path, look in look_of(place).items() if before.get(path) != look}
    assert not changed
    asked.keeper.close()
    os.close(asked.keeper.fd)


@contextlib.contextmanager
def refused():
    """Expect a refusal, and no end of the keeper."""
    with pytest.raises(OSError):
        yield


@pytest.mark.parametrize(
    ("uid", "gid"),
    [(0, 0), (0, GROUP), (WEB, 0), (OWNER, 0), (THIRD, GROUP), (WEB, THIRD), (2**32 - 1, GROUP)],
)
def test_only_those_who_own_something_get_something(asked, uid, gid):
    with refused():
        asked.give(asked.root / "of-owner.php", uid, gid)


def test_what_is_not_the_owners_is_given_to_nobody(asked):
    for name in ("of-web.php", "of-root.php", "web"):
        for uid in (WEB, OWNER):
            with refused():
                asked.give(asked.root / name, uid)


def test_what_lies_outside_the_store_is_given_to_nobody(asked):
    with refused():
        asked.give(asked.outside / "of-owner.php")
    elsewhere = Path("/dev/shm") / f"magerewind-{os.getpid()}.php"
    put(elsewhere)
    try:
        with refused():
            asked.give(elsewhere)
    finally:
        elsewhere.unlink()


def test_a_file_with_two_names_or_set_id_bits_is_given_to_nobody(asked, place):
    path = asked.root / "odd.php"
    put(path)
    os.link(path, asked.outside / "odd.php")
    with refused():
        asked.give(path)
    os.unlink(asked.outside / "odd.php")
    for mode in (0o4755, 0o2755, 0o2644):
        os.chmod(path, mode)
        with refused():
            asked.give(path)
    path.unlink()


def test_what_is_neither_file_nor_directory_is_given_to_nobody(asked):
    fifo, link, device = (asked.root / name for name in ("fifo", "link", "device"))
    os.mkfifo(fifo)
    os.symlink("of-owner.php", link)
    os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    for path in (fifo, link, device):
        os.lchown(path, OWNER, GROUP)
    with refused():
        asked.give(fifo)
    with refused():
        asked.give(device)
    with refused():
        asked.give(link, flags=os.O_PATH | os.O_NOFOLLOW)
    for path in (fifo, link, device):
        path.unlink()
    one, other = socket.socketpair()
    with one, other, refused():
        asked.keeper.give([one.fileno()], WEB, GROUP)
    with refused():
        asked.keeper._channel().ask(KeeperRequest(Verb.GIVE, WEB, GROUP), ())


def test_of_several_files_none_after_a_refused_one_is_given(asked):
    good = [asked.root / f"{number}.php" for number in range(2)]
    for path in good:
        put(path)
    fds = [os.open(path, os.O_RDONLY) for path in (good[0], asked.root / "of-root.php", good[1])]
    with refused():
        asked.keeper.give(fds, WEB, GROUP)
    assert [path.stat().st_uid for path in good] == [WEB, OWNER]
    for fd in fds:
        os.close(fd)
    for path in good:
        path.unlink()


@pytest.mark.parametrize(("uid", "gid"), [(0, GROUP), (OWNER, GROUP), (THIRD, GROUP), (WEB, 0)])
def test_nobody_but_other_accounts_of_the_store_is_helped(asked, uid, gid):
    assert uid == OWNER or asked.keeper.helper_of(uid, gid) is None
    if uid:  # 0 asks for the giver
        channel = client._Channel(asked.keeper.fd, uid, gid)
        with pytest.raises(StorageError):
            channel.ask(KeeperRequest(Verb.OPEN))
        channel.close()


def test_another_account_works_in_the_store_alone(asked):
    helper = asked.keeper.helper_of(WEB, GROUP)
    for directory, wanted in ((asked.root, True), (asked.outside, False)):
        fd = os.open(directory / "web", os.O_RDONLY)
        handle = os.open(directory / "of-web.php", os.O_PATH)
        with contextlib.nullcontext() if wanted else refused():
            os.close(helper.look(fd, b"secret.php"))
        with contextlib.nullcontext() if wanted else refused():
            opened = helper.open(handle)
            assert os.read(opened, 5) == b"of-we"
            os.close(opened)
        with contextlib.nullcontext() if wanted else refused():
            helper.set_mode(handle, 0o600)
        with refused():  # no directory
            helper.set_acl(handle, b"\2\0\0\0")
        os.close(fd)
        os.close(handle)


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/etc/passwd", b"a\0b", b"x" * 300])
def test_a_name_is_no_way(asked, name):
    helper = asked.keeper.helper_of(WEB, GROUP)
    fd = os.open(asked.root / "web", os.O_RDONLY)
    for ask in (
        lambda: helper.look(fd, name),
        lambda: helper.symlink(fd, name, b"target", 0),
        lambda: helper.link(fd, fd, name),
    ):
        with refused():
            ask()
    os.close(fd)


def test_another_account_changes_only_what_is_its_own(asked):
    helper = asked.keeper.helper_of(WEB, GROUP)
    for name in ("of-owner.php", "of-root.php"):
        handle = os.open(asked.root / name, os.O_PATH)
        with refused():
            helper.set_mode(handle, 0o777)
        with refused():
            helper.link(handle, asked.keeper.fd, b"other")
        os.close(handle)
    path = asked.root / "own.php"
    put(path, uid=WEB)
    handle = os.open(path, os.O_PATH)
    helper.set_mode(handle, 0o6755)
    assert path.stat().st_mode & 0o7777 == 0o755
    os.close(handle)
    path.unlink()


@pytest.mark.parametrize("verb", [*Verb, 9, 255])
def test_verbs_of_others_are_refused(asked, verb):
    fd = os.open(asked.root / "of-root.php", os.O_RDONLY)
    for channel in (asked.keeper._channel(), asked.keeper.helper_of(WEB, GROUP)._channel):
        if verb != Verb.MAY or channel is not asked.keeper._channel():
            with refused():
                channel.ask(KeeperRequest(verb, WEB, GROUP, name=b"x", value=b"y"), (fd,))
    os.close(fd)


@pytest.mark.parametrize(
    "content", [b"x", b"\1" * 40, bytes(packets.LARGEST + 1), b"\1" + bytes(25) + b"\xff\xff"]
)
def test_garbage_ends_what_serves_it_and_nothing_else(asked, content):
    for sock in (asked.keeper._channel()._sock, asked.keeper.helper_of(WEB, GROUP)._channel._sock):
        sock.send(content)
        with contextlib.suppress(OSError):
            assert sock.recv(100) in {b"", b"\1\0\0\0"}
    shared = socket.socket(fileno=os.dup(asked.keeper.fd))
    with shared:
        shared.send(content)
    asked.renew()


def test_a_flood_of_channels_is_bounded(asked):
    ends = []
    for _ in range(50):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, socket.socket(fileno=os.dup(asked.keeper.fd)) as shared:
            packets.send_request(shared, KeeperRequest(Verb.CHANNEL), (theirs.fileno(),))
        ours.settimeout(60)
        ends.append(ours)
    served = 0
    for end in ends:
        with contextlib.suppress(OSError):
            packets.send_request(end, KeeperRequest(Verb.MAY, WEB, GROUP))
            served += packets.receive_answer(end)[0] == 0
    assert 0 < served <= 32
    for end in ends:
        end.close()


def test_what_is_no_channel_is_not_served(asked):
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    others = [
        one,
        other,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        open(asked.root / "of-root.php", "rb"),  # noqa: SIM115
    ]
    with socket.socket(fileno=os.dup(asked.keeper.fd)) as shared:
        for other in others:
            packets.send_request(shared, KeeperRequest(Verb.CHANNEL), (other.fileno(),))
        packets.send_request(shared, KeeperRequest(Verb.CHANNEL))
        packets.send_request(
            shared, KeeperRequest(Verb.CHANNEL), [other.fileno() for other in others]
        )
    for other in others:
        other.close()


def test_one_that_never_reads_is_not_waited_for_by_others(asked):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, socket.socket(fileno=os.dup(asked.keeper.fd)) as shared:
        packets.send_request(shared, KeeperRequest(Verb.CHANNEL), (theirs.fileno(),))
    ours.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            packets.send_request(ours, KeeperRequest(Verb.MAY, WEB, GROUP))
    asked.check_alive()
    ours.close()


def test_descriptors_beyond_the_limit_are_refused(asked):
    fd = os.open(asked.root / "of-owner.php", os.O_RDONLY)
    rights = array.array("i", [fd] * (packets.MOST_DESCRIPTORS + 10))
    head = packets._HEAD.pack(Verb.GIVE, WEB, GROUP, 0, 0, 0, 0)
    channel = asked.keeper._channel()._sock
    channel.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    with contextlib.suppress(OSError):
        assert channel.recv(100) == b""
    os.close(fd)
    asked.renew()


def test_it_ends_with_the_last_one_that_could_ask(place):
    asked = Asked(place)
    asked.check_alive()
    handle = os.open(asked.root / "of-web.php", os.O_PATH)
    os.close(asked.keeper.helper_of(WEB, GROUP).open(handle))
    os.close(handle)
    before = _keepers_of(asked.root)
    assert len(before) >= 3
    fd = asked.keeper.fd
    asked.keeper.close()
    os.close(fd)
    for pid in before:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            pidfd = os.pidfd_open(pid)
            assert select.select([pidfd], [], [], 60)[0]
            os.close(pidfd)


def _keepers_of(root):
    """Return the processes that hold the root of a store open, without this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if str(root) in {os.readlink(fd) for fd in (entry / "fd").iterdir()}:
                    found.append(int(entry.name))
    return found
