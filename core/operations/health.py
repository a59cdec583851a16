"""Checks whether a store could serve customers, apart from maintenance mode.

The absence of the flag file says only that the store was not closed. A store whose code,
configuration or database is gone is down as well, and is never called open.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from core.backups.catalog import Backup, Health, list_backups
from core.backups.stripped import tables_without_rows
from core.errors import ConfigurationError, MagerewindError
from core.events import Kind
from core.magento.settings import DatabaseConnection
from core.magento.store import Store
from core.magento.trusted_paths import read_owned, trusted_accounts

_LIMIT: Final = 4096
CONFIG_BROKEN: Final = "config BROKEN"
CONFIG_MISSING: Final = "config missing"
NOT_INSTALLED: Final = "not installed"
DATABASE_DOWN: Final = "database down"
DATABASE_EMPTY: Final = "database empty"
_MENDED_BY_CODE: Final = frozenset({CONFIG_BROKEN, CONFIG_MISSING, NOT_INSTALLED})
_CODE: Final = (
    ("vendor", ("vendor/autoload.php",)),
    ("code", ("pub/index.php", "index.php")),  # the web server runs one of them
)


class StoreHealth(Struct, frozen=True, kw_only=True):
    """The broken parts, in a word or two each, worst first, with the reason where there is one.

    `kinds` are those whose rollback mends it; `backups` the newest sound file of each, where there
    is one.
    """

    broken: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    backups: Mapping[Kind, str] | None = None

    @property
    def words(self) -> str:
        """All of it in one line; empty where nothing is known to be broken."""
        return ", ".join(self.broken)

    @property
    def way_back(self) -> str:
        """The command that mends it, empty where no sound backup would."""
        found = self.backups or {}
        options = [f"--{kind.value}-file={found[kind]}" for kind in self.kinds if kind in found]
        return f"magerewind setup:rollback {' '.join(options)}" if options else ""


def look_at(store: Store, *, environ: Mapping[str, str]) -> StoreHealth:
    """Return the broken parts of a store. Never raises for one of them.

    A few `stat` calls, one read of the configuration, and one question to the database, which may
    take its time limit.
    """
    settings, word, why = _configuration(store, environ)
    if settings is not None:
        word, why = _database(settings)
    return health_of(store, word, why)


def health_of(store: Store, word: str, why: str) -> StoreHealth:
    """Return it, where the broken part of configuration or database is known, or that none is."""
    code = missing_code(store)
    mended = word in _MENDED_BY_CODE and not _may_not_be_read(store)
    kinds = {Kind.CODE} if code or mended else set()
    kinds |= {Kind.DB} if word == DATABASE_EMPTY else set()
    ordered = tuple(kind for kind in Kind if kind in kinds)
    return StoreHealth(
        broken=(*code, word) if word else code,
        reasons=(why,) if why else (),
        kinds=ordered,
        backups=sound_backups(store, ordered),
    )


def missing_code(store: Store) -> tuple[str, ...]:
    """Return which parts without which Magento cannot start are missing, as `vendor missing`."""
    return tuple(
        f"{part} missing"
        for part, proofs in _CODE
        if not any(os.path.exists(os.path.join(store.root, proof)) for proof in proofs)
        and not _moved(store, part)
    )


def _moved(store: Store, part: str) -> bool:
    """Tell whether app/etc/vendor_path.php names another vendor: then nothing is known of it."""
    path = os.path.join(store.root, "app/etc/vendor_path.php")
    if part != "vendor" or not os.path.lexists(path):
        return False
    try:
        text = read_owned(path, accounts=trusted_accounts(store.owner_uid), limit=_LIMIT)
    except (OSError, MagerewindError):
        return False
    return not re.search(rb"""return\s+['"](?:\./)?vendor/?['"]""", text)


def _configuration(
    store: Store, environ: Mapping[str, str]
) -> tuple[DatabaseConnection | None, str, str]:
    """Return the connection, or the broken part and the reason."""
    from core.magento.env_php import read_configuration  # noqa: PLC0415 - code alone needs none

    try:
        found = read_configuration(store, environ=environ)
        return (
            (found.default_connection(), "", "") if found.installed else (None, NOT_INSTALLED, "")
        )
    except ConfigurationError as error:
        return None, config_word(store), error.message


def _may_not_be_read(store: Store) -> bool:
    """Tell whether the configuration is there and closed to this account: no rollback helps."""
    return os.path.lexists(store.env_php) and not os.access(store.env_php, os.R_OK)


def config_word(store: Store) -> str:
    """Return the message about a configuration that cannot be read."""
    return CONFIG_BROKEN if os.path.lexists(store.env_php) else CONFIG_MISSING


def _database(settings: DatabaseConnection) -> tuple[str, str]:
    from core.database.server.size import estimate  # noqa: PLC0415 - as above

    try:
        tables = estimate(settings).tables
    except MagerewindError as error:
        return DATABASE_DOWN, error.message
    return ("", "") if tables else (DATABASE_EMPTY, "")


def sound_backups(store: Store, kinds: tuple[Kind, ...]) -> dict[Kind, str]:
    """Return the newest backup of each kind that has been verified, else one not known as bad.

    A dump without rows of value comes after every full one.
    """
    if not kinds:
        return {}
    try:
        known = list_backups(store.backups).backups
    except MagerewindError:
        return {}
    found: dict[Kind, str] = {}
    order = (Health.VERIFIED, Health.SOUND, Health.UNVERIFIED)
    known = tuple(one for one in known if one.health in order and not one.problem)
    for backup in sorted(
        known,
        key=lambda one: (
            bool(tables_without_rows(one.manifest)),
            order.index(one.health),
            -_when(one),
        ),
    ):
        if backup.kind in kinds:
            found.setdefault(backup.kind, backup.name.text)
    return found


def _when(backup: Backup) -> int:
    return backup.name.timestamp


def with_way_back(store: Store, error: ConfigurationError) -> ConfigurationError:
    """Return the error with the rollback that mends it as its last words, where there is one."""
    way = code_way_back(store)
    if not way or _may_not_be_read(store):
        return error
    hint = f"{error.hint} Or roll the code back: {way}" if error.hint else f"Roll it back: {way}"
    return ConfigurationError(error.message, hint=hint)


def code_way_back(store: Store) -> str:
    """Return the command that rolls the code back to its newest sound backup, if there is one."""
    kinds = (Kind.CODE,)
    return StoreHealth(kinds=kinds, backups=sound_backups(store, kinds)).way_back
