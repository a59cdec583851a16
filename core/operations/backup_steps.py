"""The steps of a backup, the size of each, and the timestamp that names the set."""

from __future__ import annotations

from collections.abc import Iterable

from core.backups.names import Naming, index_name, new_name
from core.compression import OF_DUMPS
from core.directories import Directory
from core.durable import partial_name
from core.events import Kind, Step, step_key
from core.operations.preflight import BackupPreflight
from core.operations.requests import BackupRequest


def planned_steps(request: BackupRequest) -> tuple[str, ...]:
    """Return the steps of such a backup, in order."""
    steps = [step_key(Step.CHECK)]
    sent = [step_key(Step.SEND, kind) for kind in request.kinds if request.repositories]
    if not request.keep_open:
        steps.append(step_key(Step.CLOSE))
    if not request.local:
        steps += sent
    for kind in request.kinds if request.local else ():
        steps.append(step_key(Step.WRITE, kind))
        if request.verify:
            steps.append(step_key(Step.VERIFY, kind))
    if not request.keep_open:
        steps.append(step_key(Step.OPEN))
    if sent:
        steps += [*(sent if request.local else ()), step_key(Step.SEND)]
    if request.prune:
        steps.append(step_key(Step.PRUNE))
    return tuple(steps)


def sizes_of(request: BackupRequest, checked: BackupPreflight) -> tuple[int, ...]:
    """Return how many bytes each step will read or write, as far as estimates tell; else -1."""
    sizes: dict[str, int] = {}
    for kind, estimate in checked.estimates.items():
        plain_bytes = estimate.plain_bytes
        written = estimate.content_bytes if plain_bytes is None else plain_bytes
        sizes[step_key(Step.WRITE, kind)] = written
        sizes[step_key(Step.SEND, kind)] = written
        sizes[step_key(Step.VERIFY, kind)] = estimate.file_bytes
    return tuple(sizes.get(key, -1) for key in planned_steps(request))


def free_timestamp(backups: Directory, kinds: Iterable[Kind], now_s: int) -> int:
    """Return the first second from now whose names are all free: nothing is ever overwritten.

    The names of both namings and all compressions: a set has one file of a kind.
    """
    timestamp = now_s
    while any(
        backups.has(form(new_name(timestamp, kind, naming, compress)))
        for kind in kinds
        for naming in Naming
        for compress in OF_DUMPS
        for form in (str, partial_name, index_name)
    ):
        timestamp += 1
    return timestamp
