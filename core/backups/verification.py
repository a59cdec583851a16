"""Verifies a backup by reading all of it.

The packages of archives and dumps read the file. This module chooses the reader, compares the
result with the manifest, and writes the finding into the manifest, so that the list shows it later.
A backup without a manifest is judged by its structure, and gets none: its finding is kept apart
(`core.backups.verification_records`).
"""

from __future__ import annotations

import os
from contextlib import suppress

from msgspec import Struct, structs

from core.backups.catalog import REFUSED, Backup
from core.backups.changing import change_manifest
from core.backups.manifest import Manifest, identity_of
from core.backups.place import open_backups
from core.backups.verification_records import VerificationRecord, remember_record
from core.durable import translate
from core.errors import (
    DamagedBackup,
    HostileArchive,
    MagerewindError,
    PackedOtherwise,
    StatementRefused,
)
from core.events import Kind, Report, Warned, no_report


class VerifyResult(Struct, frozen=True, kw_only=True):
    """The finding of a whole read.

    `problem` is empty for a sound backup; it holds the cure too where the backup is refused.
    """

    backup: Backup
    problem: str = ""
    refused: bool = False  # for its content: the file itself may be whole
    against_manifest: bool = False  # else by its structure only
    sha256: str = ""
    items: int = 0  # members of an archive, tables of a dump
    content_bytes: int = 0
    warnings: tuple[Warned, ...] = ()

    @property
    def sound(self) -> bool:
        """True if the backup is intact."""
        return not self.problem

    @property
    def remembered(self) -> str:
        """The problem as a manifest or a record keeps it."""
        return f"{REFUSED}{self.problem}" if self.refused else self.problem


def _read_archive(backup: Backup, manifest: Manifest | None, report: Report) -> VerifyResult:
    from core.archive.tar import verify  # noqa: PLC0415 - loaded at the first need

    if manifest is not None and manifest.looked_at == identity_of(manifest):
        verify.read_again(backup.path, sha256=manifest.sha256, report=report)
        return VerifyResult(
            backup=backup,
            against_manifest=True,
            sha256=manifest.sha256,
            items=manifest.members or 0,
            content_bytes=manifest.content_bytes or 0,
        )
    found = verify.verify_archive(
        backup.path,
        report=report,
        sha256=manifest.sha256 if manifest is not None else None,
        members=manifest.members if manifest is not None else None,
    )
    return VerifyResult(
        backup=backup,
        against_manifest=manifest is not None,
        sha256=found.sha256,
        items=found.members,
        content_bytes=found.content_bytes,
        warnings=found.warnings,
    )


def _read_dump(backup: Backup, manifest: Manifest | None, report: Report) -> VerifyResult:
    from core.database.load.offline_check import check_dump  # noqa: PLC0415 - as above

    found = check_dump(
        backup.path,
        report=report,
        sha256=manifest.sha256 if manifest is not None else None,
        content_bytes=manifest.content_bytes if manifest is not None else None,
    )
    return VerifyResult(
        backup=backup,
        # A dump of the wrong shape for a rollback is still a problem of the file, not of a server.
        problem=found.problems[0] if found.problems else "",
        against_manifest=manifest is not None,
        sha256=found.sha256,
        items=len(found.tables),
        content_bytes=found.content_bytes,
        warnings=found.warnings,
    )


def _remember(result: VerifyResult, status: os.stat_result) -> None:
    manifest = result.backup.manifest
    if manifest is None:
        _remember_look(result, status)
        return
    read_by = manifest.sha256

    def judged(now: Manifest) -> Manifest:
        if now.sha256 != read_by:  # of another file of this name
            return now
        found = structs.replace(now, verified=result.sound, problem=result.remembered)
        if found.kind is Kind.DB:
            return found
        sound = result.sound and result.content_bytes == now.content_bytes
        return structs.replace(found, looked_at=identity_of(found) if sound else "")

    name = manifest.file_name
    # What was deleted, or exchanged, while it was read, is not described by what was found.
    with suppress(FileNotFoundError), open_backups(result.backup.directory) as directory:
        if _is_same(os.lstat(name, dir_fd=directory.fd), status):
            change_manifest(directory, name, judged)


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_ctime_ns) == (other.st_ino, other.st_ctime_ns)


def _remember_look(result: VerifyResult, status: os.stat_result) -> None:
    """Remember the finding, unless the file is another by now."""
    backup = result.backup
    if _is_same(os.lstat(backup.path), status):
        look = VerificationRecord(result.sha256, result.remembered)
        remember_record(backup.directory, backup.name.text, status, look)


_REFUSED = (HostileArchive, PackedOtherwise)  # the file may be whole


def _problem(backup: Backup, error: DamagedBackup | StatementRefused) -> VerifyResult:
    """Return the finding of a file that is damaged or refused, which is said of it elsewhere."""
    refused = not isinstance(error, DamagedBackup) or isinstance(error, _REFUSED)
    word = "refused" if refused else "damaged"
    problem = error.message.removeprefix(f"{backup.name.text} is {word}: ")
    for start in (f"{backup.path}, ", f"{backup.path} is ", f"{backup.name.text} is "):
        problem = problem.removeprefix(start)
    if refused and error.hint:
        problem = f"{problem} {error.hint}"
    against = backup.manifest is not None
    return VerifyResult(backup=backup, problem=problem, refused=refused, against_manifest=against)


def verify_backup(
    backup: Backup, *, report: Report = no_report, remember: bool = True
) -> VerifyResult:
    """Read a backup whole and say whether it is sound.

    A fault of the file is the result's `problem`; an error that prevents the read is raised
    (StorageError). With `remember`, a manifest that differs is written anew, and the finding on a
    backup without one is kept in the state of the store.
    """
    manifest = backup.manifest
    read = _read_dump if backup.kind is Kind.DB else _read_archive
    try:
        status = os.stat(backup.path)
    except OSError as error:
        raise translate(error, f"reading {backup.path}") from error
    try:
        size_bytes = status.st_size
        if manifest is not None and size_bytes != manifest.size_bytes:
            raise DamagedBackup(
                f"{backup.name.text} has {size_bytes} bytes; its manifest says "
                f"{manifest.size_bytes}."
            )
        result = read(backup, manifest, report)
    except (DamagedBackup, StatementRefused) as error:
        result = _problem(backup, error)
    if remember:
        try:
            _remember(result, status)
        except (FileNotFoundError, MagerewindError):
            if result.sound:  # an account that may only read can still verify
                return result
    return result
