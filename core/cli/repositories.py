"""The repositories of the configuration as the commands use them."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from core.backups.names import new_name
from core.cli.parser import CommandLine
from core.cli.repository_options import ALONE, LOCAL
from core.errors import ConfigurationError, UsageError
from core.events import Kind
from core.magento.store import Store
from core.repository.sets import choose_set
from core.repository.settings import Repository

if TYPE_CHECKING:
    from core.config.fields import RepositoryFields
    from core.config.load import Effective

_TIME: Final = re.compile(r"[0-9]{1,12}")


def named_repository(effective: Effective, name: str, environ: Mapping[str, str]) -> Repository:
    """Return a repository by its name. Raises UsageError, ConfigurationError."""
    known = effective.repositories
    if name not in known:
        close = difflib.get_close_matches(name, list(known), n=1)
        names = ", ".join(known) or "none"
        raise UsageError(
            f"There is no repository '{name}' in the configuration.",
            hint=f"Did you mean {close[0]}?" if close else f"Repositories: {names}.",
        )
    return _opened(name, known[name], environ)


def chosen_repository(
    effective: Effective, name: str | None, environ: Mapping[str, str]
) -> Repository:
    """Return the named repository, or the only one that the store uses. Raises UsageError."""
    if name is not None:
        return named_repository(effective, name, environ)
    names = effective.settings.repositories or tuple(effective.repositories)
    if len(names) != 1:
        said = ", ".join(names) or "none in the configuration"
        raise UsageError(
            "Which repository is meant?" if names else "No repository is configured.",
            hint=f"Repositories: {said}." if names else "docs/offsite.md says how to set one up.",
        )
    return named_repository(effective, names[0], environ)


def destination(
    line: CommandLine, effective: Effective, environ: Mapping[str, str]
) -> tuple[tuple[Repository, ...], bool]:
    """Return the repositories that a backup goes to, and whether it goes to var/backups too.

    Without --to: to var/backups, and to the repositories of the store unless `copy_after` is off.
    """
    settings = effective.settings
    names = list(line.destinations)
    if not names:
        names = [LOCAL, *(settings.repositories if settings.copy_after else ())]
    local = LOCAL in names or line.copy_after
    wanted = [name for name in dict.fromkeys(names) if name != LOCAL]
    return tuple(named_repository(effective, name, environ) for name in wanted), local


class Wanted(Struct, frozen=True, kw_only=True):
    """The backups that a rollback is about: files by kind, in var/backups or in a repository."""

    files: Mapping[Kind, str]
    repository: Repository | None = None
    store: str = ""


def _named(line: CommandLine) -> dict[Kind, str]:
    named = {Kind.CODE: line.code_file, Kind.MEDIA: line.media_file, Kind.DB: line.db_file}
    return {kind: name for kind, name in named.items() if name is not None}


def refuse_mixed(line: CommandLine) -> None:
    """Raise UsageError for names of files with a set, or options for names that have none."""
    named = _named(line)
    if line.backup_set is None:
        if line.from_repository is not None:
            raise UsageError("--from names a repository, and --set the set in it that is meant.")
        return
    for kind, name in named.items():
        if name != ALONE:
            raise UsageError(
                f"--set chooses a set, and --{kind}-file {name} a file in var/backups.",
                hint="With --set, -c, -m and -d stand alone and choose kinds.",
            )
    if line.backup_set != "latest" and not _TIME.fullmatch(line.backup_set):
        raise UsageError(
            f"{line.backup_set!r} is no set.", hint="latest, or the number that begins its names."
        )


def wanted_of(
    line: CommandLine, store: Store, effective: Effective, environ: Mapping[str, str]
) -> Wanted:
    """Return the backups that a rollback is about; a set is looked up where it is.

    Raises UsageError, RepositoryError, SetNotFound.
    """
    named = _named(line)
    if line.backup_set is None:
        return Wanted(files=named)
    from core.operations.remote import look_at, open_restic, store_name  # noqa: PLC0415

    repository = chosen_repository(effective, line.from_repository, environ)
    name = line.store_in_repository or store_name(store, effective.label)
    restic = open_restic(store, repository, environ=environ)
    holdings = look_at(store, restic, name=name, now_s=time.time())
    chosen = choose_set(
        holdings, line.backup_set, repository=repository.name, kinds=named, torn=True
    )
    kinds = tuple(named) or tuple(chosen.parts)
    files = {kind: new_name(chosen.timestamp, kind) for kind in Kind if kind in kinds}
    return Wanted(files=files, repository=repository, store=name)


def _opened(name: str, table: RepositoryFields, environ: Mapping[str, str]) -> Repository:
    file = table.password_file
    if table.password_credential:
        directory = environ.get("CREDENTIALS_DIRECTORY", "")
        if not directory.startswith("/"):
            raise ConfigurationError(
                f"The password of [repositories.{name}] is the credential "
                f"{table.password_credential}, and systemd gave none to this process."
            )
        file = os.path.join(directory, table.password_credential)
    command = table.password_command
    return Repository(
        name=name,
        url=table.url,
        password_file=file,
        password_command=None if command is None else shlex.join(command),
        env_file=table.env_file,
        limit_upload=table.limit_upload or None,
        append_only=table.append_only,
        options=tuple(table.options),
    )
