"""The backup that a command line and the configuration ask for, for commands and application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.backups.remarks import NOTE_LIMIT
from core.cli.parser import CommandLine
from core.cli.repositories import destination
from core.cli.retention_policy import policy_of
from core.compression import Compression
from core.errors import UsageError
from core.events import Kind
from core.operations.requests import BackupRequest

if TYPE_CHECKING:
    from core.config.load import Effective


def backup_request(
    line: CommandLine,
    effective: Effective,
    environ: Mapping[str, str],
    *,
    kinds: tuple[Kind, ...] = (),
) -> BackupRequest:
    """Return the request; `kinds` where nothing names any. Raises UsageError."""
    settings = effective.settings
    refuse_long_note(settings.note)
    repositories, local = destination(line, effective, environ)
    return BackupRequest(
        kinds=settings.kinds or kinds,
        verify=settings.verify,
        keep_open=settings.keep_open,
        exclude=settings.exclude,
        strip=settings.strip,
        level=settings.level,
        compress=Compression(settings.compress),
        compress_level=settings.compress_level,
        note=settings.note,
        naming=settings.names,
        keep_rules=policy_of(line, settings).words,
        prune=bool(line.keep_rules) or settings.prune,
        prune_first=line.prune_first,
        strict=settings.strict,
        repositories=repositories,
        local=local,
        store=effective.label,
    )


def refuse_long_note(text: str | None) -> None:
    """Raise UsageError for a note that no list could show."""
    if text is not None and len(text) > NOTE_LIMIT:
        raise UsageError(f"A note has at most {NOTE_LIMIT} letters; this one has {len(text)}.")
