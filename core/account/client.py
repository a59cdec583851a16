"""The owner's side of the keeper: give files to the other accounts of a store, and work as them.

A process uses at most one keeper. `use` sets it, at the account switch or in a runner; `keeper`
returns None where root is not involved. The keeper decides whether a request is granted.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Sequence
from typing import Final

from core.account.packets import (
    MOST_DESCRIPTORS,
    Garbage,
    KeeperRequest,
    Verb,
    receive_answer,
    send_request,
)
from core.errors import StorageError

_PATIENCE_S: Final = 600.0
"""The first answer may wait for a walk over the whole store."""


class _Channel:
    """A socket of this process alone, served by the keeper or an account helper."""

    def __init__(self, shared_fd: int, uid: int, gid: int) -> None:
        self._sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.settimeout(_PATIENCE_S)
        self._asking = threading.Lock()
        self.is_dead = False
        with theirs, socket.socket(fileno=os.dup(shared_fd)) as shared:
            try:
                send_request(shared, KeeperRequest(Verb.CHANNEL, uid, gid), (theirs.fileno(),))
            except OSError as error:
                self._sock.close()
                raise ended() from error

    def ask(self, request: KeeperRequest, descriptors: Sequence[int] = ()) -> int | None:
        """Return the descriptor that comes as the answer, if any.

        Raises OSError for a refused request, StorageError when the keeper is gone.
        """
        try:
            with self._asking:
                send_request(self._sock, request, descriptors)
                code, handed = receive_answer(self._sock)
        except (OSError, Garbage) as error:
            self.is_dead = True  # an answer that comes later would be taken for another one's
            self._sock.close()
            raise ended() from error
        if code:
            raise OSError(code, os.strerror(code))
        return handed

    def close(self) -> None:
        """Let the other side end."""
        self.is_dead = True
        self._sock.close()

    def hand(self, request: KeeperRequest, descriptors: Sequence[int]) -> int:
        """Return the descriptor that must come as the answer."""
        handed = self.ask(request, descriptors)
        if handed is None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return handed


def ended() -> StorageError:
    """Return the error of a keeper, or of another account's process, that is gone."""
    return StorageError(
        "The process that works for the store's other accounts ended too early.",
        hint="Start it again as root.",
    )


class AccountHelper:
    """A process that became another account of the store (`core.account.account_helper`)."""

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    @property
    def is_dead(self) -> bool:
        """Whether it ended; another one can take its place."""
        return self._channel.is_dead

    def close(self) -> None:
        """Let it end."""
        self._channel.close()

    def look(self, directory: int, name: bytes) -> int:
        """Return a descriptor without rights of a name in a directory that is closed to us."""
        return self._channel.hand(KeeperRequest(Verb.LOOK, name=name), (directory,))

    def open(self, fd: int) -> int:
        """Return such a descriptor of a file or directory, open to read."""
        return self._channel.hand(KeeperRequest(Verb.OPEN), (fd,))

    def set_mode(self, fd: int, mode: int) -> None:
        """Set the mode of a file or directory of that account."""
        self._channel.ask(KeeperRequest(Verb.MODE, mode=mode), (fd,))

    def set_acl(self, fd: int, acl: bytes) -> None:
        """Set the ACL of a directory of that account."""
        self._channel.ask(KeeperRequest(Verb.ACL, value=acl), (fd,))

    def link(self, fd: int, directory: int, name: bytes) -> None:
        """Make one more name of a file of that account."""
        self._channel.ask(KeeperRequest(Verb.LINK, name=name), (fd, directory))

    def symlink(self, directory: int, name: bytes, target: bytes, mtime_s: int) -> None:
        """Make a symbolic link that belongs to that account."""
        request = KeeperRequest(Verb.SYMLINK, mtime_s=mtime_s, name=name, value=target)
        self._channel.ask(request, (directory,))


class Keeper:
    """The client of the keeper; made at the first use."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._giving: _Channel | None = None
        self._may: dict[tuple[int, int], bool] = {}
        self._helpers: dict[tuple[int, int], AccountHelper] = {}

    def close(self) -> None:
        """Close the channels to all helper processes; the next use opens new ones."""
        for helper in self._helpers.values():
            helper.close()
        if self._giving is not None:
            self._giving.close()

    def _channel(self) -> _Channel:
        if self._giving is None or self._giving.is_dead:
            self._giving = _Channel(self.fd, 0, 0)
        return self._giving

    def may(self, *, uid: int = 0, gid: int = 0) -> bool:
        """Tell whether files may be given to an account, or to a group: never to root."""
        if not (uid or gid):
            return False
        known = self._may.get((uid, gid))
        if known is None:
            try:
                self._channel().ask(KeeperRequest(Verb.MAY, uid, gid))
                known = True
            except OSError:
                known = False
            self._may[uid, gid] = known
        return known

    def give(self, fds: Sequence[int], uid: int, gid: int) -> None:
        """Give open files and directories of ours away. Raises OSError for a refusal."""
        for at in range(0, len(fds), MOST_DESCRIPTORS):
            self._channel().ask(KeeperRequest(Verb.GIVE, uid, gid), fds[at : at + MOST_DESCRIPTORS])

    def helper_of(self, uid: int, gid: int) -> AccountHelper | None:
        """Return another account of the store, to work as it; None for an account of no file."""
        known = self._helpers.get((uid, gid))
        if known is None or known.is_dead:
            if uid == os.geteuid() or not (self.may(uid=uid) and self.may(gid=gid)):
                return None
            known = self._helpers[uid, gid] = AccountHelper(_Channel(self.fd, uid, gid))
        return known


class _Here:
    keeper: Keeper | None = None


def use(fd: int | None) -> None:
    """Have this process work with the keeper whose socket it has inherited, or with none."""
    _Here.keeper = None if fd is None else Keeper(fd)


def keeper() -> Keeper | None:
    """Return the keeper of this process."""
    return _Here.keeper
