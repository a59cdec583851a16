"""A backup: close, write each kind beside its name, verify, name it, describe it, open.

The final name of a file is its commit. An error or a cancel removes unfinished files and leaves
complete ones.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

import core
from core.archive.create.write_archive import write_archive
from core.archive.tar.verify import verify_archive
from core.backups.manifest import Manifest, from_json, identity_of, to_json, write_manifest
from core.backups.names import index_name, new_name, parse_name
from core.backups.order import next_sequence
from core.backups.place import make_backups, open_backups
from core.directories import Directory
from core.durable import PartialFile, partial_file, partial_name, translate
from core.errors import DamagedBackup, MagerewindError, StorageError, reason_of
from core.events import (
    BackupCompleted,
    BackupStarted,
    Kind,
    Noted,
    Report,
    Step,
    StepsPlanned,
    Warned,
)
from core.magento.settings import DatabaseConnection
from core.magento.store import magento_version
from core.operations import closing
from core.operations.backup_pruning import prune_after, prune_before
from core.operations.backup_steps import free_timestamp, planned_steps, sizes_of
from core.operations.context import JobContext
from core.operations.estimates import Estimate
from core.operations.findings import of_kind, refuse, say_findings
from core.operations.lost_jobs import refuse_unfinished
from core.operations.media_coverage import media_warnings
from core.operations.preflight import BackupPreflight, preflight_backup
from core.operations.pruning import CLOCK_BEHIND
from core.operations.records import BackupBegun, BackupNamed, Verified
from core.operations.requests import BackupRequest
from core.operations.results import OperationResult
from core.operations.selections import selection_of
from core.operations.send import asking, begin_sending, commit_set, copy_set, send_kind
from core.operations.space import PRUNES


class _Written(Struct, frozen=True, kw_only=True):
    """A writer's totals of the file it wrote; `details` are fields of the manifest."""

    items: int
    sha256: str
    warnings: tuple[Warned, ...]
    details: dict[str, Any]


def run_backup(context: JobContext, request: BackupRequest) -> OperationResult:
    """Back up the chosen kinds under one timestamp. Raises the error that made it impossible."""
    context.emit(StepsPlanned(steps=planned_steps(request)))
    straight = () if request.local else request.repositories[:1]
    with context.step(Step.CHECK) as report, contextlib.ExitStack() as stack:
        asked = [stack.enter_context(asking(context, request, one)) for one in straight]
        checked = preflight_backup(context.store, request, environ=context.environ, report=report)
        say_findings(context, checked.findings)
        refuse(checked.findings)
        if any(finding.code == PRUNES for finding in checked.findings):
            prune_before(context, request)
        backups = make_backups(context.store.backups)
        timestamp = free_timestamp(backups, request.kinds, int(context.clock()))
        write_dump = _straight(context, request, checked)
        sending = next((begin_sending(context, request, one, timestamp) for one in asked), None)
    context.emit(StepsPlanned(steps=planned_steps(request), sizes=sizes_of(request, checked)))
    names = {
        kind: new_name(timestamp, kind, request.naming, request.compress) for kind in request.kinds
    }
    written = {kind.value: name for kind, name in names.items() if request.local}
    context.journal.write(BackupBegun(timestamp=timestamp, names=written))
    began_s = context.clock()
    with contextlib.ExitStack() as locks:
        if checked.connection is not None and Kind.DB in request.kinds:
            # Only where needed, and not while the store is closed.
            from core.database.dump import dump, strip  # noqa: F401, PLC0415
            from core.database.load import offline_check  # noqa: F401, PLC0415
            from core.database.server.connection import schema_lock  # noqa: PLC0415

            locks.enter_context(schema_lock(checked.connection))
            refuse_unfinished(checked.connection, context.store)
        try:
            if not request.keep_open:
                closing.close(context)
            for kind in request.kinds:
                if sending is not None:
                    send_kind(sending, kind, checked.estimates.get(kind), write_dump)
                else:
                    _back_up(context, request, kind, names[kind], checked, backups)
        except BaseException:
            abandon(context, backups)
            raise
    closing.reopen(context)
    context.cancellation.allow()
    if sending is not None:
        commit_set(sending)
    elif request.repositories:
        copy_set(context, request, timestamp, names, checked.estimates, since_s=began_s)
    prune_after(context, request)
    return OperationResult(strict=request.strict)


def _straight(
    context: JobContext, request: BackupRequest, checked: BackupPreflight
) -> Callable[[int, int, Report], tuple[int, dict[str, Any]]]:
    """Return the function that writes a dump and its index for a repository."""

    def dump(fd: int, index_fd: int, report: Report) -> tuple[int, dict[str, Any]]:
        if checked.connection is None:
            raise MagerewindError("No database connection is known.")
        estimate = checked.estimates.get(Kind.DB)
        schema_bytes = None if estimate is None else estimate.content_bytes
        connection = checked.connection
        written = _write_dump(
            context, request, fd, index_fd, connection, report, schema_bytes=schema_bytes
        )
        context.say(*written.warnings)
        facts = {"sha256": written.sha256, "warnings": written.warnings}
        return written.details["content_bytes"], {**written.details, **facts}

    return dump


def abandon(context: JobContext, backups: Directory | None = None) -> None:
    """Remove unfinished files, complete those with a final name, open the store.

    Works from the journal alone, so a recovery runs the same; may be run again at any point.
    `backups` is var/backups, where the job has it open.
    """
    context.free_reserve()
    try:
        began = context.journal.newest(BackupBegun)
        if began is not None:
            with suppress(FileNotFoundError):
                _tidy(context, began, backups or open_backups(context.store.backups))
    except (OSError, MagerewindError, ValueError, KeyError) as error:
        reason = reason_of(error)
        context.say(
            Warned(code="partial-files-left", message=f"An unfinished file is left: {reason}")
        )
    closing.reopen(context)


def _tidy(context: JobContext, began: BackupBegun, backups: Directory) -> None:
    names = list(began.names.values())
    if not all(parse_name(name) for name in names):
        raise StorageError("the journal names what is no backup")
    for name in names:
        unfinished = [partial_name(name), partial_name(index_name(name))]
        if not backups.has(name):
            unfinished.append(index_name(name))  # it gets its name just before the backup
        for one in unfinished:
            try:
                backups.remove(one)
            except OSError as error:
                raise translate(error, f"removing {backups.path_of(one)}") from error
    for verified in context.journal.each(Verified):
        # Killed between the name and the manifest: the file is whole, only its description lacks.
        manifest = from_json(verified.manifest.encode("ascii"))
        if manifest.file_name in names and _size_of(backups, manifest) == manifest.size_bytes:
            write_manifest(backups, manifest)
    backups.flush()


def _size_of(backups: Directory, manifest: Manifest) -> int | None:
    try:
        return os.lstat(manifest.file_name, dir_fd=backups.fd).st_size
    except FileNotFoundError:
        return None


def _back_up(
    context: JobContext,
    request: BackupRequest,
    kind: Kind,
    name: str,
    checked: BackupPreflight,
    backups: Directory,
) -> None:
    started_s = context.clock()
    context.emit(BackupStarted(kind=kind))
    with (
        partial_file(backups.path, name, dir_fd=backups.fd) as partial,
        partial_file(backups.path, index_name(name), dir_fd=backups.fd) as index,
    ):
        try:
            written = _write(context, request, kind, partial, index, checked)
            partial.flush()
            size_bytes = os.fstat(partial.fd).st_size
            if request.verify:
                _verify(context, kind, partial.partial_path, written, size_bytes)
        except OSError as error:
            raise translate(error, f"writing {partial.path}") from error
        manifest = _manifest(context, request, kind, name, written, size_bytes, started_s)
        uncovered = media_warnings(checked.findings) if kind is Kind.MEDIA else ()
        manifest = replace(
            manifest,
            sequence=next_sequence(backups, manifest.timestamp),
            clock_behind=any(one.code == CLOCK_BEHIND for one in checked.findings),
            warnings=(*uncovered, *manifest.warnings),
        )
        context.journal.write(Verified(manifest=to_json(manifest).decode("ascii")))
        if manifest.index_sha256:
            index.commit()
        partial.commit()
    write_manifest(backups, manifest)
    context.journal.write(BackupNamed(name=name))
    context.say(*(_of_kind(kind, warned) for warned in written.warnings))
    context.emit(
        BackupCompleted(
            kind=kind,
            file_name=name,
            path=partial.path,
            size_bytes=size_bytes,
            items=written.items,
            sha256=written.sha256,
            elapsed_s=manifest.elapsed_s,
        )
    )


def _of_kind(kind: Kind, warned: Warned) -> Warned:
    return warned if kind is Kind.DB else replace(warned, message=of_kind(kind, warned.message))


def _write(
    context: JobContext,
    request: BackupRequest,
    kind: Kind,
    partial: PartialFile,
    index: PartialFile,
    checked: BackupPreflight,
) -> _Written:
    estimate = checked.estimates.get(kind)
    with context.step(
        Step.WRITE,
        kind,
        total_bytes=None if estimate is None else _to_write(kind, estimate),
        total_items=estimate.items if estimate is not None else None,
    ) as report:
        if kind is Kind.DB:
            if checked.connection is None:
                raise MagerewindError("No database connection is known.")
            return _write_dump(
                context,
                request,
                partial.fd,
                index.fd,
                checked.connection,
                report,
                schema_bytes=None if estimate is None else estimate.content_bytes,
            )
        return _write_archive(context, request, kind, partial.fd, index.fd, report)


def _to_write(kind: Kind, estimate: Estimate) -> int | None:
    """Return the expected bytes of a write, None where rows say more."""
    if kind is not Kind.DB:
        return estimate.content_bytes
    # The size of tables on the server says little about the size of their first dump.
    return estimate.plain_bytes if estimate.measured else None


def _write_archive(
    context: JobContext,
    request: BackupRequest,
    kind: Kind,
    fd: int,
    index_fd: int,
    report: Report,
) -> _Written:
    selection = selection_of(context.store, kind, request.exclude)
    summary = write_archive(selection, fd, level=request.level, report=report, index_fd=index_fd)
    return _Written(
        items=summary.members,
        sha256=summary.sha256,
        warnings=summary.warnings,
        details={
            "members": summary.members,
            "content_bytes": summary.content_bytes,
            "excluded": summary.excluded,
            "level": request.level,
            "index_sha256": summary.index_sha256,
        },
    )


def _write_dump(
    context: JobContext,
    request: BackupRequest,
    fd: int,
    index_fd: int | None,
    connection: DatabaseConnection,
    report: Report,
    *,
    schema_bytes: int | None,
) -> _Written:
    # Not for a backup of files: its start waits for imports.
    from core.database.dump.dump import DumpOptions, dump_schema  # noqa: PLC0415
    from core.database.dump.strip import NOTHING_STRIPPED, unmatched  # noqa: PLC0415

    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(context.clock()))
    summary = dump_schema(
        connection,
        fd,
        options=DumpOptions(
            strip=request.strip, compress=request.compress, level=request.compress_level
        ),
        report=report,
        created=created,
        index_fd=index_fd,
    )
    how = summary.snapshot.partition(": ")[2]  # its letter means something to developers only
    context.emit(Noted(code="snapshot", message=f"Consistent snapshot: {how}"))
    misspelt = unmatched(request.strip, summary.rows, prefix=connection.table_prefix)
    warnings = list(summary.warnings)
    if misspelt:
        code, message = NOTHING_STRIPPED
        warnings.append(Warned(code=code, message=message, names=misspelt))
    return _Written(
        items=sum(summary.rows.values()),
        sha256=summary.sha256,
        warnings=tuple(warnings),
        details={
            "content_bytes": summary.bytes,
            "schema_bytes": schema_bytes,
            "compress": request.compress.value,
            "level": request.compress_level,
            "rows": summary.rows,
            "snapshot": summary.snapshot,
            "server": summary.server,
            "database": connection.schema,
            "stripped": summary.stripped,
            "max_statement_bytes": summary.max_statement_bytes,
            "index_sha256": summary.index_sha256,
        },
    )


def _verify(context: JobContext, kind: Kind, path: str, written: _Written, size_bytes: int) -> None:
    with context.step(Step.VERIFY, kind, total_bytes=size_bytes) as report:
        if kind is not Kind.DB:
            verify_archive(path, report=report, sha256=written.sha256, members=written.items)
            return
        from core.database.load.offline_check import check_dump  # noqa: PLC0415 - as above

        size = written.details["content_bytes"]
        check = check_dump(path, report=report, sha256=written.sha256, content_bytes=size)
        if not check.complete:
            raise DamagedBackup("The dump that was just written does not read back as complete.")


def _manifest(
    context: JobContext,
    request: BackupRequest,
    kind: Kind,
    name: str,
    written: _Written,
    size_bytes: int,
    started_s: float,
) -> Manifest:
    version, _edition = magento_version(context.store)
    timestamp = int(name.partition("_")[0])
    manifest = Manifest(
        file_name=name,
        kind=kind,
        timestamp=timestamp,
        size_bytes=size_bytes,
        sha256=written.sha256,
        made_by=f"magerewind {core.__version__}",
        host=context.host,
        root=context.store.root,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(context.clock())),
        elapsed_s=round(max(0.0, context.clock() - started_s), 3),
        verified=request.verify,
        magento_version=version,
        kept_open=request.keep_open,
        note=request.note,
        warnings=written.warnings,
        **written.details,
    )
    looked = kind is not Kind.DB and request.verify
    return replace(manifest, looked_at=identity_of(manifest)) if looked else manifest
