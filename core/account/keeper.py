"""The process of root that stays when root becomes a store's owner: it gives files away.

`start_keeper` forks it before the account switch. A client sends it one end of a socket pair of its
own, so that any number of processes can ask without getting each other's answers; for each, the
keeper forks a process that serves that socket until its other end is closed:

- uid 0: one that stays root and does nothing but the `fchown` calls that `_Giver` admits;
- another uid: one that becomes that account for good (`core.account.account_helper`).

Both believe nothing: any process of the owner may speak to them. The rules are in
docs/design/keeper.md; they are the boundary.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Callable
from typing import Final

from core.account.account_helper import Account, become
from core.account.packets import Garbage, KeeperRequest, Verb, close_all, receive_request, serve
from core.account.store_boundary import Accounts, StoreBoundary

_MOST_CHILDREN: Final = 32
_PR_SET_NO_NEW_PRIVS: Final = 38
_LIMITS: Final = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NOFILE, 512),
    (resource.RLIMIT_DATA, 1 << 29),
    (resource.RLIMIT_CPU, 900),
    (resource.RLIMIT_FSIZE, 0),
)
_REAP_EVERY_S: Final = 60
_TRIES: Final = 4
_PAUSE_S: Final = 0.05


def start_keeper(root_fd: int, owner: int) -> int:
    """Fork the keeper of the store at an open root; return the client's end of its socket.

    To be called as root, with one thread, before the process becomes `owner` (a uid, not 0). The
    keeper ends when the last process that has the client's end is gone. Raises OSError.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if not child:
        _leave(lambda: _detach(theirs, root_fd, owner))
    theirs.close()
    os.waitpid(child, 0)
    return ours.detach()


def _leave(work: Callable[[], None]) -> None:
    """Do the work of a forked process, and never return from it."""
    try:
        work()
    except BaseException:  # noqa: BLE001 - no caller is left to tell, and no work may go on
        os._exit(1)
    os._exit(0)


def _detach(sock: socket.socket, root_fd: int, owner: int) -> None:
    """Detach from everything: own session, own directory, only two descriptors."""
    os.setsid()
    if os.fork():
        return  # the parent waits for this one only: no zombie is left to it
    os.chdir("/")
    os.umask(0o077)
    keep_only(sock.fileno(), root_fd)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    for limit, most in _LIMITS:
        resource.setrlimit(limit, (most, most))
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _Keeper(sock, root_fd, owner).run()


def keep_only(*wanted: int) -> None:
    """Close all descriptors but these; the standard ones lead nowhere."""
    nowhere = os.open("/dev/null", os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard, inheritable=False)
    below = 3
    for fd in sorted(fd for fd in wanted if fd > 2):
        os.closerange(below, fd)
        below = fd + 1
    os.closerange(below, max(below, 1 << 20))


class _Keeper:
    """Waits for channels, and forks a server for each."""

    def __init__(self, sock: socket.socket, root_fd: int, owner: int) -> None:
        self._sock = sock
        self._root_fd = root_fd
        self._owner = owner
        self._children: set[int] = set()

    def run(self) -> None:
        """Serve until no client is left."""
        self._sock.settimeout(_REAP_EVERY_S)
        while True:
            self._reap()
            try:
                received = receive_request(self._sock)
            except (TimeoutError, Garbage):
                continue
            if received is None:
                return
            request, descriptors = received
            if request.verb == Verb.CHANNEL and len(descriptors) == 1 and self._has_room():
                self._fork(request, descriptors[0])
            close_all(descriptors)

    def _has_room(self) -> bool:
        """Tell whether one more may be served; one that is about to end is waited for."""
        for _ in range(_TRIES):
            self._reap()
            if len(self._children) < _MOST_CHILDREN:
                return True
            time.sleep(_PAUSE_S)
        return False

    def _reap(self) -> None:
        for child in list(self._children):
            with contextlib.suppress(ChildProcessError):
                if not os.waitpid(child, os.WNOHANG)[0]:
                    continue
            self._children.discard(child)

    def _fork(self, request: KeeperRequest, fd: int) -> None:
        child = os.fork()
        if not child:
            _leave(lambda: self._serve(request, fd))
        self._children.add(child)

    def _serve(self, request: KeeperRequest, fd: int) -> None:
        self._sock.close()
        with socket.socket(fileno=fd) as channel:
            if (channel.family, channel.type) != (socket.AF_UNIX, socket.SOCK_SEQPACKET):
                return
            bounds = StoreBoundary(self._root_fd, self._owner)
            accounts = Accounts(bounds)
            if not request.uid:
                serve(channel, _Giver(bounds, accounts, self._owner).answer)
            elif (
                request.gid
                and request.uid != self._owner
                and accounts.owns_files(request.uid, request.gid)
            ):
                become(request.uid, request.gid)
                serve(channel, Account(bounds).answer)


class _Giver:
    """Decides about each request to give a file away, and carries it out."""

    def __init__(self, bounds: StoreBoundary, accounts: Accounts, owner: int) -> None:
        self._bounds = bounds
        self._accounts = accounts
        self._owner = owner

    def answer(self, request: KeeperRequest, descriptors: list[int]) -> tuple[int, None]:
        """Carry out one request. Raises OSError."""
        may = self._accounts.owns_files(request.uid, request.gid)
        if request.verb == Verb.MAY:
            return (0 if may else errno.EPERM), None
        if request.verb != Verb.GIVE or not (request.uid and request.gid and may and descriptors):
            return errno.EPERM, None
        for fd in descriptors:
            if not self._is_givable(fd):
                return errno.EPERM, None
            _change_owner(fd, request.uid, request.gid)
            _drop_set_ids(fd)
        return 0, None

    def _is_givable(self, fd: int) -> bool:
        """Let through the owner's directories and files of one name in the store, no set-id."""
        status = os.fstat(fd)
        if status.st_uid != self._owner:
            return False
        if stat.S_ISREG(status.st_mode):
            if status.st_nlink != 1 or status.st_mode & 0o6000:
                return False
        elif not stat.S_ISDIR(status.st_mode):
            return False
        return self._bounds.holds(fd)


def _change_owner(fd: int, uid: int, gid: int) -> None:
    try:
        os.fchown(fd, uid, gid)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        # A descriptor without rights, as a file has that not even its owner may read.
        os.chown(f"/proc/self/fd/{fd}", uid, gid)


def _drop_set_ids(fd: int) -> None:
    """Take set-id bits away that the file got since it was looked at.

    The kernel does that at the change of owner, but for the group's bit of a file that is not
    executable.
    """
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o6000:
        os.chmod(f"/proc/self/fd/{fd}", status.st_mode & 0o1777)
