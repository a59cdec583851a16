"""The first choice of the plan's screen: read from var/backups and the configuration."""

from __future__ import annotations

from msgspec.structs import replace

from core.errors import BackupNotFound
from core.operations.requests import RollbackRequest, UndoRequest
from tui.engine.choice import Choice, chosen_first, chosen_names, chosen_set, first_file
from tui.engine.port import Engine


def begin_with(
    engine: Engine,
    asked: RollbackRequest | UndoRequest | None,
    *,
    chosen: str | None,
    broken: frozenset[str],
) -> Choice | UndoRequest:
    """Return the first choice: of a request, of a set, or of the existing sets.

    `chosen` is the key of a set, `broken` the backups that restore broken parts. Raises
    BackupNotFound.
    """
    if isinstance(asked, UndoRequest):
        return engine.undo_of(asked.job_id)
    backups = engine.backups()
    if asked is not None:
        files = {kind: name for kind in asked.kinds if (name := asked.file_of(kind)) is not None}
        return chosen_names(with_settings(asked, engine.rollback_to(files)), backups)
    file = first_file(backups)
    if not file:
        raise BackupNotFound(
            "There is no backup of code, media or db in var/backups.", hint="[b] takes one."
        )
    how = engine.rollback_to(file)
    found = next((one for one in backups.sets if one.key == chosen), None)
    if found is not None:
        return chosen_set(how, backups, found)
    return chosen_first(how, backups, broken)


def with_settings(asked: RollbackRequest, usual: RollbackRequest) -> RollbackRequest:
    """Return a request with the settings of the configuration added."""
    return replace(
        asked,
        keep_env=asked.keep_env or usual.keep_env,
        keep_stripped=asked.keep_stripped or usual.keep_stripped,
        flush=asked.flush and usual.flush,
        exclude=tuple(dict.fromkeys((*asked.exclude, *usual.exclude))),
        strict=asked.strict or usual.strict,
    )
