"""Says when the jobs of a store may have changed, and costs nothing while they have not.

On a local file system the kernel says so (inotify, through ctypes); a killed runner as well, since
its lock file is closed for it. Elsewhere, where another machine may be the one that writes, a few
`stat` calls every two seconds are compared with the last ones. The kind of change is not known
here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from core.magento.maintenance import ADDRESSES, FLAG
from tui.engine.port import QuestionThreads
from tui.engine.views import StorePaths

LOOK_S: Final = 2.0  # without notifications
SOON_S: Final = 0.05  # one look for changes that come together
AGAIN_S: Final = 1.0  # the lock of a dead runner is freed, and a result written, just afterwards

_libc = ctypes.CDLL(None, use_errno=True)
_NEW_FD: Final = os.O_NONBLOCK | os.O_CLOEXEC
_MODIFY, _CLOSE_WRITE, _MOVED, _CREATE, _DELETE = 0x2, 0x8, 0xC0, 0x100, 0x200
_GONE: Final = 0x400 | 0x800 | 0x2000 | 0x8000  # deleted, moved, unmounted, watch ended
_OVERFLOW: Final = 0x4000
_ONLY_DIRECTORIES: Final = 0x1000000
_ENTRIES: Final = _CREATE | _DELETE | _MOVED | 0xC00 | _ONLY_DIRECTORIES
_HEAD: Final = struct.Struct("iIII")
# ext, XFS, btrfs, tmpfs, ramfs, overlay, ZFS, F2FS, bcachefs: changed by this machine alone.
_LOCAL: Final = frozenset(
    {0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x858458F6, 0x794C7630, 0x2FC12FC1, 0xF2F52010}
    | {0xCA451A4E}
)


def is_local(path: str) -> bool:
    """Tell whether only this machine changes the file system; False when it is not known."""
    found = (ctypes.c_long * 64)()  # struct statfs begins with the type, a long
    if _libc.statfs(os.fsencode(path), ctypes.byref(found)) != 0:
        return False
    return found[0] & 0xFFFFFFFF in _LOCAL


class _Watched(Struct, frozen=True):
    """A directory, the changes to it that count, and the names in it that do (empty: all)."""

    path: str
    mask: int
    names: frozenset[bytes]


def _watched(places: StorePaths) -> Iterator[_Watched]:
    def named(*paths: str) -> frozenset[bytes]:
        return frozenset(os.fsencode(os.path.basename(path)) for path in paths)

    if not os.path.isdir(places.var):
        yield _Watched(os.path.dirname(places.var), _ENTRIES, named(places.var))
    yield _Watched(places.var, _ENTRIES, named(FLAG, ADDRESSES, places.state))
    held = _ENTRIES | _MODIFY | _CLOSE_WRITE
    yield _Watched(places.state, held, named(places.lock, places.jobs))
    yield _Watched(places.jobs, _ENTRIES, frozenset())


class _Inotify:
    """The kernel's word, read when it comes. Raises OSError where there is none."""

    def __init__(self, places: StorePaths, changed: Callable[[], None]) -> None:
        self._places = places
        self._changed = changed
        self._names: dict[int, frozenset[bytes]] = {}
        self._loop = asyncio.get_running_loop()
        self._fd = _libc.inotify_init1(_NEW_FD)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if not self._watch():
            os.close(self._fd)
            raise OSError("nothing can be watched")
        self._loop.add_reader(self._fd, self._read)

    def _watch(self) -> bool:
        """Watch the existing directories: a store's first job makes them."""
        for one in _watched(self._places):
            number = _libc.inotify_add_watch(self._fd, os.fsencode(one.path), one.mask)
            if number >= 0:
                self._names[number] = one.names
        return bool(self._names)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        at, counts = 0, False
        while at < len(data):
            number, mask, _cookie, length = _HEAD.unpack_from(data, at)
            name = data[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0")
            at += _HEAD.size + length
            names = self._names.get(number, frozenset())
            counts = counts or bool(mask & (_GONE | _OVERFLOW)) or not names or name in names
            if mask & _GONE:
                self._names.pop(number, None)
        if counts:
            self._watch()
            self._changed()

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)


class StreamWatch:
    """Calls `changed` on the event loop, soon after something may have changed and once more."""

    def __init__(
        self,
        places: StorePaths,
        changed: Callable[[], None],
        questions: QuestionThreads,
        *,
        local: bool | None,
    ) -> None:
        self._places = places
        self._changed = changed
        self._questions = questions
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._seen: tuple[object, ...] | None = None
        self._inotify: _Inotify | None = None
        if is_local(places.root) if local is None else local:
            with contextlib.suppress(OSError):
                self._inotify = _Inotify(places, self._noticed)
        if self._inotify is None:
            self._look()

    @property
    def told(self) -> bool:
        """Whether the kernel notifies, so that polling is not needed."""
        return self._inotify is not None

    def close(self) -> None:
        """Say nothing any more."""
        if self._inotify is not None:
            self._inotify.close()
        for handle in self._waiting.values():
            handle.cancel()
        self._waiting.clear()

    def _noticed(self) -> None:
        if "soon" not in self._waiting:
            self._call("soon", SOON_S, self._changed)
        self._call("again", AGAIN_S, self._changed)

    def _call(self, name: str, after_s: float, what: Callable[[], None]) -> None:
        def run() -> None:
            del self._waiting[name]
            what()

        waiting = self._waiting.get(name)
        if waiting is not None:
            waiting.cancel()
        self._waiting[name] = self._loop.call_later(after_s, run)

    # Where the kernel does not tell

    def _look(self) -> None:
        # Aside: on a file system of the network even this may take its time.
        self._questions.ask(self._states, self._compare)

    def _states(self) -> tuple[object, ...]:
        places = self._places
        flag, addresses = (os.path.join(places.var, name) for name in (FLAG, ADDRESSES))
        return tuple(_state(path) for path in (flag, addresses, places.lock, places.jobs))

    def _compare(self, states: tuple[object, ...] | Exception) -> None:
        if self._seen is not None and states != self._seen:
            self._noticed()
        if not isinstance(states, Exception):
            self._seen = states
        self._call("look", LOOK_S, self._look)


def _state(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError as error:
        return error.errno
    return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
