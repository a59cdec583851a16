"""Finds what of a store is at work: cron, queue consumers, indexers, any `bin/magento`.

Reads /proc and nothing else. Of a command line only the name of the command (and of the consumer)
is taken: options of `bin/magento` can be passwords.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from core.magento.store import Store, shown

_SCRIPTS: Final = ("bin/magento", "pub/cron.php", "update/cron.php")
_KINDS: Final = (
    ("queue:consumers:", "queue consumer"),
    ("cron:", "cron"),
    ("setup:cron:", "cron"),
    ("indexer:", "indexer"),
    ("setup:", "setup"),
)
_LIMIT: Final = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """A process of the store: its number, what it is, and its command without options."""

    pid: int
    what: str
    command: str


def running_processes(store: Store, *, proc: str = "/proc") -> tuple[RunningProcess, ...]:
    """Return the processes that work on this root, by number.

    Another account's process is seen where it names the root in full: its working directory is
    hidden from all but its owner and root.
    """
    found = (_process(proc, int(name), store) for name in _numbers(proc))
    return tuple(sorted((each for each in found if each), key=lambda each: each.pid))


def _numbers(proc: str) -> Iterator[str]:
    try:
        names = os.listdir(proc)
    except OSError:
        return
    yield from (name for name in names if name.isdigit() and int(name) != os.getpid())


def _process(proc: str, pid: int, store: Store) -> RunningProcess | None:
    words = _command_line(f"{proc}/{pid}/cmdline")
    place = next((index for index, word in enumerate(words) if _script(word)), None)
    if place is None or not _runs(words, place):
        return None
    script = words[place]
    path = script if script.startswith("/") else os.path.join(_directory(proc, pid), script)
    if not _belongs(path, _script(script) or "", store.root):
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
    return os.path.realpath(path.removesuffix(script)) == root


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
