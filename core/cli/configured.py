"""The configuration of a command: the time and the account of its reading, and its store.

Root reads its files before it becomes the owner of a store, since they may be root's alone; the
owner's own file is read after that, by the owner. A command that needs no setting reads nothing, so
that a broken file stops no recovery.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from core.backups.names import Naming
from core.cli.parser import CommandLine
from core.errors import MagerewindError, UsageError

# Commands without settings do not load their reader.
if TYPE_CHECKING:
    from core.config.load import Config, Effective

_ALL_STORES: Final = frozenset(
    {"setup:backup", "info:store", "info:backups:list", "info:backups:verify", "job:list"}
    | {"info:backups:prune", "info:backups:drill", "schedule:status", "repo:list", "repo:check"}
)
_NO_STORE: Final = frozenset({"demo", "job:run", "repo:bootstrap"})
ABOUT_COMMANDS: Final = frozenset({"help", "list", "completion"})
NO_DOOR: Final = ABOUT_COMMANDS | {
    "config:check",
    "config:show",
    "config:generate",
    "config:schema",
}
_FILE: Final = "MAGEREWIND_CONFIG"
SWITCHABLE: Final = "MAGEREWIND_SWITCHABLE"
"""Set where the application can be left for another store."""
SWITCH: Final = 75
"""The exit code of an application that is left for another store."""
STORE: Final = "MAGEREWIND_STORE"
# The settings of a backup, by their names on the command line.
_OF_BACKUP: Final[Mapping[str, str]] = {
    "kinds": "kinds",
    "exclude": "exclude",
    "strip": "strip",
    "naming": "names",
    "compress": "compress",
    "compress_level": "compress_level",
    "level": "level",
    "verify": "verify",
    "keep_open": "keep_open",
    "strict": "strict",
    "note": "note",
}


class Configuration:
    """The configuration of one command, read at the first use. `environ`: that of its start."""

    def __init__(self, line: CommandLine, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._file = line.config_file or environ.get(_FILE) or None
        self._use = line.use_config
        self._read: Config | MagerewindError | None = None
        self._by = os.geteuid()
        self.started = False  # a job tells of its own end

    @property
    def file(self) -> str | None:
        """The only file that is read, where one is named."""
        return self._file

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment in which the command was started."""
        return self._environ

    def may_exist(self) -> bool:
        """Return whether a file may exist, without loading the reader of files."""
        home = self._environ.get("XDG_CONFIG_HOME") or f"{self._environ.get('HOME', '')}/.config"
        places = ("/etc/magerewind", f"{home}/magerewind")
        return self._use and (self._file is not None or any(map(os.path.lexists, places)))

    def read(self) -> None:
        """Read it now; its errors are raised by `get`."""
        from core.config.load import Config, load  # noqa: PLC0415 - as said above

        try:
            self._read = load(self._environ, file=self._file) if self._use else Config(())
        except MagerewindError as error:
            self._read = error

    def get(self) -> Config:
        """Return it. Raises InvalidConfig."""
        if self._read is None and os.geteuid() == self._by:
            self.read()
        elif self._read is None:  # root, which has become the owner since, had no file
            from core.config.load import Config  # noqa: PLC0415 - as said above

            self._read = Config(())
        if isinstance(self._read, MagerewindError):
            raise self._read
        assert self._read is not None  # noqa: S101 - for the type checker
        if os.geteuid() != self._by:  # root has become the owner
            self._by = os.geteuid()
            if self._file is None and self._use:
                self._read = self._read.with_layer(_layer_of_owner())
        return self._read

    def settings(self, line: CommandLine, root: str) -> Effective:
        """Return the settings of the store at this root. Raises InvalidConfig, UsageError."""
        config = self.get()
        name = line.store or config.name_of(root)
        return config.effective(name, self._environ).with_words(words_of_backup(line))


def _layer_of_owner() -> Any:  # noqa: ANN401 - a layer, or None
    from core.config.files import read_layer, user_file  # noqa: PLC0415 - as said above

    path = user_file({"HOME": os.environ.get("HOME", "")})
    return None if path is None else read_layer(path, own=True)


def words_of_backup(line: CommandLine) -> dict[str, Any]:
    """Return the settings that a command line says itself."""
    found = {
        setting: getattr(line, field)
        for field, setting in _OF_BACKUP.items()
        if field in line.given
    }
    if "names" in found:
        found["names"] = Naming(found["names"])
    if "compress" in found:
        found.setdefault("compress_level", None)  # a level goes with its compression
    return found


def choose_store(line: CommandLine, configuration: Configuration) -> CommandLine:
    """Return the command line with the root and the account of the store that it names.

    Reads the configuration where a store is named, or where root would not be able to later.
    Raises UsageError, InvalidConfig.
    """
    if line.all_stores:
        _refuse_with_all(line)
    if line.command in _NO_STORE | NO_DOOR:
        return line
    if line.config_file is not None and not line.use_config:
        raise UsageError("--config and --no-config exclude each other.")
    if line.all_stores:
        return line
    line = _with_variable(line, configuration)
    if line.store is None:
        if os.geteuid() == 0 and configuration.may_exist():
            configuration.read()
        return line
    if line.root is not None:
        raise UsageError(
            "--store and --root exclude each other.", hint="The configuration says the root."
        )
    table = configuration.get().require(line.store)
    account = line.account or table.get("as") or None
    return replace(line, root=table["root"], account=account)


def _with_variable(line: CommandLine, configuration: Configuration) -> CommandLine:
    named = configuration.environ.get(STORE)
    if not named or line.store or line.root or line.all_stores or not line.use_config:
        return line
    return replace(line, store=named)


def _refuse_with_all(line: CommandLine) -> None:
    """Raise UsageError for words that make no sense for several stores."""
    if line.command not in _ALL_STORES:
        what = "the application" if line.command is None else line.command
        why = "works on no store" if line.command in NO_DOOR | _NO_STORE else "works on one store"
        raise UsageError(
            f"{what} {why}: --all-stores is not for it.",
            hint=f"It is for {', '.join(sorted(_ALL_STORES))}.",
        )
    for option, given in (
        ("--store", line.store),
        ("--root", line.root),
        ("--as", line.account),
        ("the name of a backup", line.names),
    ):
        if given:
            raise UsageError(f"--all-stores and {option} exclude each other.")
