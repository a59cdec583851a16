"""The contents of var/backups: listed, grouped into sets, found by name, deleted.

The catalog reads names, sizes and manifests. It does not judge the content of a file;
`verify_backup` does, through the packages that know archives and dumps.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from core.backups.manifest import Manifest, find_manifest, remarks_of
from core.backups.names import (
    FOREIGN,
    LATEST,
    BackupName,
    index_name,
    manifest_name,
    parse_name,
    rollback_name,
    set_key,
)
from core.backups.place import open_backups
from core.backups.remarks import Remarks
from core.backups.verification_records import find_record, find_remarks, forget_record, open_looks
from core.directories import Directory
from core.durable import partial_name, translate
from core.errors import BackupNotFound, InvalidBackupName
from core.events import Kind

MISSING: Final = "The rollback file doesn't exist. Verify the file and try again."
REFUSED: Final = "refused: "
"""The beginning of a kept problem of a backup that is refused, and not damaged."""
_MAGENTO_OWN: Final = frozenset({".htaccess"})  # Magento hides the directory from Apache with it
_KIND_ORDER: Final = {kind: number for number, kind in enumerate(Kind)}


class Health(StrEnum):
    """The state of a backup as far as known without a whole read. The order is from good to bad."""

    VERIFIED = "verified"  # read again after it was written, and still of that size
    SOUND = "sound"  # no manifest, but read whole by a verification since, and sound
    UNVERIFIED = "unverified"  # no manifest, or never read again
    PARTIAL = "partial"  # an unfinished file
    REFUSED = "refused"  # a verification found content that is not used; the file may be whole
    DAMAGED = "damaged"  # differs from its manifest, or a verification found so


class Backup(Struct, frozen=True, kw_only=True):
    """One file in var/backups whose name is a backup's."""

    directory: str
    name: BackupName
    size_bytes: int
    modified_s: float
    health: Health
    problem: str = ""  # one line, where there is something to say about the health
    manifest: Manifest | None = None
    repository: str = ""  # where it is, when it is not here: the path leads to nothing then
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def path(self) -> str:
        """Its path."""
        return os.path.join(self.directory, self.name.text)

    @property
    def kind(self) -> Kind | None:
        """Its kind; None where one archive holds several kinds."""
        return self.name.kind


class BackupSet(Struct, frozen=True, kw_only=True):
    """Backups that were taken together, in the order code, media, db, others.

    They have one timestamp and one label; a dump of another program is a set of its own.
    """

    timestamp: int
    backups: tuple[Backup, ...]

    @property
    def key(self) -> str:
        """The name of the set among those of the directory: the timestamp, for one of ours."""
        return set_key(self.backups[0].name.text, self.timestamp)

    @property
    def size_bytes(self) -> int:
        """All of them together."""
        return sum(backup.size_bytes for backup in self.backups)

    @property
    def health(self) -> Health:
        """The worst of its backups'."""
        order = list(Health)
        return max((backup.health for backup in self.backups), key=order.index)

    @property
    def note(self) -> str:
        """The note that the person wrote when it was taken."""
        notes = (backup.remarks.note for backup in self.backups)
        return next((note for note in notes if note), "")

    @property
    def keep(self) -> bool:
        """Whether a person marked it to be kept."""
        return any(backup.remarks.keep for backup in self.backups)

    def of_kind(self, kind: Kind) -> Backup | None:
        """Return the set's backup of this kind, if it has one."""
        return next((backup for backup in self.backups if backup.kind is kind), None)


class PartialBackup(Struct, frozen=True, kw_only=True):
    """An unfinished file: of a job that runs, or of one that died and is to be recovered."""

    file_name: str  # `.<name>.partial`
    size_bytes: int
    modified_s: float


class Listing(Struct, frozen=True, kw_only=True):
    """All that lies in var/backups. Newest first; nothing is hidden."""

    directory: str
    backups: tuple[Backup, ...] = ()
    sets: tuple[BackupSet, ...] = ()
    unknown: tuple[str, ...] = ()  # names that mean nothing to us; directories end in a slash
    partial: tuple[PartialBackup, ...] = ()


def _found_by_verification(problem: str) -> tuple[Health, str]:
    """Return what a verification found, from its words as they are kept."""
    if problem.startswith(REFUSED):
        return Health.REFUSED, problem.removeprefix(REFUSED)
    return Health.DAMAGED, problem


def _health(
    manifest: Manifest | None, problem: str, size_bytes: int, kind: Kind | None
) -> tuple[Health, str]:
    if manifest is None:
        return Health.UNVERIFIED, problem
    if manifest.problem:
        return _found_by_verification(manifest.problem)
    if manifest.size_bytes != size_bytes:
        found = f"{size_bytes} bytes, and the manifest says {manifest.size_bytes}"
        return Health.DAMAGED, f"the file has {found}"
    if manifest.kind is not kind:
        return Health.DAMAGED, "the manifest is of another kind"
    return (Health.VERIFIED if manifest.verified else Health.UNVERIFIED), ""


def _backup(
    directory: Directory, name: BackupName, status: os.stat_result, looks: Directory | None
) -> Backup:
    if not name.timestamp and name.variant == FOREIGN:
        name = replace(name, timestamp=min(max(0, int(status.st_mtime)), LATEST))
    found = find_manifest(directory, name.text)
    health, problem = _health(found.manifest, found.problem, status.st_size, name.kind)
    look = find_record(looks, name.text, status) if found.manifest is None else None
    if look is not None:
        found_sound = Health.SOUND, problem
        health, problem = _found_by_verification(look.problem) if look.problem else found_sound
    remarks = (
        find_remarks(looks, name.text, status)
        if found.manifest is None
        else remarks_of(found.manifest)
    )
    return Backup(
        directory=directory.path,
        name=name,
        size_bytes=status.st_size,
        modified_s=status.st_mtime,
        health=health,
        problem=problem,
        manifest=found.manifest,
        remarks=remarks,
    )


def _order(backup: Backup) -> tuple[int, int, str]:
    kind = len(_KIND_ORDER) if backup.kind is None else _KIND_ORDER[backup.kind]
    return (-backup.name.timestamp, kind, backup.name.text)


def _group(backups: Iterable[Backup]) -> tuple[BackupSet, ...]:
    groups: dict[str, list[Backup]] = {}
    for backup in backups:
        key = set_key(backup.name.text, backup.name.timestamp)
        groups.setdefault(key, []).append(backup)
    return tuple(
        BackupSet(timestamp=group[0].name.timestamp, backups=tuple(group))
        for group in groups.values()
    )


def _entries(directory: Directory) -> list[tuple[str, os.stat_result]]:
    entries = []
    for name in directory.names():
        try:
            entries.append((name, os.lstat(name, dir_fd=directory.fd)))
        except FileNotFoundError:  # a partial file that just got its name, or was just deleted
            continue
    return entries


def _is_own(name: str, names: frozenset[str]) -> bool:
    """Return whether the entry needs no mention: a companion of a backup, or Magento's own."""
    for beside in (manifest_name, index_name):
        ending = beside("")[1:]
        if name.startswith(".") and name.endswith(ending) and name[1 : -len(ending)] in names:
            return True
    return name in _MAGENTO_OWN


def _is_with_partial(name: str, names: frozenset[str]) -> bool:
    """Return whether this is the unfinished index of an unfinished backup that is listed."""
    start, ending = partial_name(index_name("\0")).split("\0")
    inner = name.removeprefix(start).removesuffix(ending)
    return name == partial_name(index_name(inner)) and partial_name(inner) in names


def is_partial(name: str) -> bool:
    """Tell whether this is the base name of an unfinished file."""
    return "/" not in name and name.startswith(".") and name.endswith(".partial")


def list_backups(directory: str) -> Listing:
    """Return the contents of `directory`, newest first; a missing directory holds nothing.

    Sizes and manifests are read, contents are not. Raises StoreUnreadable.
    """
    try:
        held = open_backups(directory)
    except FileNotFoundError:
        return Listing(directory=directory)
    with held, _looks_of(directory) as looks:
        return _listing(held, looks)


def _looks_of(directory: str) -> AbstractContextManager[Directory | None]:
    return open_looks(directory) or nullcontext()


def _listing(directory: Directory, looks: Directory | None) -> Listing:
    entries = _entries(directory)
    names = frozenset(name for name, _ in entries)
    backups: list[Backup] = []
    unknown: list[str] = []
    partial: list[PartialBackup] = []
    for name, status in entries:
        regular = stat.S_ISREG(status.st_mode)
        parsed = parse_name(name)
        if parsed is not None and regular:
            backups.append(_backup(directory, parsed, status, looks))
        elif _is_with_partial(name, names):
            continue
        elif is_partial(name) and regular:
            partial.append(
                PartialBackup(file_name=name, size_bytes=status.st_size, modified_s=status.st_mtime)
            )
        elif not _is_own(name, names):
            unknown.append(f"{name}/" if stat.S_ISDIR(status.st_mode) else name)
    backups.sort(key=_order)
    return Listing(
        directory=directory.path,
        backups=tuple(backups),
        sets=_group(backups),
        unknown=tuple(unknown),
        partial=tuple(partial),
    )


def _status(directory: Directory, name: BackupName) -> os.stat_result:
    path = directory.path_of(name.text)
    try:
        status = os.lstat(name.text, dir_fd=directory.fd)
    except FileNotFoundError:
        raise _missing(name) from None
    except OSError as error:
        raise translate(error, f"looking at {path}") from error
    if not stat.S_ISREG(status.st_mode):
        # A link could lead anywhere, and others that may write to var/backups may have made it.
        raise BackupNotFound(f"{name.text} in {directory.path} is not a regular file.")
    return status


def _missing(name: BackupName) -> BackupNotFound:
    missing = BackupNotFound(
        f"{MISSING} ({name.text})", hint="magerewind info:backups:list shows what there is."
    )
    missing.name = name.text
    return missing


def _found(directory: str, name: BackupName) -> Backup:
    try:
        held = open_backups(directory)
    except FileNotFoundError:
        raise _missing(name) from None
    with held, _looks_of(directory) as looks:
        return _backup(held, name, _status(held, name), looks)


def find_backup(directory: str, name: str, kind: Kind) -> Backup:
    """Return the backup of this base name. Raises InvalidBackupName, BackupNotFound."""
    return _found(directory, rollback_name(name, kind))


def _any_name(name: str) -> BackupName:
    parsed = parse_name(name)
    if parsed is None:
        raise InvalidBackupName(
            f"{name or 'An empty name'} is not the name of a backup.",
            hint="magerewind info:backups:list shows what there is.",
        )
    return parsed


def find_any_backup(directory: str, name: str) -> Backup:
    """Return the backup of this base name, whatever its kind. Raises as `find_backup`."""
    return _found(directory, _any_name(name))


def delete_backup(directory: str, name: str) -> int:
    """Delete the backup, its index and its manifest; return the bytes that were freed.

    Raises InvalidBackupName, BackupNotFound, StorageError. Nothing but a backup is ever deleted.
    """
    parsed = _any_name(name)
    try:
        held = open_backups(directory)
    except FileNotFoundError:
        raise _missing(parsed) from None
    with held:
        status = _status(held, parsed)
        try:
            os.unlink(parsed.text, dir_fd=held.fd)
            held.remove(index_name(parsed.text))
            # Last: a crash in between leaves a manifest alone, which the list names as unknown.
            held.remove(manifest_name(parsed.text))
            held.flush()
        except OSError as error:
            raise translate(error, f"deleting {held.path_of(parsed.text)}") from error
        forget_record(directory, parsed.text)
        return status.st_size
