"""The rules of retention that hold for a command: its own, else those of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.backups.duration import Duration, parse_duration
from core.backups.retention import RetentionPolicy
from core.cli.parser import CommandLine
from core.errors import UsageError

if TYPE_CHECKING:
    from core.config.fields import Keep, StoreFields


def policy_of(line: CommandLine, settings: StoreFields) -> RetentionPolicy:
    """Return the rules; any rule on the command line replaces all configured ones."""
    if line.keep_rules:
        return RetentionPolicy.from_words(line.keep_rules)
    return configured_policy(settings.keep)


def needed_policy(line: CommandLine, settings: StoreFields) -> RetentionPolicy:
    """Return the rules as `policy_of`. Raises UsageError where they keep nothing."""
    policy = policy_of(line, settings)
    if not policy:
        raise UsageError(
            "Nothing says what is to be kept.",
            hint="Give a rule (--keep-last, --keep-daily, --keep-weekly, --keep-monthly, "
            "--keep-yearly, --keep-within), or set `keep` in the configuration.",
        )
    return policy


def configured_policy(keep: Keep) -> RetentionPolicy:
    """Return the rules of a configuration."""
    return RetentionPolicy(
        last=keep.last,
        daily=keep.daily,
        weekly=keep.weekly,
        monthly=keep.monthly,
        yearly=keep.yearly,
        within=parse_duration(keep.within) if keep.within else Duration(),
    )
