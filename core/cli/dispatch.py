"""Which function runs which command. Importing this loads the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.cli.backups_commands import delete_command, store_command, verify_command
from core.cli.commands import JOB_COMMANDS, Command, Session
from core.cli.work_commands import (
    backup_command,
    discard_command,
    rollback_command,
    undo_command,
)

COMMANDS: Final[Mapping[str, Command]] = {
    "setup:backup": backup_command,
    "setup:rollback": rollback_command,
    "info:store": store_command,
    "info:backups:verify": verify_command,
    "info:backups:delete": delete_command,
    "job:undo": undo_command,
    "job:discard": discard_command,
    **JOB_COMMANDS,
}

__all__ = ["COMMANDS", "Session"]
