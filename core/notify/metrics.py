"""A file for the textfile collector of Prometheus' node_exporter, one for each store.

It is written under a temporary name, flushed and renamed, so a reader sees the old or the new file.
Sizes and times of the last success come from the backups themselves; only the count of failures
continues from the old file.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from core import durable
from core.account.walk import Walk
from core.backups.catalog import Backup, Health, list_backups
from core.backups.names import FOREIGN
from core.backups.stripped import tables_without_rows
from core.errors import MagerewindError, StorageError
from core.events import Kind
from core.owned_files import account_name, read_plain_file

_LIMIT: Final = 256 << 10
_MODE: Final = 0o644  # node_exporter has an account of its own
_FAILURES: Final = "magerewind_failures_total"
_COUNTED: Final = re.compile(
    rf'^{_FAILURES}\{{store="[^"\n]*",operation="(\w+)",kind="(\w+)"\}} (\d{{1,15}})$', re.MULTILINE
)
_SOUND: Final = frozenset({Health.VERIFIED, Health.SOUND, Health.UNVERIFIED})
_HELP: Final[Mapping[str, tuple[str, str]]] = {
    "magerewind_backup_last_success_timestamp_seconds": ("gauge", "When the newest backup began."),
    "magerewind_backup_age_seconds": ("gauge", "Its age when this file was written."),
    "magerewind_backup_size_bytes": ("gauge", "Its size."),
    "magerewind_backup_duration_seconds": ("gauge", "How long it took to make."),
    "magerewind_job_last_end_timestamp_seconds": ("gauge", "When the last job ended."),
    "magerewind_job_last_success": ("gauge", "1 where the last job was complete, else 0."),
    "magerewind_job_duration_seconds": ("gauge", "How long the last job took."),
    "magerewind_job_closed_seconds": ("gauge", "How long the last job kept the store closed."),
    _FAILURES: ("counter", "Jobs that failed, by what they worked on."),
}

Sample = tuple[str, Mapping[str, str], float]


def write_metrics(path: str, backups: str, facts: Mapping[str, Any], now_s: float) -> None:
    """Write the file anew after a job. `backups` is var/backups. Raises StorageError, OSError."""
    directory, name = os.path.split(path)
    fd = _directory(directory)
    try:
        counts = _counts(name, fd)
        _count_on(counts, facts)
        samples = [*_of_backups(backups, facts, now_s), *_of_job(facts, now_s)]
        for (operation, kind), count in sorted(counts.items()):
            labels = {"store": facts["store"], "operation": operation, "kind": kind}
            samples.append((_FAILURES, labels, count))
        _put(fd, name, _text(samples))
    finally:
        os.close(fd)


def _directory(path: str) -> int:
    """Return a descriptor of the directory. A link to it is root's or this account's."""
    try:
        with Walk(path) as walk:
            for step in walk.passed:
                if step.is_link and step.status.st_uid not in (0, os.geteuid()):
                    whose = account_name(step.status.st_uid)
                    raise StorageError(f"{step.path} is a link of {whose}'s, and not followed.")
            place = f"/proc/self/fd/{walk.end.fd}"
            return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise StorageError(f"{path} is not there.") from error


def _counts(name: str, fd: int) -> dict[tuple[str, str], int]:
    """Return the failures that the present file has counted; none where it is not to be read."""
    with contextlib.suppress(OSError):
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            text = read_plain_file(name, _LIMIT, dir_fd=fd).decode("utf-8", "replace")
            return {(found[1], found[2]): int(found[3]) for found in _COUNTED.finditer(text)}
    return {}


def _count_on(counts: dict[tuple[str, str], int], facts: Mapping[str, Any]) -> None:
    done = {backup["kind"] for backup in facts["backups"]}
    for kind in facts["kinds"] or ["none"]:
        failed = facts["event"] == "fail" and kind not in done
        key = (str(facts["operation"]), str(kind))
        counts[key] = counts.get(key, 0) + failed


def _newest(backups: str, now_s: float) -> dict[Kind, Backup]:
    """Return the newest backup of each kind that counts, by the rule of overdue backups."""
    found: dict[Kind, Backup] = {}
    with contextlib.suppress(OSError, MagerewindError):
        for one in list_backups(backups).sets:
            for backup in one.backups:
                counts = backup.health in _SOUND and one.timestamp <= now_s
                if backup.name.variant == FOREIGN or tables_without_rows(backup.manifest):
                    continue  # dated by its file; without rows of value
                ours = backup.health is not Health.UNVERIFIED or backup.manifest is not None
                if backup.kind is not None and counts and ours:
                    found.setdefault(backup.kind, backup)
    return found


def _of_backups(backups: str, facts: Mapping[str, Any], now_s: float) -> Iterator[Sample]:
    for kind, backup in sorted(_newest(backups, now_s).items()):
        labels = {"store": str(facts["store"]), "kind": kind.value}
        began_s = backup.name.timestamp
        yield "magerewind_backup_last_success_timestamp_seconds", labels, began_s
        yield "magerewind_backup_age_seconds", labels, max(0.0, now_s - began_s)
        yield "magerewind_backup_size_bytes", labels, backup.size_bytes
        if backup.manifest is not None:
            yield "magerewind_backup_duration_seconds", labels, backup.manifest.elapsed_s


def _of_job(facts: Mapping[str, Any], now_s: float) -> Iterator[Sample]:
    labels = {"store": str(facts["store"]), "operation": str(facts["operation"])}
    yield "magerewind_job_last_end_timestamp_seconds", labels, now_s
    yield "magerewind_job_last_success", labels, float(facts["event"] != "fail")
    yield "magerewind_job_duration_seconds", labels, facts["elapsed_s"]
    yield "magerewind_job_closed_seconds", labels, facts["closed_s"]


def _escaped(text: str) -> str:
    safe = text.encode("utf-8", "replace").decode("utf-8")
    return safe.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _text(samples: Iterable[Sample]) -> bytes:
    """Return the samples in the text format of Prometheus, each metric's lines together."""
    every = list(samples)
    lines = []
    for name, (kind, words) in _HELP.items():
        own = [sample for sample in every if sample[0] == name]
        if not own:
            continue
        lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
        for _, labels, value in own:
            pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
            lines.append(f"{name}{{{pairs}}} {float(value):.17g}")
    return ("\n".join(lines) + "\n").encode()


def _put(fd: int, name: str, content: bytes) -> None:
    beside = f".{name}.{secrets.token_hex(4)}.tmp"
    file = durable.create_exclusive(beside, dir_fd=fd)
    try:
        try:
            durable.write_all(file, content)
            os.fchmod(file, _MODE)
            durable.fsync(file)
        finally:
            os.close(file)
        os.rename(beside, name, src_dir_fd=fd, dst_dir_fd=fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside, dir_fd=fd)
        raise
    durable.fsync(fd)
