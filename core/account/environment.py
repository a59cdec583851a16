"""Allow-lists of environment variables: for the account root switched to, and for child programs.

The environment of a shell holds keys of clouds and passwords of other tools. No program that is run
for a store needs them.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, MutableMapping
from contextlib import suppress
from typing import Final

from core.account.ids import Ids
from core.account.walk import Walk, distrust

_TERMINAL: Final = frozenset(
    {"TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "NO_COLOR", "COLUMNS", "LINES"}
)
_WORDS: Final = frozenset({"LANG", "LANGUAGE", "TZ"})
_LOGIN: Final = frozenset({"SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "TMUX", "SUDO_USER"})
_OWN: Final = frozenset({"MAGEREWIND_THEME"})
_ACCOUNT: Final = frozenset({"HOME", "USER", "LOGNAME"})
_OF_MAGENTO: Final = ("MAGE_", "MAGENTO_DC_")  # a store's configuration can come from these
DEFAULT_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def set_for_account(environ: MutableMapping[str, str], ids: Ids) -> None:
    """Reduce the environment of a process that was root's to the variables the account may have."""
    kept = _kept(environ, _TERMINAL | _WORDS | _LOGIN | _OWN)
    kept["PATH"] = _searched(environ.get("PATH", "")) or DEFAULT_PATH
    kept |= _of_account(ids)
    environ.clear()
    environ.update(kept)


def for_program(
    environ: Mapping[str, str], ids: Ids, variables: Collection[str] = ()
) -> dict[str, str]:
    """Return the environment of php and `bin/magento`, which run as the account of this process.

    Variables dropped at the account switch are not restored: Magento's variables are passed only
    if the store's owner set them, and so are `variables`, which the configuration asks for by name.
    """
    kept = _kept(environ, _TERMINAL | _WORDS | _ACCOUNT | frozenset(variables))
    kept["PATH"] = path_of(environ) or DEFAULT_PATH
    kept |= {name: environ[name] for name in environ if name.startswith(_OF_MAGENTO)}
    return kept | _of_account(ids)


def path_of(environ: Mapping[str, str]) -> str:
    """Return where programs are looked for: never in the working directory.

    As root, only in directories that root alone may write to.
    """
    return _searched(environ.get("PATH", os.defpath))


def _kept(environ: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {
        name: value for name, value in environ.items() if name in names or name.startswith("LC_")
    }


def _of_account(ids: Ids) -> dict[str, str]:
    return {"HOME": ids.home or "/", "USER": ids.name, "LOGNAME": ids.name}


def _searched(path: str) -> str:
    is_root = os.geteuid() == 0
    found = [
        directory
        for directory in path.split(os.pathsep)
        if directory.startswith("/")
        and os.access(directory, os.X_OK, effective_ids=True)
        and not (is_root and _is_foreign(directory))
    ]
    return os.pathsep.join(found)


def _is_foreign(directory: str) -> bool:
    with suppress(OSError), Walk(directory) as walk:
        return any(distrust(step, 0) for step in walk.passed)
    return True
