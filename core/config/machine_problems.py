"""Problems of this machine for config:check: secrets the owner cannot read, missing programs.

No program is run. As root, the store owner's right to read a file is derived from its mode.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress

from msgspec.structs import fields

from core.account.ids import ids_of
from core.account.walk import open_to_all
from core.config.fields import Hooks, OperationHooks
from core.config.job_settings import secrets_of
from core.config.load import Config, Effective
from core.config.secrets import SecretSource, check_secret, secret_of
from core.errors import SecretUnreadable
from core.owned_files import account_name


def problems_on_disk(config: Config, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each secret and each program that a store could not use."""
    seen: set[str] = set()
    for name, table in config.stores.items():
        effective = config.effective(name, {})
        lines = (
            *_of_secrets(effective, str(table["root"]), environ),
            *_of_hooks(effective.settings.hooks, f"stores.{name}.hooks"),
        )
        for line in lines:
            if line not in seen:
                seen.add(line)
                yield line


def _of_secrets(effective: Effective, root: str, environ: Mapping[str, str]) -> Iterator[str]:
    for secret in _secrets(effective):
        if secret.file is None:  # a program is not run, and only a unit has credentials
            continue
        try:
            check_secret(secret, environ)
        except SecretUnreadable as error:
            yield error.message
            continue
        with suppress(OSError):
            owner = os.stat(root).st_uid
            if os.geteuid() == 0 and owner != 0 and not _may_read(secret.file, owner):
                yield (
                    f"{secret.what}: {account_name(owner)}, whose store it is for, cannot read "
                    f"{secret.file}. Secrets are read by the account that works."
                )


def _secrets(effective: Effective) -> Iterator[SecretSource]:
    for name in effective.settings.notify:
        for _, secret in secrets_of(name, effective.receivers[name]):
            yield secret
    for name in effective.settings.repositories:
        what = f"the password of repositories.{name}"
        password = secret_of(effective.repositories[name], "password", what)
        if password is not None:
            yield password


def _may_read(path: str, uid: int) -> bool:
    status = os.stat(path)
    mode = status.st_mode
    if status.st_uid == uid:
        return bool(mode & stat.S_IRUSR)
    in_group = status.st_gid in ids_of(uid, status.st_gid).groups
    return bool(mode & (stat.S_IRGRP if in_group else stat.S_IROTH))


def _of_hooks(hooks: Hooks, where: str) -> Iterator[str]:
    own: list[tuple[str, OperationHooks]] = [(where, hooks)]
    for field in fields(Hooks):
        inner = getattr(hooks, field.name)
        if isinstance(inner, OperationHooks):
            own.append((f"{where}.{field.encode_name}", inner))
    for place, one in own:
        for moment in ("before", "on_success", "on_failure", "after"):
            for command in getattr(one, moment):
                problem = _of_program(command[0])
                if problem:
                    yield f"{place}.{moment}: {problem}"


def _of_program(program: str) -> str:
    if not program.startswith("/"):
        return ""
    try:
        reason = open_to_all(program)
    except (FileNotFoundError, NotADirectoryError):
        return f"there is no program {program}"
    except OSError:  # this account may not go there, and the one that works may
        return ""
    return "" if reason is None else f"{program} is not run: {reason}"
