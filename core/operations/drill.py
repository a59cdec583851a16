"""A restore drill: restores backups beside the live store, to prove that they can be restored.

the database: load the dump under staging names, compare rows and digests, drop everything
files: read the archive whole, extract a sample outside the store, read it back, remove it
write the finding into the manifest or the state of each backup

The store stays open, and nothing live is touched: no trigger and no event of the dump is made.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from core.archive.tree.remove import remove_tree
from core.backups.catalog import Backup, find_any_backup
from core.backups.edit_remarks import change_remarks
from core.backups.index import open_index
from core.backups.remarks import Remarks, Trial
from core.backups.verification import verify_backup
from core.durable import translate
from core.errors import (
    DamagedBackup,
    InvalidBackupName,
    LoadFailed,
    MagerewindError,
    NotInstalled,
    PreflightRefused,
    StatementRefused,
)
from core.events import Kind, Noted, Step, StepsPlanned, Warned, step_key
from core.magento.settings import DatabaseConnection
from core.operations.connection_file import connection_of, forget_connection, keep_connection
from core.operations.context import JobContext
from core.operations.findings import megabytes
from core.operations.lost_jobs import default_settings, refuse_unfinished
from core.operations.records import DrillPlace
from core.operations.requests import DrillRequest
from core.operations.results import OperationResult

if TYPE_CHECKING:
    from core.database.load.dump_check import DumpCheck
    from core.database.schema.swap_file import StagedTables

_PLACE: Final = "magerewind-drill-"
_NOT_SOUND: Final = (DamagedBackup, StatementRefused, LoadFailed)


def planned_steps(kinds: tuple[Kind, ...]) -> tuple[str, ...]:
    """Return the steps of a drill of backups of these kinds, in order."""
    steps = [step_key(Step.CHECK)]
    for kind in kinds:
        if kind is Kind.DB:
            steps += [step_key(step, kind) for step in (Step.PLAN, Step.LOAD)]
        else:
            steps += [step_key(Step.STAGE, kind)]
        steps += [step_key(Step.VERIFY, kind)]
    return (*steps, step_key(Step.REMOVE))


def run_drill(context: JobContext, request: DrillRequest) -> OperationResult:
    """Try to restore the named backups. Raises DamagedBackup where one cannot be."""
    backups = [find_any_backup(context.store.backups, name) for name in request.names]
    kinds = [backup.kind for backup in backups]
    known = tuple(kind for kind in kinds if kind is not None)
    context.emit(StepsPlanned(steps=planned_steps(known)))
    settings: DatabaseConnection | None = None
    with context.step(Step.CHECK):
        if len(known) < len(kinds):
            raise InvalidBackupName("A backup of the admin pages holds several kinds at once.")
        if Kind.DB in known:
            settings = _settings(context)
    try:
        failed = [
            backup.name.text for backup in backups if not _try(context, backup, settings, request)
        ]
    finally:
        with context.step(Step.REMOVE):
            tidy(context, settings)
    if failed:
        raise DamagedBackup(
            f"Not restorable: {', '.join(failed)}.",
            hint="magerewind info:backups:list says what is wrong.",
        )
    return OperationResult(strict=request.strict)


def _settings(context: JobContext) -> DatabaseConnection:
    settings = default_settings(context.store, context.environ)
    if settings is None:
        raise NotInstalled("A drill of the database needs an installed store: its server is used.")
    context.connection = settings
    keep_connection(context.directory, settings)
    return settings


def _try(
    context: JobContext,
    backup: Backup,
    settings: DatabaseConnection | None,
    request: DrillRequest,
) -> bool:
    """Try one backup, record the finding, and return whether the backup can be restored."""
    name, problem, how = backup.name.text, "", ""
    try:
        if backup.kind is Kind.DB and settings is not None:
            how = _try_dump(context, backup, settings)
        else:
            how = _try_archive(context, backup, request.seed)
    except _NOT_SOUND as error:
        problem = error.message
    trial = Trial(at_s=context.clock(), how=how or "nothing", problem=problem)

    def tried(remarks: Remarks) -> Remarks:
        return replace(remarks, tried=trial)

    try:
        change_remarks(find_any_backup(backup.directory, name), tried)
    except MagerewindError as error:
        message = f"That {name} was tried cannot be put down: {error.message}"
        context.say(Warned(code="trial-not-kept", message=message))
    if problem:
        context.say(Warned(code="not-restorable", message=f"{name} is not restorable: {problem}"))
    else:
        context.emit(Noted(code="restorable", message=f"{name} is restorable ({how})."))
    return not problem


# The database.


def _try_dump(context: JobContext, backup: Backup, settings: DatabaseConnection) -> str:
    from core.database.load.load import load_beside  # noqa: PLC0415 - loads much
    from core.database.load.staging import drop_staging  # noqa: PLC0415
    from core.database.server.connection import schema_lock  # noqa: PLC0415
    from core.operations.database_load import job_mark  # noqa: PLC0415
    from core.operations.leftovers import drop_leftovers  # noqa: PLC0415

    with schema_lock(settings):
        refuse_unfinished(settings, context.store)
        check = _checked(context, backup, settings)
        drop_leftovers(context, settings)
        rows = backup.manifest.rows if backup.manifest is not None else None
        with context.step(
            Step.LOAD,
            Kind.DB,
            total_bytes=check.content_bytes,
            total_items=sum(rows.values()) if rows else None,
        ) as report:
            staged = load_beside(
                backup.path,
                check,
                settings,
                job_id=context.job_id,
                journal=context.journal,
                report=report,
                expected_rows=rows,
                partial=True,
                mark=job_mark(context),
            )
        try:
            return _compared(context, backup, settings, staged)
        finally:
            drop_staging(settings, staged.short)


def _checked(context: JobContext, backup: Backup, settings: DatabaseConnection) -> DumpCheck:
    """Check a dump by itself and against the server, and report the space it takes there."""
    from core.database.load.offline_check import check_dump  # noqa: PLC0415 - as above
    from core.database.load.server_check import (  # noqa: PLC0415
        check_against_server,
        without_other_stores,
    )

    manifest = backup.manifest
    with context.step(Step.PLAN, Kind.DB, total_bytes=backup.size_bytes) as report:
        check = check_dump(
            backup.path,
            report=report,
            sha256=manifest.sha256 if manifest is not None else None,
            table_prefix=settings.table_prefix,
            schema=settings.schema,
        )
        if check.problems:
            raise DamagedBackup(check.problems[0])
        check = without_other_stores(check, settings)
        server = check_against_server(check, settings, partial=True)
        free = "" if server.space_free is None else f", {megabytes(server.space_free)} are free"
        message = f"The tables take about {megabytes(server.space_needed)} on the server{free}."
        context.emit(Noted(code="server-space", message=message))
        if server.problems:
            raise PreflightRefused(server.problems[0])
    return check


def _compared(
    context: JobContext, backup: Backup, settings: DatabaseConnection, staged: StagedTables
) -> str:
    """Compare the staged tables with the dump's index; return the compared facts, in words."""
    from core.database.compare.staged import compare_staged, loaded_tables  # noqa: PLC0415
    from core.database.index.read_index import DumpIndex  # noqa: PLC0415

    names = {one.name: one.staged for one in staged.tables if one.staged is not None}
    loaded = loaded_tables(names, staged.rows)
    with contextlib.ExitStack() as stack:
        index: DumpIndex | None = None
        found = open_index(backup)
        if isinstance(found, int):
            stack.callback(os.close, found)
            with suppress(ValueError):  # damaged: then rows are compared
                index = DumpIndex(found)
        total = sum(one.rows for one in loaded)
        with context.step(Step.VERIFY, Kind.DB, total_items=total) as report:
            compared = compare_staged(index, settings, loaded, report=report)
    if compared.differ:
        names_shown = ", ".join(compared.differ[:5])
        raise DamagedBackup(f"Loaded tables are not what the backup holds: {names_shown}")
    return f"{compared.by_digests} tables by digests, {compared.by_rows} by rows"


# Files.


def _try_archive(context: JobContext, backup: Backup, seed: int) -> str:
    from core.archive.tar.sample import try_sample  # noqa: PLC0415 - as above

    kind, manifest = backup.kind, backup.manifest
    with context.step(Step.VERIFY, kind, total_bytes=backup.size_bytes) as report:
        result = verify_backup(backup, report=report)
        if not result.sound:
            raise DamagedBackup(result.problem)
    with (
        context.step(Step.STAGE, kind, total_bytes=backup.size_bytes) as report,
        _place(context) as directory,
    ):
        sampled = try_sample(
            backup.path,
            directory,
            seed=seed,
            members=result.items,
            trusted=manifest is not None,
            report=report,
        )
    return f"{result.items} members read, {sampled.files} files extracted"


@contextlib.contextmanager
def _place(context: JobContext) -> Iterator[int]:
    """Give an empty directory outside the store, open; it is removed with all in it."""
    above = next(
        (
            one
            for one in (tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108 - mkdir is exclusive
            if os.path.isdir(one)
            and not f"{os.path.realpath(one)}/".startswith(f"{context.store.root}/")
        ),
        None,
    )
    if above is None:
        raise PreflightRefused("There is no directory for temporary files outside the store.")
    path = os.path.join(above, f"{_PLACE}{context.job_id}-{secrets.token_hex(8)}")
    context.journal.write(DrillPlace(path=path))
    try:
        os.mkdir(path, 0o700)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise translate(error, f"making {path}") from error
    try:
        yield fd
    finally:
        os.close(fd)
        _remove_place(path)


def _remove_place(path: str) -> None:
    above, name = os.path.split(path)
    if not name.startswith(_PLACE):
        return
    with suppress(FileNotFoundError):
        parent = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                remove_tree(os.fsencode(name), dir_fd=parent)
        finally:
            os.close(parent)


def tidy(context: JobContext, settings: DatabaseConnection | None = None) -> None:
    """Remove all that a drill has made, by its journal. May be run again at any point.

    Staging tables on a server that is gone are a warning: the next job drops them.
    """
    for place in context.journal.each(DrillPlace):
        try:
            _remove_place(place.path)
        except (OSError, MagerewindError) as error:
            message = f"A directory of the drill is left: {place.path} ({error})"
            context.say(Warned(code="drill-left", message=message))
    if settings is None and connection_of(context) is None:
        return
    from core.operations.database_part import DatabasePart  # noqa: PLC0415 - loads the database

    context.say(*DatabasePart().revert(context))
    forget_connection(context.directory)
