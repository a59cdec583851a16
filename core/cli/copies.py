"""Where backups are: here, in repositories as they were last seen, or in both.

Nothing is asked: a repository may be far, or dead. Each list says how old its knowledge is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from core.backups.catalog import Backup
from core.backups.names import new_name, set_key
from core.cli.repository_view import state_of
from core.events import Kind
from core.repository.seen import Seen
from core.repository.sets import RemoteSet
from core.text import numbers

HERE = "here"


def _may_be_copied(backup: Backup) -> bool:
    """Tell whether a set of its time in a repository may be its copy: its name is one of ours."""
    return set_key(backup.name.text, backup.name.timestamp) == str(backup.name.timestamp)


class StoreCopies:
    """The sets of repositories, by their time and kind."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._seen = tuple(seen)

    def __bool__(self) -> bool:
        return bool(self._seen)

    def _of(self, timestamp: int, kind: Kind) -> Iterator[tuple[Seen, RemoteSet]]:
        for seen in self._seen:
            for one in seen.holdings.sets:
                if one.timestamp == timestamp and kind in one.parts and one.is_whole:
                    yield seen, one

    def places(self, backup: Backup) -> tuple[str, ...]:
        """Return where a backup is that is here."""
        if backup.kind is None or not _may_be_copied(backup):
            return (HERE,)
        return (
            HERE,
            *(seen.repository for seen, _ in self._of(backup.name.timestamp, backup.kind)),
        )

    def only_there(self, backups: Sequence[Backup]) -> Iterator[tuple[Seen, RemoteSet, Kind]]:
        """Yield the parts of sets that are in a repository and not here, newest first."""
        here = {(one.name.timestamp, one.kind) for one in backups if _may_be_copied(one)}
        found = [
            (seen, one, kind)
            for seen in self._seen
            for one in seen.holdings.sets
            for kind in Kind
            if kind in one.manifest.names and (one.timestamp, kind) not in here
        ]
        return iter(sorted(found, key=lambda each: -each[1].timestamp))

    def rows(
        self, backups: Sequence[Backup], now_s: float
    ) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield times and rows of sets only elsewhere: name, type, date, age, size, state, where.

        Times are in unix seconds.
        """
        for seen, one, kind in self.only_there(backups):
            part = one.parts.get(kind)
            row = (
                new_name(one.timestamp, kind),
                kind.value,
                numbers.moment(one.timestamp),
                numbers.age(one.timestamp, now_s),
                numbers.size(part.bytes) if part is not None else "?",
                state_of(one, seen),
                seen.repository,
            )
            yield one.timestamp, row

    def ages(self, now_s: float) -> Iterator[str]:
        """Yield how old the knowledge of each repository is."""
        for seen in self._seen:
            checked = f", checked {numbers.age(seen.checked_s, now_s)}" if seen.checked_s else ""
            yield (
                f"{seen.repository}: as seen {numbers.age(seen.seen_s, now_s)}{checked}; "
                f"magerewind repo:list {seen.repository} looks again."
            )

    def json(self, backups: Sequence[Backup]) -> Iterator[dict[str, Any]]:
        """Yield a JSON object for each part that is only there."""
        for seen, one, kind in self.only_there(backups):
            part = one.parts.get(kind)
            yield {
                "type": "RemoteBackup",
                "file_name": new_name(one.timestamp, kind),
                "kind": kind.value,
                "timestamp": one.timestamp,
                "time": numbers.iso(one.timestamp),
                "repository": seen.repository,
                "where": [seen.repository],
                "complete": one.is_whole,
                "checked": seen.is_checked(one),
                "content_bytes": None if part is None else part.bytes,
                "seen": numbers.iso(seen.seen_s),
            }
