"""The function of each command, and the common context of all.

A command loads only the part of the engine that it needs: half of the time of a short one is the
start of the interpreter and the import of modules (0.2 s for all of them).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from core.cli.commands import Command, CommandSession
from core.cli.parser import NAMES, CommandLine
from core.errors import UsageError

_FUNCTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "setup:backup": ("work_commands", "backup_command"),
    "setup:rollback": ("work_commands", "rollback_command"),
    "info:store": ("backups_commands", "store_command"),
    "info:backups:list": ("commands", "list_command"),
    "info:backups:verify": ("backups_commands", "verify_command"),
    "info:backups:delete": ("backups_commands", "delete_command"),
    "info:backups:prune": ("retention_commands", "prune_command"),
    "info:backups:drill": ("retention_commands", "drill_command"),
    "info:backups:note": ("retention_commands", "note_command"),
    "schedule:install": ("schedule_commands", "install_command"),
    "schedule:remove": ("schedule_commands", "remove_command"),
    "schedule:status": ("schedule_commands", "status_command"),
    "info:backups:files": ("contents_commands", "files_command"),
    "info:backups:show": ("contents_commands", "show_command"),
    "info:backups:diff": ("contents_commands", "diff_command"),
    "info:backups:extract": ("contents_commands", "extract_command"),
    "repo:init": ("repository_commands", "init_command"),
    "repo:list": ("repository_commands", "list_command"),
    "repo:check": ("repository_commands", "check_command"),
    "repo:unlock": ("repository_commands", "unlock_command"),
    "repo:fetch": ("repository_work", "fetch_command"),
    "repo:forget": ("repository_work", "forget_command"),
    "repo:bootstrap": ("bootstrap_command", "bootstrap_command"),
    "repo:stats": ("repository_commands", "stats_command"),
    "job:undo": ("work_commands", "undo_command"),
    "job:discard": ("work_commands", "discard_command"),
    "job:list": ("commands", "jobs_command"),
    "job:attach": ("commands", "attach_command"),
    "job:cancel": ("commands", "cancel_command"),
    "job:recover": ("commands", "recover_command"),
    NAMES: ("completed_names", "names_command"),
}
COMMANDS: Final = frozenset(_FUNCTIONS)
_CHANGE: Final = frozenset(
    {"setup:backup", "setup:rollback", "info:backups:delete"}
    | {"repo:init", "repo:unlock", "repo:fetch", "repo:forget", "repo:bootstrap"}
    | {"info:backups:prune", "info:backups:note", "info:backups:drill"}
    | {"schedule:install", "schedule:remove"}
    | {"job:undo", "job:discard", "job:cancel", "job:recover"}
)
_PLAN: Final = frozenset(
    {"setup:backup", "setup:rollback", "job:undo", "info:backups:prune"}
    | {"schedule:install", "repo:forget"}
)


def refuse_to_change(line: CommandLine) -> None:
    """Raise UsageError where a command would change something that may only be looked at."""
    if line.read_only and line.command in _CHANGE and not line.dry_run:
        plans = line.command in _PLAN
        raise UsageError(
            f"{line.command} changes the store, and --read-only forbids that.",
            hint="--dry-run shows what it would do." if plans else None,
        )


def command_of(name: str) -> Command:
    """Return the function of a command. Raises KeyError for an unknown one."""
    module, function = _FUNCTIONS[name]
    found: Command = getattr(import_module(f"core.cli.{module}"), function)
    return found


__all__ = ["COMMANDS", "CommandSession", "command_of", "refuse_to_change"]
