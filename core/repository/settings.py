"""A configured repository: its address and the sources of its secrets, never the secrets.

It owns the conditions on files of secrets, and the environment that restic alone gets.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from core.account.environment import for_program
from core.account.ids import ids_of
from core.errors import ConfigurationError
from core.owned_files import read_plain_file

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEPT_FROM: Final = ("RESTIC_REPOSITORY", "RESTIC_PASSWORD", "RESTIC_CACHE_DIR", "LD_", "PYTHON")
_OURS: Final = frozenset({"PATH", "HOME", "IFS", "BASH_ENV", "ENV"})
_OF_STORE: Final = ("MAGE_", "MAGENTO_DC_")
_LARGEST: Final = 64 << 10
_USERINFO: Final = re.compile(r"(://[^/@\s:]*):[^/@\s]*@")


class Repository(Struct, frozen=True, kw_only=True):
    """One `[repositories.NAME]`. `limit_upload` is in KiB a second, None for no limit.

    `options` are restic's extended ones (`-o`), such as `sftp.command=…`; they hold no secrets.
    `given`: by the words of a command, and not in a configuration.
    """

    name: str
    url: str
    password_file: str | None = None
    password_command: str | None = None
    env_file: str | None = None
    limit_upload: int | None = None
    append_only: bool = False
    options: tuple[str, ...] = ()
    given: bool = False

    def __post_init__(self) -> None:
        where = "the repository" if self.given else f"[repositories.{self.name}]"
        if not _NAME.fullmatch(self.name) or self.name == "local":
            raise ConfigurationError(f"{self.name!r} is no name for a repository.")
        if not self.url or any(ord(letter) < 32 for letter in self.url):
            raise ConfigurationError(f"A url of {where} is needed, as restic takes it.")
        if is_relative(self.url):  # restic works in other directories than its caller
            raise ConfigurationError(
                f"The url of {where}, {self.url}, is a path that does not begin with a slash."
            )
        if _USERINFO.search(self.url):
            raise ConfigurationError(
                f"The url of {where} holds a password.",
                hint="Put RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD into env_file.",
            )
        if bool(self.password_file) == bool(self.password_command):
            raise ConfigurationError(f"A password_file or a password_command of {where} is needed.")

    @property
    def shown_url(self) -> str:
        """The url as it may be shown: without a password in it."""
        return _USERINFO.sub(r"\1:***@", self.url)


def is_relative(url: str) -> bool:
    """Tell whether a url is a path that depends on the working directory."""
    path = url.removeprefix("local:")
    is_path = path != url or ":" not in url or url.startswith(("./", "../"))
    return is_path and not path.startswith("/")


def environment_of(
    repository: Repository, environ: Mapping[str, str], *, cache: str | None
) -> dict[str, str]:
    """Return the whole environment that restic gets. Raises ConfigurationError.

    The url is in it too, since one may hold a password, and everybody sees the words of a command.
    """
    kept = for_program(environ, ids_of(os.geteuid(), os.getegid()))
    for name in list(kept):
        if name.startswith(_OF_STORE):
            del kept[name]
    kept |= variables_of(repository)
    kept["RESTIC_REPOSITORY"] = repository.url
    if repository.password_file:
        _check_secret(repository, "password_file", repository.password_file)
        kept["RESTIC_PASSWORD_FILE"] = os.path.abspath(repository.password_file)
    elif repository.password_command:
        kept["RESTIC_PASSWORD_COMMAND"] = repository.password_command
    if cache is not None:
        kept["RESTIC_CACHE_DIR"] = cache
    kept["RESTIC_PROGRESS_FPS"] = "3"
    # restic's own value, 50, takes a fifteenth more of a processor for a few MB of memory.
    kept.setdefault("GOGC", "100")
    return kept


def _check_secret(repository: Repository, field: str, path: str) -> bytes:
    """Return the content of a file of secrets that only its owner, or a group, may read."""
    of = "" if repository.given else f" of [repositories.{repository.name}]"
    what = f"{field}{of} ({path})"
    try:
        status = os.stat(path)
        content = read_plain_file(path, _LARGEST)
    except OSError as error:
        raise ConfigurationError(f"The {what} cannot be read: {error.strerror}.") from error
    if status.st_mode & stat.S_IROTH:
        raise ConfigurationError(
            f"The {what} can be read by every account.", hint=f"chmod o= {path}"
        )
    if status.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        raise ConfigurationError(
            f"The {what} can be changed by other accounts.", hint=f"chmod go-w {path}"
        )
    if not content.strip():
        raise ConfigurationError(f"The {what} is empty.")
    return content


def variables_of(repository: Repository) -> dict[str, str]:
    """Return the variables of an env_file: a NAME=VALUE on each line, as of systemd."""
    if not repository.env_file:
        return {}
    content = _check_secret(repository, "env_file", repository.env_file)
    found: dict[str, str] = {}
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, sign, value = text.removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        where = f"Line {number} of {repository.env_file}"
        if not sign or not _VARIABLE.fullmatch(name):
            raise ConfigurationError(f"{where} is no NAME=VALUE.")
        if name in _OURS or name.startswith(_KEPT_FROM):
            raise ConfigurationError(f"{where} sets {name}, which is not for this file.")
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name] = value
    return found


def without_secrets(text: str, repository: Repository) -> str:
    """Return a message of restic's without secrets."""
    text = text.replace(repository.url, repository.shown_url)
    text = _USERINFO.sub(r"\1:***@", text)
    try:
        secrets = variables_of(repository).values()
    except ConfigurationError:
        return text
    for value in secrets:
        if len(value) >= 6:
            text = text.replace(value, "***")
    return text
