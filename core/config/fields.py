"""The fields of a store: `[defaults]`, `[stores.NAME]`, `[repositories.NAME]`.

The description of a field is the documentation, the comment in a generated file, and the text of
the JSON schema. A default of this module holds where no file, variable or option sets a value.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from core.backups.names import Naming
from core.config.types import (
    Command,
    Count,
    Names,
    Path,
    Patterns,
    Span,
    Text,
    Time,
)
from core.events import Kind


class ConfigTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration: an unknown key is an error."""


class Keep(ConfigTable, frozen=True, kw_only=True):
    """Which backup sets a pruning keeps, of each kind; 0, or an empty span, asks for none."""

    last: Annotated[Count, Meta(description="the newest so many sets")] = 0
    daily: Annotated[Count, Meta(description="the newest set of each of so many days")] = 0
    weekly: Annotated[Count, Meta(description="the newest set of each of so many weeks")] = 0
    monthly: Annotated[Count, Meta(description="the newest set of each of so many months")] = 0
    yearly: Annotated[Count, Meta(description="the newest set of each of so many years")] = 0
    within: Annotated[
        Span,
        Meta(
            description="all sets made within this span before the newest one: h, d, w, m, y",
            examples=["30d"],
        ),
    ] = ""


class ScheduleFields(ConfigTable, frozen=True, kw_only=True):
    """The times of scheduled backups, and the age at which one is overdue."""

    on_calendar: Annotated[
        Text,
        Meta(description="a calendar event of systemd", examples=["daily", "*-*-* 02:30:00"]),
    ] = "daily"
    randomized_delay: Annotated[
        Time, Meta(description="up to so much later, by chance: s, min, h, d")
    ] = "15min"
    overdue_after: Annotated[
        Time, Meta(description="a backup older than this is overdue; empty: never")
    ] = "26h"


class RollbackOptions(ConfigTable, frozen=True, kw_only=True):
    """Defaults of the options of setup:rollback and job:undo."""

    keep_env: Annotated[bool, Meta(description="keep the present app/etc/env.php")] = False
    flush: Annotated[bool, Meta(description="run cache:flush at the end")] = True
    keep_stripped: Annotated[
        bool, Meta(description="tables without rows in the dump keep the present rows")
    ] = False
    exclude: Annotated[
        Patterns, Meta(description="paths that stay as they are, as for setup:rollback --exclude")
    ] = ()


HookList = Annotated[tuple[Command, ...], Meta(max_length=32)]
_HOOK = "a list of commands, each a list of its arguments; one command may stand alone; no shell"


class OperationHooks(ConfigTable, frozen=True, kw_only=True):
    """Programs that are run around a job, as the owner of the store, one after the other."""

    before: Annotated[
        HookList,
        Meta(
            description="before anything is checked or closed; a failure stops the job: " + _HOOK,
            examples=[[["/usr/local/bin/consumers", "stop"]]],
        ),
    ] = ()
    on_success: Annotated[HookList, Meta(description="after a job that is complete")] = ()
    on_failure: Annotated[
        HookList, Meta(description="after a job that failed, was cancelled or was reverted")
    ] = ()
    after: Annotated[
        HookList,
        Meta(
            description="after every job whose `before` was begun, last of all; not while the "
            "store is left closed: then the recovery runs it"
        ),
    ] = ()
    timeout: Annotated[
        Annotated[int, Meta(ge=1, le=3600)],
        Meta(
            description="seconds after which one of these programs, and all it started, is killed"
        ),
    ] = 60


class Hooks(OperationHooks, frozen=True, kw_only=True):
    """Hooks of every operation; those of one operation, where set, replace the general ones."""

    backup: Annotated[OperationHooks | None, Meta(description="of setup:backup")] = None
    rollback: Annotated[OperationHooks | None, Meta(description="of setup:rollback")] = None
    undo: Annotated[OperationHooks | None, Meta(description="of job:undo")] = None
    discard: Annotated[OperationHooks | None, Meta(description="of job:discard")] = None


class StoreFields(ConfigTable, frozen=True, kw_only=True):
    """The settings of every store (`[defaults]`) or of one store (`[stores.NAME]`)."""

    kinds: Annotated[
        tuple[Kind, ...],
        Meta(description="what setup:backup takes where no --code, --media or --db is given"),
    ] = ()
    exclude: Annotated[
        Patterns, Meta(description="paths to leave out of a backup, as for --exclude")
    ] = ()
    strip: Annotated[
        Patterns, Meta(description="tables, or groups, whose rows are left out, as for --strip")
    ] = ()
    names: Annotated[Naming, Meta(description="how a code backup is named")] = Naming.DOCUMENTED
    compress: Annotated[
        Literal["none", "gzip", "zstd"], Meta(description="how a dump is compressed")
    ] = "none"
    compress_level: Annotated[
        Annotated[int, Meta(ge=0, le=19)] | None,
        Meta(
            description="compression level of a dump, 0 to 9 for gzip, 1 to 19 for zstd; "
            "unset: the measured default"
        ),
    ] = None
    level: Annotated[
        Annotated[int, Meta(ge=0, le=9)] | None,
        Meta(description="compression level of the archives, 0 to 9; unset: the measured default"),
    ] = None
    verify: Annotated[bool, Meta(description="read a backup again after it was written")] = True
    keep_open: Annotated[bool, Meta(description="do not turn maintenance mode on")] = False
    strict: Annotated[
        bool, Meta(description="exit code 1 also where a job is complete with warnings")
    ] = False
    note: Annotated[Text, Meta(description="a word about each backup, for the list")] = ""
    keep: Annotated[Keep, Meta(description="what a pruning keeps")] = field(default_factory=Keep)
    prune: Annotated[
        bool, Meta(description="after each backup, delete the sets that `keep` does not keep")
    ] = False
    schedule: Annotated[ScheduleFields, Meta(description="for schedule:install")] = field(
        default_factory=ScheduleFields
    )
    rollback: Annotated[RollbackOptions, Meta(description="for setup:rollback and job:undo")] = (
        field(default_factory=RollbackOptions)
    )
    hooks: Annotated[Hooks, Meta(description="programs to run around jobs")] = field(
        default_factory=Hooks
    )
    notify: Annotated[
        Names, Meta(description="who is told of a job: names of [notify.NAME]", examples=[["ops"]])
    ] = ()
    metrics_file: Annotated[
        Path | None,
        Meta(
            description="a file for the textfile collector of Prometheus' node_exporter; {store} "
            "in it is the store's name",
            examples=["/var/lib/prometheus/node-exporter/magerewind_{store}.prom"],
        ),
    ] = None
    repositories: Annotated[
        Names, Meta(description="where copies go: names of [repositories.NAME]")
    ] = ()
    copy_after: Annotated[
        bool, Meta(description="copy a backup to its repositories after the store is open again")
    ] = True


class StoreSettings(StoreFields, frozen=True, kw_only=True):
    """A store by its name; unset fields are taken from `[defaults]`."""

    root: Annotated[Path, Meta(description="the root of the store", examples=["/srv/shop"])]
    account: Annotated[
        Text,
        Meta(description="as root: work as this account, as --as (default: the store's owner)"),
    ] = field(default="", name="as")


class RepositoryFields(ConfigTable, frozen=True, kw_only=True):
    """A restic repository for copies that outlive the machine."""

    url: Annotated[
        Text,
        Meta(
            description="where it is, in restic's words",
            examples=["sftp:backup@host:/srv/shop", "s3:https://s3.example.com/bucket"],
        ),
    ]
    password_file: Annotated[
        Path | None, Meta(description="a file that holds the password, readable by the owner")
    ] = None
    password_command: Annotated[
        Command | None, Meta(description="a program that prints the password, as arguments")
    ] = None
    password_credential: Annotated[
        Text | None, Meta(description="the name of a systemd credential that is the password")
    ] = None
    env_file: Annotated[
        Path | None,
        Meta(description="a file of NAME=value lines for restic, such as keys of S3"),
    ] = None
    limit_upload: Annotated[
        Annotated[int, Meta(ge=0)],
        Meta(description="the most KiB a second that are sent; 0: no limit"),
    ] = 0
    options: Annotated[
        Patterns,
        Meta(
            description="restic's extended options, as for its -o; no secrets",
            examples=[["sftp.args=-p 2222"]],
        ),
    ] = ()
    append_only: Annotated[
        bool, Meta(description="nothing may be removed there: forget and prune are refused")
    ] = False
