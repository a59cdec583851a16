"""The rollback and the undo that a command line and the configuration ask for.

For commands and application alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.cli.parser import CommandLine
from core.events import Kind
from core.operations.requests import RollbackRequest, UndoRequest

if TYPE_CHECKING:
    from core.config.fields import StoreFields
    from core.repository.settings import Repository


def rollback_request(
    line: CommandLine,
    settings: StoreFields,
    files: Mapping[Kind, str],
    *,
    repository: Repository | None = None,
    store: str = "",
) -> RollbackRequest:
    """Return the request for these backups, by kind. Raises UsageError."""
    options, given = settings.rollback, line.given
    keep_env = line.keep_env if "keep_env" in given else options.keep_env and not line.replace_env
    return RollbackRequest(
        code_file=files.get(Kind.CODE),
        media_file=files.get(Kind.MEDIA),
        db_file=files.get(Kind.DB),
        repository=repository,
        store=store,
        keep_env=keep_env,
        replace_env=line.replace_env,
        from_elsewhere=line.from_elsewhere,
        flush=line.flush if "flush" in given else options.flush,
        partial=line.partial,
        map_collations=line.map_collations,
        from_schema=line.from_schema,
        keep_stripped=line.keep_stripped if "keep_stripped" in given else options.keep_stripped,
        exclude=line.exclude if "exclude" in given else options.exclude,
        only=line.only,
        only_table=line.only_table,
        exclude_table=line.exclude_table,
        with_related=line.with_related,
        whole=line.whole,
        load_open=line.load_open,
        strict=settings.strict,
    )


def undo_request(line: CommandLine, settings: StoreFields, job_id: str) -> UndoRequest:
    """Return the request to undo the rollback of this job."""
    return UndoRequest(
        job_id=job_id,
        flush=line.flush if "flush" in line.given else settings.rollback.flush,
        partial=line.partial,
        strict=settings.strict,
    )
