"""The deployment configuration: app/etc/env.php over app/etc/config.php, and the environment.

Owns reading and merging, as Magento's App/DeploymentConfig.php does it. The meaning of a database
entry is in `connections`; `php.read_array` and `php.ask_php` turn a PHP file into values. Values
hold passwords: no message and no repr of this module has one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from core.errors import ConfigurationError
from core.magento.connections import connections_of, wrong_field
from core.magento.merging import PREFIX, Level, merge, switch
from core.magento.php.ask_php import ask_php
from core.magento.php.read_array import parse_array
from core.magento.php.syntax import NotData, NotPhp, Unparsed, variables_of
from core.magento.php.values import Array
from core.magento.settings import DatabaseConnection
from core.magento.store import Store, shown
from core.magento.trusted_paths import (
    UntrustedPath,
    opened,
    read_bounded,
    real_path,
    trusted_accounts,
)

Setting: TypeAlias = "bool | int | float | str | Settings | None"

_SIZE_LIMIT: Final = 8 << 20
_ADDRESS: Final = ("host", "dbname", "username")
_SHOWN: Final = 5
# Values that a rollback of env.php changes for good: the places of rows, keys and sessions.
_COMPARED: Final = ("db", "crypt", "cache", "session", "queue")


class Settings(Mapping[int | str, Setting]):
    """A level of the configuration. Read-only, and its repr tells nothing of its values."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[int | str, Setting]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: int | str) -> Setting:
        return self._items[key]

    def __iter__(self) -> Iterator[int | str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Settings({len(self._items)} keys)"


class DeploymentConfiguration:
    """The merged values of one store. Text holds bytes that are not UTF-8 as surrogate escapes.

    `fingerprint` is the sha256 of env.php's bytes; `problems` are complaints about config.php,
    which no connection needs; `from_environment` names the key paths that the environment set,
    `unset` the environment variables that the files ask for and this process has not.
    """

    __slots__ = (
        "_environ", "fingerprint", "from_environment", "path", "problems", "unset", "values",
    )  # fmt: skip

    def __init__(
        self,
        values: Settings,
        *,
        path: str,
        fingerprint: str,
        environ: Mapping[str, str],
        problems: tuple[str, ...] = (),
        from_environment: tuple[str, ...] = (),
        unset: tuple[str, ...] = (),
    ) -> None:
        self.values = values
        self.path = path
        self.fingerprint = fingerprint
        self.problems = problems
        self.from_environment = from_environment
        self.unset = unset
        self._environ = environ

    def __repr__(self) -> str:
        return f"DeploymentConfiguration({self.path!r}, sha256 {self.fingerprint[:12]})"

    def get(self, key_path: str, default: Setting = None) -> Setting:
        """Return the value at a path such as `db/connection/default/host`.

        Where there is none, `MAGENTO_DC_` with the path in capitals is looked up, as Magento
        does since 2.4.8: it is how a variable reaches a key that is not in small letters.
        """
        level: Setting = self.values
        for key in key_path.split("/"):
            found = _at(level, key)
            if found is None:
                variable = PREFIX + key_path.upper().replace("/", "__")
                value = self._environ.get(variable)
                return default if value is None else switch(value)
            level = found
        return level

    @property
    def installed(self) -> bool:
        """Whether Magento takes the store for installed."""
        return self.get("install/date") is not None

    @property
    def mode(self) -> str | None:
        """Return `developer`, `production`, …; None where nothing sets it (Magento's default)."""
        return _text(self.get("MAGE_MODE")) or self._environ.get("MAGE_MODE") or None

    @property
    def table_prefix(self) -> str:
        """The prefix of every table name, often empty."""
        return _text(self.get("db/table_prefix"))

    def connections(self) -> tuple[DatabaseConnection, ...]:
        """Return every entry of `db/connection` that can be told, in its order."""
        entries = self.get("db/connection")
        if not isinstance(entries, Mapping):
            return ()
        known = {name: entry for name, entry in entries.items() if not self._without_value(entry)}
        return connections_of(known, table_prefix=self.table_prefix)

    def _without_value(self, entry: Setting) -> tuple[str, ...]:
        """Return the keys of a connection that have no value since a variable is not set."""
        if not self.unset or not isinstance(entry, Mapping):
            return ()
        missing = [
            key for key in _ADDRESS if key in entry and not _text(entry[key]).partition(":")[0]
        ]
        # An empty password may be meant; false is PHP's value of a variable that is not set.
        return (*missing, *(["password"] if entry.get("password") is False else []))

    def default_connection(self) -> DatabaseConnection:
        """Return the connection that is backed up; ConfigurationError where it says too little."""
        missing = [
            f"db/connection/default/{key}"
            for key in self._without_value(self.get("db/connection/default"))
        ]
        if self.get("db/table_prefix") is False:
            missing.append("db/table_prefix")
        if missing:
            names, are = ", ".join(self.unset[:_SHOWN]), "are" if len(self.unset) > 1 else "is"
            raise ConfigurationError(
                f"{shown(self.path)} takes {', '.join(missing)} from the environment, where"
                f" {names or 'a variable'} {are} not set.",
                hint="Set it for this command to the value that the web server and cron have.",
            )
        entry = self.get("db/connection/default")
        wrong = wrong_field(entry) if isinstance(entry, Mapping) else ""
        if wrong:
            raise ConfigurationError(f"{shown(self.path)}: db/connection/default/{wrong}.")
        for connection in self.connections():
            if connection.name == "default":
                if not connection.schema:
                    raise ConfigurationError(
                        f"{shown(self.path)} has no db/connection/default/dbname."
                    )
                return connection
        raise ConfigurationError(
            f"{shown(self.path)} has no db/connection/default.",
            hint="The store is not installed, or its configuration is kept elsewhere.",
        )


def _at(level: Setting, key: str) -> Setting:
    if not isinstance(level, Mapping):
        return None
    if key in level:
        return level[key]
    return level.get(int(key)) if key.isascii() and key.isdigit() else None


def _text(value: Setting) -> str:
    return "" if value is None or isinstance(value, Mapping | bool) else str(value)


def read_configuration(store: Store, *, environ: Mapping[str, str]) -> DeploymentConfiguration:
    """Return the configuration of a store; raises ConfigurationError with one line."""
    file = _read(store, store.env_php)
    if file is None:
        raise ConfigurationError(
            f"{shown(store.env_php)} is missing.",
            hint="It holds the database connection; the code and media parts work without it.",
        )
    env = _live_values(file, store.env_php, environ)
    shared: Array = {}
    problems: tuple[str, ...] = ()
    try:
        other = _read(store, store.config_php)
        if other is not None:
            shared = _live_values(other, store.config_php, environ)
    except ConfigurationError as error:
        problems = (error.message,)
    return _merged(
        env, shared, file.content, path=store.env_php, environ=environ, problems=problems
    )


class _File(Struct, frozen=True, kw_only=True):
    """A file as it was read, once: nothing of it is looked at by its path again."""

    content: bytes
    real_path: str
    owner_uid: int


def _live_values(file: _File, path: str, environ: Mapping[str, str]) -> Array:
    return _values(
        file.content,
        path=path,
        real_path=file.real_path,
        environ=environ,
        owner_uid=file.owner_uid,
    )


def parse_configuration(
    env_php: bytes,
    config_php: bytes | None,
    *,
    path: str,
    environ: Mapping[str, str],
    owner_uid: int | None = None,
) -> DeploymentConfiguration:
    """Return the configuration in the bytes of its files, such as those of an archive.

    `path` is for messages and `__DIR__`. Where it is more than data, php runs it as
    `owner_uid`; None: never. Raises ConfigurationError.
    """
    env = _values(env_php, path=path, real_path=path, environ=environ, owner_uid=owner_uid)
    shared: Array = {}
    problems: tuple[str, ...] = ()
    if config_php is not None:
        other = os.path.join(os.path.dirname(path), "config.php")
        try:
            shared = _values(
                config_php, path=other, real_path=other, environ=environ, owner_uid=owner_uid
            )
        except ConfigurationError as error:
            problems = (error.message,)
    return _merged(env, shared, env_php, path=path, environ=environ, problems=problems)


_MEND: Final = "Mend it, or put an earlier copy in its place; `php -l` names a mistake in it."


def _read(store: Store, path: str) -> _File | None:
    """Return a file of the configuration, None where there is none.

    Anything but a plain file is refused before it can block; a link is followed to a file of the
    store's owner only. Root reads what root alone may write: on the server's socket, root's account
    is whatever `username` asks for.
    """
    try:
        with opened(path, accounts=trusted_accounts(store.owner_uid)) as fd:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _SIZE_LIMIT:
                raise ConfigurationError(
                    f"{shown(path)} is no plain file of a sane size.", hint=_MEND
                )
            _refuse_lending(path, status)
            content = read_bounded(fd, _SIZE_LIMIT)
            return _File(content=content, real_path=real_path(fd), owner_uid=status.st_uid)
    except FileNotFoundError:
        return None
    except UntrustedPath as error:
        raise ConfigurationError(f"{shown(error.message)}", hint=error.hint) from None
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise ConfigurationError(
                f"{shown(path)} is no plain file of a sane size.", hint=_MEND
            ) from None
        denied = error.errno in (errno.EACCES, errno.EPERM)
        raise ConfigurationError(
            f"{shown(path)} cannot be read: {error.strerror}.",
            hint="Run it as the owner of the store's files." if denied else _MEND,
        ) from None


def _refuse_lending(path: str, status: os.stat_result) -> None:
    """Refuse a file of others to root: over a socket the server takes root for its own root."""
    others = status.st_mode & (0o002 if status.st_gid == 0 else 0o022)
    if os.geteuid() == 0 and (status.st_uid != 0 or others):
        raise ConfigurationError(
            f"{shown(path)} may be written by others than root, and root does not obey it.",
            hint="Name the account to work as: --as ACCOUNT",
        )


def _values(
    content: bytes,
    *,
    path: str,
    real_path: str,
    environ: Mapping[str, str],
    owner_uid: int | None,
) -> Array:
    try:
        return parse_array(content, path=real_path, environ=environ)
    except NotData as found:
        reason = found
    complaint = f"{shown(path)}, line {reason.line}: {reason.construct}"
    tail, hint = "", None
    if isinstance(reason, NotPhp | Unparsed):
        hint = None if owner_uid is None else _MEND
    else:
        complaint, tail = f"{complaint} is not data", ", and {}"
        hint = "Replace it by a literal value, or make php available to the file's owner."
    if owner_uid is None or isinstance(reason, NotPhp):
        raise ConfigurationError(f"{complaint}.", hint=hint)
    try:
        return ask_php(real_path, source=content, owner_uid=owner_uid, environ=environ)
    except ConfigurationError as error:
        raise ConfigurationError(f"{complaint}{tail.format(error.message)}.", hint=hint) from None


def _merged(
    env: Array,
    shared: Array,
    content: bytes,
    *,
    path: str,
    environ: Mapping[str, str],
    problems: tuple[str, ...],
) -> DeploymentConfiguration:
    try:
        merged = merge(shared, env, environ=environ)
        values = _frozen(merged.values)
    except RecursionError:
        raise ConfigurationError(f"{shown(path)} has arrays that are nested too deep.") from None
    return DeploymentConfiguration(
        values,
        path=path,
        fingerprint=hashlib.sha256(content).hexdigest(),
        environ=environ,
        problems=problems,
        from_environment=merged.from_environment,
        unset=_unset_variables(content, environ),
    )


def _unset_variables(content: bytes, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the environment variables that a file names and this process has not, sorted."""
    return tuple(sorted(name for name in variables_of(content) if not environ.get(name)))


def _frozen(level: Level) -> Settings:
    return Settings(
        {key: _frozen(value) if isinstance(value, dict) else value for key, value in level.items()}
    )


def differing_keys(one: DeploymentConfiguration, other: DeploymentConfiguration) -> tuple[str, ...]:
    """Return the key paths under db, crypt, cache, session and queue that differ; never a value."""
    first, second = (
        dict(leaf for name in _COMPARED for leaf in _leaves(configuration.values.get(name), name))
        for configuration in (one, other)
    )
    return tuple(
        path
        for path in {**first, **second}
        if _missing_or(first, path) != _missing_or(second, path)
    )


def _missing_or(leaves: Mapping[str, Setting], path: str) -> tuple[type, Setting] | None:
    return (type(leaves[path]), leaves[path]) if path in leaves else None


def _leaves(value: Setting, path: str) -> Iterator[tuple[str, Setting]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}")
    elif value is not None and not isinstance(value, Mapping):
        yield path, value
