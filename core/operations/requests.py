"""Requests: plain values, valid once built, kept in the job's directory.

A request is written to `request.json` by the client and read by the runner. It never holds a
password.
"""

from __future__ import annotations

import json
from typing import Any, Final

from msgspec import Struct, structs

from core.backups.names import Naming
from core.backups.retention import RetentionPolicy
from core.compression import LEVELS, OF_DUMPS, Compression
from core.errors import ConfigurationError, UsageError
from core.events import Kind, Operation, decode_text, encode_text
from core.field_types import field_types
from core.repository.settings import Repository


class BackupRequest(Struct, frozen=True, kw_only=True):
    """Back up the chosen kinds."""

    kinds: tuple[Kind, ...]
    verify: bool = True
    keep_open: bool = False
    exclude: tuple[str, ...] = ()  # whole-path patterns and @groups, besides Magento's
    strip: tuple[str, ...] = ()  # table groups (@log) and names: structure without rows
    level: int | None = None  # gzip level of archives; None: the measured default
    compress: Compression = Compression.NONE  # of the dump: none, gzip, zstd
    compress_level: int | None = None  # of the dump; None: the measured default
    note: str = ""
    naming: Naming = Naming.DOCUMENTED
    keep_rules: tuple[str, ...] = ()  # of retention, as `daily=7`
    prune: bool = False  # by these rules, afterwards
    prune_first: bool = False  # and before, where the backups would not fit
    strict: bool = False
    repositories: tuple[Repository, ...] = ()  # where the set is sent
    local: bool = True  # False: to one repository alone
    store: str = ""  # the store's name in the configuration

    def __post_init__(self) -> None:
        if not self.kinds:
            raise UsageError("Not enough information provided to take backup.")
        _check_compression(self)
        if (self.prune or self.prune_first) and not self.policy:
            raise UsageError(
                "Old backups are to be deleted, and nothing says what is to be kept.",
                hint="Give a rule (--keep-last, --keep-daily, --keep-within and the like), or set "
                "`keep` in the configuration.",
            )
        if not self.local and len(self.repositories) != 1:
            raise UsageError(
                "Without var/backups a backup goes to one repository.",
                hint="--to NAME,local: to var/backups first, then to all that are named.",
            )
        structs.force_setattr(self, "kinds", tuple(kind for kind in Kind if kind in self.kinds))

    @property
    def policy(self) -> RetentionPolicy:
        """The rules of retention. Raises ValueError for rules that are none."""
        return RetentionPolicy.from_words(self.keep_rules)

    @property
    def operation(self) -> Operation:
        """The operation of a job with this request."""
        return Operation.BACKUP


def _check_compression(request: BackupRequest) -> None:
    """Raise UsageError for a compression of dumps that cannot be had."""
    compress, level = request.compress, request.compress_level
    if compress not in OF_DUMPS:
        raise UsageError(f"A dump is compressed by {', '.join(OF_DUMPS)}; not by {compress}.")
    if compress is not Compression.NONE and request.naming is Naming.MAGENTO:
        raise UsageError(
            "--names=magento writes what Magento's own commands take, and they take no compressed"
            " dump.",
            hint="Leave out --names=magento or --compress.",
        )
    if level is None:
        return
    levels = LEVELS.get(compress)
    if levels is None:
        raise UsageError("A compression level needs --compress gzip or --compress zstd.")
    if level not in levels:
        raise UsageError(f"A level of {compress} is a number from {levels[0]} to {levels[-1]}.")


class RollbackRequest(Struct, frozen=True, kw_only=True):
    """Roll back to the named backups; names are base names in var/backups.

    From a repository the names are those that `repo:fetch` would give to the parts of a set.
    """

    code_file: str | None = None
    media_file: str | None = None
    db_file: str | None = None
    keep_env: bool = False
    replace_env: bool = False  # also by that of another store
    from_elsewhere: bool = False  # a backup of another store is meant
    flush: bool = True
    partial: bool = False  # replace only the parts in the backups, although they are not whole
    map_collations: bool = False
    from_schema: str | None = None  # a name in the dump that means the store's schema
    keep_stripped: bool = False  # tables without rows in the dump keep the present ones
    whole: bool = False  # load and swap all tables, also those that are as in the dump
    load_open: bool = False  # load beside while the store is open
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()  # of code and media, only the paths these patterns match
    only_table: tuple[str, ...] = ()  # of the database, nothing but these tables and @groups
    exclude_table: tuple[str, ...] = ()  # of the database, these tables and @groups stay as now
    with_related: bool = False  # and the tables that foreign keys tie to them
    strict: bool = False
    confirmed_plan: str | None = None  # RollbackPlan.fingerprint that the person saw
    repository: Repository | None = None  # where the backups are; None: in var/backups
    store: str = ""  # the store's name in the repository

    def __post_init__(self) -> None:
        if not self.kinds:
            raise UsageError("Not enough information provided to roll back.")
        if self.only and set(self.kinds) == {Kind.DB}:
            raise UsageError("--only chooses files, so it needs --code-file or --media-file.")
        if self.only_table and self.db_file is None:
            raise UsageError("--only-table chooses tables, so it needs --db-file.")
        if self.exclude_table and self.db_file is None:
            raise UsageError("--exclude-table leaves tables alone, so it needs --db-file.")
        if self.with_related and not self.only_table:
            raise UsageError("--with-related takes tables in besides those of --only-table.")

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds with a file, in the order of work."""
        return tuple(kind for kind in Kind if self.file_of(kind) is not None)

    @property
    def others_stay(self) -> bool:
        """Whether tables that are not loaded stay as they are."""
        return self.partial or bool(self.only_table)

    def only_of(self, kind: Kind) -> tuple[str, ...]:
        """Return the chosen paths or tables of a kind; none: all of it."""
        return self.only_table if kind is Kind.DB else self.only

    def file_of(self, kind: Kind) -> str | None:
        """Return the file to roll this kind back to."""
        match kind:
            case Kind.CODE:
                return self.code_file
            case Kind.MEDIA:
                return self.media_file
            case Kind.DB:
                return self.db_file

    @property
    def operation(self) -> Operation:
        """The operation of a job with this request."""
        return Operation.ROLLBACK


class UndoRequest(Struct, frozen=True, kw_only=True):
    """Put the store back as it was before the rollback of job `job_id`."""

    job_id: str
    flush: bool = True
    partial: bool = False  # leave the tables that stayed in the rollback as they are now
    strict: bool = False
    confirmed_plan: str | None = None

    @property
    def operation(self) -> Operation:
        """The operation of a job with this request."""
        return Operation.UNDO


class DiscardRequest(Struct, frozen=True, kw_only=True):
    """Give up the undo of job `job_id` and free its space.

    With `orphans`, the leftovers of forgotten jobs are removed instead.
    """

    job_id: str = ""
    orphans: bool = False
    strict: bool = False

    @property
    def operation(self) -> Operation:
        """The operation of a job with this request."""
        return Operation.DISCARD


class RepairRequest(Struct, frozen=True, kw_only=True):
    """Bring the store to a whole state after job `job_id`, whose memory is gone."""

    job_id: str
    strict: bool = False

    @property
    def operation(self) -> Operation:
        """The operation of a job with this request."""
        return Operation.REPAIR


class DrillRequest(Struct, frozen=True, kw_only=True):
    """Try whether the named backups can be restored; `seed` chooses the sample of files."""

    names: tuple[str, ...]
    seed: int = 0
    strict: bool = False

    def __post_init__(self) -> None:
        if not self.names:
            raise UsageError("No backup is named.")

    @property
    def operation(self) -> Operation:
        """The operation of a job with this request."""
        return Operation.DRILL


Request = (
    BackupRequest | RollbackRequest | UndoRequest | DiscardRequest | RepairRequest | DrillRequest
)

_TYPES: Final[dict[str, type[Request]]] = {
    Operation.BACKUP: BackupRequest,
    Operation.ROLLBACK: RollbackRequest,
    Operation.UNDO: UndoRequest,
    Operation.DISCARD: DiscardRequest,
    Operation.REPAIR: RepairRequest,
    Operation.DRILL: DrillRequest,
}


_NAMED_TYPES: Final = {
    "Repository": Repository,
    "bool": bool,
    "int": int,
    "str": str,
    "None": type(None),
    "Naming": Naming,
    "Compression": Compression,
}


def _encode(value: object) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, Repository):
        return {name: _encode(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def to_json(request: Request) -> bytes:
    """Return the request as JSON."""
    row: dict[str, Any] = {"operation": request.operation.value}
    for name in request.__struct_fields__:
        row[name] = _encode(getattr(request, name))
    return json.dumps(row, indent=1).encode()


def from_json(content: bytes) -> Request:
    """Return the request that `to_json` wrote. Raises ValueError, KeyError for anything else."""
    row = json.loads(content)
    if not isinstance(row, dict):
        raise ValueError("no request")  # noqa: TRY004 - as anything else that is none
    cls = _TYPES[row.pop("operation")]
    values: dict[str, Any] = {}
    for name in row.keys() & cls.__struct_fields__:
        value = row[name]
        if name == "repositories":
            values[name] = tuple(_repository(one) for one in value)
        elif isinstance(value, list):
            texts = tuple(decode_text(item) for item in value)
            values[name] = tuple(Kind(text) for text in texts) if name == "kinds" else texts
        elif name == "repository":
            values[name] = _repository(value)
        elif name == "naming":
            values[name] = Naming(value)
        elif name == "compress":
            values[name] = Compression(value)
        elif isinstance(value, str | dict):
            values[name] = decode_text(value)
        else:
            values[name] = value
    request = cls(**values)
    _check_types(request)
    return request


def _repository(row: Any) -> Repository | None:  # noqa: ANN401 - a JSON value
    """Return a repository as it was written. Raises ValueError."""
    if row is None:
        return None
    values = {name: decode_text(value) for name, value in row.items() if isinstance(value, str)}
    try:
        return Repository(
            **values,
            limit_upload=row["limit_upload"],
            append_only=row["append_only"],
            options=tuple(decode_text(one) for one in row["options"]),
            given=bool(row.get("given")),
        )
    except (TypeError, ConfigurationError) as error:
        raise ValueError(str(error)) from error


def _check_types(request: Request) -> None:
    """Raise ValueError for a field that is not of its type."""
    for name, words in field_types(type(request)).items():
        value = getattr(request, name)
        if words.startswith("tuple"):
            item_type = Repository if "Repository" in words else str
            fits = isinstance(value, tuple) and all(isinstance(one, item_type) for one in value)
        else:
            fits = any(type(value) is _NAMED_TYPES[word] for word in words.split(" | "))
        if not fits:
            raise ValueError(f"{name} is no {words}")
