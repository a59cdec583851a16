"""The repositories of the configuration as the commands use them."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.cli.parser import CommandLine
from core.cli.repository_options import LOCAL
from core.errors import ConfigurationError, UsageError
from core.repository.settings import Repository

if TYPE_CHECKING:
    from core.config.fields import Repository as Configured
    from core.config.load import Effective


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


def _opened(name: str, table: Configured, environ: Mapping[str, str]) -> Repository:
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
