"""Packets between a process of the owner and those that root left behind: one request, one answer.

A packet is a few numbers and up to two byte strings, with descriptors beside them. Its form is
fixed and its size limited, since the other side may be anybody who runs as the owner.
"""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

MOST_DESCRIPTORS: Final = 64
LARGEST: Final = 16_384  # bytes of a packet
_HEAD: Final = struct.Struct("<BIIIqHH")
_ANSWER: Final = struct.Struct("<I")


_ANSWER_WITHIN_S: Final = 30


class Verb(IntEnum):
    """The requests."""

    CHANNEL = 0  # of the keeper: serve the socket that comes with it
    GIVE = 1  # of root: give an open file to an account and group
    MAY = 2  # of root: would that be done; an id of 0 is not asked about
    LOOK = 3  # of an account: a descriptor of a name in a directory, without any rights
    OPEN = 4  # of an account: such a descriptor, open to read
    MODE = 5  # of an account, as all that follow: set the mode of its own
    ACL = 6  # set the ACL of a directory of its own
    LINK = 7  # one more name for a file of its own
    SYMLINK = 8  # a symbolic link of its own


class KeeperRequest(NamedTuple):
    """One request; a field that its verb does not need is zero or empty."""

    verb: int
    uid: int = 0
    gid: int = 0
    mode: int = 0
    mtime_s: int = 0
    name: bytes = b""
    value: bytes = b""


class Garbage(Exception):
    """A packet that no client of ours sends."""


def send_request(
    sock: socket.socket, request: KeeperRequest, descriptors: Sequence[int] = ()
) -> None:
    """Send a request. Raises OSError."""
    verb, uid, gid, mode, mtime_s, name, value = request
    head = _HEAD.pack(verb, uid, gid, mode, mtime_s, len(name), len(value))
    _send(sock, head + name + value, descriptors)


def receive_request(sock: socket.socket) -> tuple[KeeperRequest, list[int]] | None:
    """Return the next request and its descriptors, None at the end. Raises Garbage, OSError."""
    content, descriptors = _receive(sock, LARGEST)
    if not content and not descriptors:
        return None
    try:
        verb, uid, gid, mode, mtime_s, names, values = _HEAD.unpack_from(content)
        if len(content) != _HEAD.size + names + values:
            raise Garbage
    except (struct.error, Garbage):
        close_all(descriptors)
        raise Garbage from None
    name = content[_HEAD.size : _HEAD.size + names]
    return KeeperRequest(
        verb, uid, gid, mode, mtime_s, name, content[_HEAD.size + names :]
    ), descriptors


def send_answer(sock: socket.socket, code: int, descriptor: int | None = None) -> None:
    """Send an errno, 0 for success. Raises OSError."""
    _send(sock, _ANSWER.pack(code), () if descriptor is None else (descriptor,))


def receive_answer(sock: socket.socket) -> tuple[int, int | None]:
    """Return an errno and the descriptor that came with it. Raises OSError, also at the end."""
    content, descriptors = _receive(sock, _ANSWER.size)
    if len(content) != _ANSWER.size or len(descriptors) > 1:
        close_all(descriptors)
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
    return _ANSWER.unpack(content)[0], descriptors[0] if descriptors else None


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors."""
    for fd in descriptors:
        os.close(fd)


def _send(sock: socket.socket, content: bytes, descriptors: Sequence[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    sock.sendmsg([content], rights if descriptors else [], socket.MSG_NOSIGNAL)


def _receive(sock: socket.socket, size: int) -> tuple[bytes, list[int]]:
    room = socket.CMSG_SPACE(MOST_DESCRIPTORS * array.array("i").itemsize)
    content, ancillary, flags, _ = sock.recvmsg(size, room, socket.MSG_CMSG_CLOEXEC)
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    descriptors = list(found)
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        close_all(descriptors)
        raise Garbage
    return content, descriptors


def serve(
    channel: socket.socket, answer: Callable[[KeeperRequest, list[int]], tuple[int, int | None]]
) -> None:
    """Answer requests until the other end is closed, or does not take its answers."""
    patience = struct.pack("@ll", _ANSWER_WITHIN_S, 0)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
    while (received := receive_request(channel)) is not None:
        request, descriptors = received
        handed: int | None = None
        try:
            try:
                code, handed = answer(request, descriptors)
            except OSError as error:
                code = error.errno or errno.EIO
            send_answer(channel, code, handed)
        finally:
            close_all(descriptors)
            if handed is not None:
                os.close(handed)
