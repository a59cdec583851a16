"""Every error that magerewind raises on purpose.

Each class is one failure that an administrator may have to act on. It carries one line about the
failure (`message`), where it helps one line about the cure (`hint`), and the exit
code of the command it ends.

    MagerewindError                     1
    ├── UsageError                      2   the command's words are off
    ├── StoreError                          the store itself
    │   ├── StoreNotFound                   no Magento root here
    │   ├── StoreUnreadable                 a root, but its files cannot be read or written
    │   ├── NotInstalled                    no install/date in the deployment configuration
    │   └── ConfigurationError              app/etc/env.php is missing, broken, or is not data
    ├── InvalidConfig                       a file of magerewind's own configuration
    ├── SecretUnreadable                    a password that the configuration names
    ├── HookFailed                      3   a program of the configuration, before the job
    ├── NotTold                             a receiver that could not be told of a job
    ├── AccountRefused                      root cannot, or must not, work on this store
    ├── PreflightRefused                    a check before the start found a reason not to
    ├── BackupError                         files in var/backups
    │   ├── InvalidBackupName               not the name of a backup of this kind
    │   ├── BackupNotFound                  no such file in var/backups
    │   └── DamagedBackup                   cut, corrupt, or unlike its manifest
    │       ├── HostileArchive              an archive that tries to leave its place
    │       └── PackedOtherwise             bzip2, zip, UTF-16: a form that is not read here
    ├── DatabaseError                       an answer of the server
    │   ├── ConnectionFailed                no server, no login, no schema
    │   ├── ConnectionLost                  the connection went away in the middle
    │   ├── RightsMissing                   the account lacks a right that is needed
    │   ├── StatementRefused                a dump holds a statement that is never run
    │   ├── DumpFailed                      no consistent, complete dump could be made
    │   ├── LoadFailed                      a dump could not be loaded beside
    │   └── SwapBlocked                     other connections hold the tables
    ├── StorageError                        the disk: EIO, read-only, permission
    │   └── DiskFull                        no space, no inodes, quota
    ├── JobError                            the job directory
    │   ├── JobRunning                      another job holds the store
    │   ├── JobInterrupted                  a dead job must be recovered first
    │   ├── JobNotFound                     no job of that id
    │   ├── ForeignState                    state that is not this account's, or open to others
    │   └── NothingToUndo                   no finished rollback keeps an undo
    ├── RepositoryError                     copies elsewhere: faults found by restic or by us
    │   ├── RepositoryMissing                   no repository at that place
    │   ├── RepositoryUnreachable               no answer in time, or none at all
    │   ├── RepositoryLocked                    somebody else works on it
    │   ├── RepositoryKeyRefused                the password does not open it
    │   ├── ResticMissing                       no restic here, or one that is too old
    │   └── SetNotFound                         no such set, or not all of it
    ├── PlanChanged                         the store or the archive changed since the confirmation
    ├── Cancelled                     130   a person asked to stop
    └── StoreLeftClosed                20   neither way could be completed; the store stays closed
"""

from __future__ import annotations

from typing import ClassVar, Final

MALFORMED: Final = (
    ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError,
)  # fmt: skip
"""Exceptions from taking apart JSON of foreign writers: other types, unbounded numbers
(`Infinity`), unbounded nesting."""


class MagerewindError(Exception):
    """An expected failure: one line for a person, a hint where one helps, an exit code."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def reason_of(error: Exception) -> str:
    """Return the text of an error, without the words that its class adds."""
    return error.message if isinstance(error, MagerewindError) else str(error)


class UsageError(MagerewindError):
    """The command line is invalid."""

    exit_code = 2


class StoreError(MagerewindError):
    """Something about the store itself."""


class StoreNotFound(StoreError):
    """No Magento root was found; the message names the searched files and places."""


class DirectoryGone(StoreNotFound):
    """The working directory was removed, and a path is relative to it."""

    def __init__(self) -> None:
        super().__init__(
            "The working directory does not exist any more.",
            hint="Change into the store again, or name its root with --root DIR, and other"
            " paths from / on.",
        )


class StoreUnreadable(StoreError):
    """A root was found, but a needed part of it cannot be read or written."""


class NotInstalled(StoreError):
    """The deployment configuration has no install/date."""


class ConfigurationError(StoreError):
    """The deployment configuration is missing, broken, or holds code instead of data."""


class InvalidConfig(MagerewindError):
    """A file of magerewind's configuration is wrong, or may be written by others."""


class SecretUnreadable(MagerewindError):
    """A password or key that the configuration names cannot be read, or is open to others."""


class HookFailed(MagerewindError):
    """A program that the configuration runs before a job failed; nothing of the store changed."""

    exit_code = 3


class NotTold(MagerewindError):
    """A receiver of the configuration could not be told of a job; that is only ever a warning."""


class AccountRefused(MagerewindError):
    """Root cannot become the account whose store this is, or it cannot be told which that is."""


class PreflightRefused(MagerewindError):
    """A check made before the start found a reason not to start."""


class BackupError(MagerewindError):
    """Something about the files in var/backups."""


class InvalidBackupName(BackupError):
    """Not the name of a backup of the wanted kind."""


class BackupNotFound(BackupError):
    """No such file in var/backups. `name` is that of the backup, where it is one."""

    name: str = ""


class BackupNeeded(BackupError):
    """A backup that an undo needs is not to be deleted."""


class DamagedBackup(BackupError):
    """A backup that is cut, corrupt, or unlike its manifest."""


class HostileArchive(DamagedBackup):
    """A backup refused for its content, such as a member that would be written elsewhere."""


class PackedOtherwise(DamagedBackup):
    """A backup in a form that is not read here, such as bzip2 or UTF-16; it may be whole."""


class DatabaseError(MagerewindError):
    """An answer of the database server; `errno` is its number where there was one."""

    def __init__(self, message: str, *, hint: str | None = None, errno: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.errno = errno


class ConnectionFailed(DatabaseError):
    """No server, no login, or no such schema."""


class ConnectionLost(DatabaseError):
    """The connection went away in the middle of the work."""


class RightsMissing(DatabaseError):
    """The account lacks a right that is needed."""


class StatementRefused(DatabaseError):
    """A dump holds a statement that is never run; the message has its line."""


class DumpFailed(DatabaseError):
    """No consistent and complete dump could be made."""


class LoadFailed(DatabaseError):
    """A dump could not be loaded beside the live tables."""


class SwapBlocked(DatabaseError):
    """Other connections held the tables through all tries; the message names them."""


class StorageError(MagerewindError):
    """The disk refused: an input/output error, a read-only mount, a missing permission."""


class DiskFull(StorageError):
    """No space, no inodes, or a quota reached."""


class JobError(MagerewindError):
    """Something about the directory of jobs."""


class JobRunning(JobError):
    """Another job holds the store, or its schema."""


class JobInterrupted(JobError):
    """A job died half way and must be recovered first."""


class JobNotFound(JobError):
    """No job of that id."""


class ForeignState(JobError):
    """State that another account made, or could have changed: it is not believed."""

    def __init__(self, message: str, *, hint: str | None = None, reason: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason  # such as `is a link`; its name goes before


class NothingToUndo(JobError):
    """No finished rollback keeps an undo."""


class RepositoryError(MagerewindError):
    """Something about copies that are kept elsewhere."""


class RepositoryMissing(RepositoryError):
    """There is no repository at the place that is configured."""


class RepositoryUnreachable(RepositoryError):
    """The place of a repository gave no answer in time."""


class RepositoryLocked(RepositoryError):
    """Somebody else works on the repository."""


class RepositoryKeyRefused(RepositoryError):
    """The password does not open the repository."""


class SetDamaged(RepositoryError):
    """The manifest of a set in a repository is not what one of ours is."""


class ResticMissing(RepositoryError):
    """There is no restic, or one too old for the request."""


class SetNotFound(RepositoryError):
    """A repository has no such set, or not all of it."""


class PlanChanged(MagerewindError):
    """The store, the archive or the request changed since the person confirmed the plan."""


class Cancelled(MagerewindError):
    """A person asked the job to stop, and it did."""

    exit_code = 130


class StoreLeftClosed(MagerewindError):
    """Neither going on nor going back could be completed; maintenance mode stays on."""

    exit_code = 20
