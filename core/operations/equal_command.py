"""The command line that is equal to a request."""

from __future__ import annotations

import shlex

from core.backups.names import Naming
from core.compression import Compression
from core.events import Kind
from core.operations.requests import (
    BackupRequest,
    DiscardRequest,
    DrillRequest,
    RepairRequest,
    Request,
    RollbackRequest,
    UndoRequest,
)


def command_line(request: Request) -> str:
    """Return the headless command that asks for the same, as a shell reads it."""
    strict = _chosen((request.strict, "--strict"))
    return shlex.join(["magerewind", *_command_words(request), *strict])


def _command_words(request: Request) -> list[str]:
    match request:
        case BackupRequest():
            return _backup_words(request)
        case RollbackRequest():
            return _rollback_words(request)
        case UndoRequest():
            chosen = _chosen((not request.flush, "--no-flush"), (request.partial, "--partial"))
            return ["job:undo", request.job_id, *chosen]
        case DiscardRequest():
            return ["job:discard", "--orphans" if request.orphans else request.job_id]
        case RepairRequest():
            return ["job:recover", "--without-memory"]
        case DrillRequest():
            return ["info:backups:drill", *request.names]


def _chosen(*options: tuple[bool, str]) -> list[str]:
    return [option for is_chosen, option in options if is_chosen]


def _repeated(option: str, values: tuple[str, ...]) -> list[str]:
    """Return an option for each value; one that looks like an option is joined to it."""
    return [
        word
        for value in values
        for word in ([f"{option}={value}"] if value.startswith("-") else [option, value])
    ]


def _backup_words(request: BackupRequest) -> list[str]:
    return [
        "setup:backup",
        *(f"--{kind.value}" for kind in request.kinds),
        *_chosen((not request.verify, "--no-verify"), (request.keep_open, "--keep-open")),
        *(["--strip", ",".join(request.strip)] if request.strip else []),
        *([f"--level={request.level}"] if request.level is not None else []),
        *_chosen((request.compress is not Compression.NONE, f"--compress={request.compress}")),
        *(
            [f"--compress-level={request.compress_level}"]
            if request.compress_level is not None
            else []
        ),
        *(["--note", request.note] if request.note else []),
        *_destination(request),
        *_chosen((request.naming is not Naming.DOCUMENTED, f"--names={request.naming}")),
        *_repeated("--exclude", request.exclude),
        *(f"--keep-{rule}" for rule in request.policy.words if request.prune),
        *_chosen((request.prune_first, "--prune-first")),
    ]


def _destination(request: BackupRequest) -> list[str]:
    names = [one.name for one in request.repositories]
    return ["--to", ",".join([*names, *(["local"] if request.local else [])])] if names else []


def _sources(request: RollbackRequest) -> list[str]:
    if request.repository is None:
        return [f"--{kind.value}-file={request.file_of(kind)}" for kind in request.kinds]
    timestamp = (request.file_of(request.kinds[0]) or "").partition("_")[0]
    options = {Kind.CODE: "-c", Kind.MEDIA: "-m", Kind.DB: "-d"}
    kinds = [options[kind] for kind in request.kinds]
    return ["--set", timestamp, *kinds, "--from", request.repository.name]


def _rollback_words(request: RollbackRequest) -> list[str]:
    return [
        "setup:rollback",
        *_sources(request),
        *_chosen(
            (request.keep_env, "--keep-env"),
            (request.replace_env, "--replace-env"),
            (request.from_elsewhere, "--from-elsewhere"),
            (not request.flush, "--no-flush"),
            (request.partial, "--partial"),
            (request.map_collations, "--map-collations"),
            (request.keep_stripped, "--keep-stripped"),
            (request.with_related, "--with-related"),
            (request.whole, "--whole"),
            (request.load_open, "--load-open"),
        ),
        *(["--from-schema", request.from_schema] if request.from_schema else []),
        *_repeated("--only", request.only),
        *_repeated("--only-table", request.only_table),
        *_repeated("--exclude-table", request.exclude_table),
        *_repeated("--exclude", request.exclude),
    ]
