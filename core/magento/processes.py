"""Finds the running processes of a store: cron, consumers, indexers, any `bin/magento`.

Reads /proc and nothing else. Of a command line only the name of the command (and of the consumer)
is taken: options of `bin/magento` can be passwords.

Only root sees the working directory of another account's process. So root searches before the
account switch, and its findings are kept here with their time.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from core.magento.store import shown
from core.magento.trusted_paths import resolved

_SCRIPTS: Final = ("bin/magento", "pub/cron.php", "update/cron.php")
_KINDS: Final = (
    ("queue:consumers:", "queue consumer"),
    ("cron:", "cron"),
    ("setup:cron:", "cron"),
    ("indexer:", "indexer"),
    ("setup:", "setup"),
)
_LIMIT: Final = 1 << 17


_MOST_SEEN: Final = 200
_START_FIELD: Final = 19  # of /proc/PID/stat, after the name: the start in clock ticks


class StoreRoot(Protocol):
    """A store, as far as it matters here."""

    @property
    def root(self) -> str:
        """The real path of its root."""
        ...


class RunningProcess(Struct, frozen=True, kw_only=True):
    """A process of the store: its number, its role, and its command without options.

    `seen_s` is when root saw it, in unix seconds; None for one that is seen now.
    """

    pid: int
    what: str
    command: str
    seen_s: float | None = None

    @property
    def label(self) -> str:
        """Return it as findings name it."""
        seen = ""
        if self.seen_s is not None:
            seen = time.strftime(", seen at %H:%M", time.localtime(self.seen_s))
        return f"{self.what} (process {self.pid}{seen})"


class _Seen(Struct, frozen=True, kw_only=True):
    """A process seen by root, and its start time: its number may be given anew."""

    root: str
    process: RunningProcess
    started: str


_seen: list[_Seen] = []


def look_as_root(root: str, now_s: float) -> None:
    """Remember the processes of the root at this real path, for `running_processes` to add."""
    remember_seen(
        {
            "root": root,
            "pid": each.pid,
            "what": each.what,
            "command": each.command,
            "seen_s": now_s,
            "started": _started("/proc", each.pid),
        }
        for each in _running(root, "/proc")
    )


def remember_seen(rows: Iterable[Mapping[str, Any]]) -> None:
    """Take over the rows of `seen_rows`. Raises KeyError, TypeError, ValueError."""
    _seen[:] = [
        _Seen(
            root=str(row["root"]),
            process=RunningProcess(
                pid=int(row["pid"]),
                what=str(row["what"]),
                command=str(row["command"]),
                seen_s=float(row["seen_s"]),
            ),
            started=str(row["started"]),
        )
        for _, row in zip(range(_MOST_SEEN), rows, strict=False)
    ]


def seen_rows() -> list[dict[str, Any]]:
    """Return the processes seen by root as plain values, for a process that is started later."""
    return [
        {
            "root": one.root,
            "pid": one.process.pid,
            "what": one.process.what,
            "command": one.process.command,
            "seen_s": one.process.seen_s,
            "started": one.started,
        }
        for one in _seen
    ]


def running_processes(store: StoreRoot, *, proc: str = "/proc") -> tuple[RunningProcess, ...]:
    """Return the processes that work on this root, by number.

    Another account's process is seen where it names the root in full: its working directory is
    hidden from all but its owner and root. The processes seen by root are added while they live.
    """
    found = {each.pid: each for each in _running(store.root, proc)}
    for one in _seen:
        pid = one.process.pid
        if one.root == store.root and pid not in found and _is_still_there(one, proc):
            found[pid] = one.process
    return tuple(found[pid] for pid in sorted(found))


def _running(root: str, proc: str) -> list[RunningProcess]:
    found = (_process(proc, int(name), root) for name in _numbers(proc))
    return [each for each in found if each]


def _is_still_there(one: _Seen, proc: str) -> bool:
    started = _started(proc, one.process.pid)
    if started:
        return started == one.started
    try:  # hidden (hidepid), or gone
        os.kill(one.process.pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return False


def _started(proc: str, pid: int) -> str:
    """Return when a process was started, in the kernel's own count; empty when it is gone."""
    try:
        with open(f"{proc}/{pid}/stat", "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].split()
    except OSError:
        return ""
    return fields[_START_FIELD].decode("ascii") if len(fields) > _START_FIELD else ""


def _numbers(proc: str) -> Iterator[str]:
    try:
        names = os.listdir(proc)
    except OSError:
        return
    yield from (name for name in names if name.isdigit() and int(name) != os.getpid())


def _process(proc: str, pid: int, root: str) -> RunningProcess | None:
    words = _command_line(f"{proc}/{pid}/cmdline")
    place = next((index for index, word in enumerate(words) if _script(word)), None)
    if place is None or not _runs(words, place):
        return None
    script = words[place]
    path = script if script.startswith("/") else os.path.join(_directory(proc, pid), script)
    if not _belongs(path, _script(script) or "", root):
        return None
    return RunningProcess(
        pid=pid, what=_what(script, words[place + 1 :]), command=_said(script, words[place + 1 :])
    )


def _command_line(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return [os.fsdecode(word) for word in file.read(_LIMIT).split(b"\0") if word]
    except OSError:  # it ended meanwhile, or /proc hides it
        return []


def _script(word: str) -> str | None:
    return next(
        (script for script in _SCRIPTS if word == script or word.endswith("/" + script)), None
    )


def _runs(words: Sequence[str], place: int) -> bool:
    """Return whether the script is run, and not edited or searched."""
    return place == 0 or os.path.basename(words[0]).startswith("php")


def _directory(proc: str, pid: int) -> str:
    try:
        return os.readlink(f"{proc}/{pid}/cwd")
    except OSError:
        return ""


def _belongs(path: str, script: str, root: str) -> bool:
    if not path.startswith("/"):
        return False
    return resolved(path.removesuffix(script)) == root


def _what(script: str, words: Sequence[str]) -> str:
    if script.endswith("cron.php"):
        return "cron"
    command = _command(words)
    return next((what for prefix, what in _KINDS if command.startswith(prefix)), "bin/magento")


def _command(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "")


def _said(script: str, words: Sequence[str]) -> str:
    said = [_script(script) or script]
    command = _command(words)
    if command:
        said.append(command)
    if command.startswith("queue:consumers:"):
        after = words[words.index(command) + 1 :]
        said += [name for name in [_command(after)] if name]
    return shown(" ".join(said))
