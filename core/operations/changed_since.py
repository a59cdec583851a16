"""Changes of a store's files since a backup: a quick scan of times and entry counts.

It reads no file and no archive, so its numbers are estimates: a file rewritten with the same
content counts, one put in place with an older time does not. The numbers of a plan are exact.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from core.account import open_via_helper
from core.archive.tree.selection import Selection, code_selection, media_selection, runs
from core.events import Kind
from core.magento.store import Store

LIMIT_S: Final = 20.0
_DEPTH: Final = 2  # `vendor/magento` tells more than `vendor`
_SHOWN: Final = 3


class ChangedFiles(Struct, frozen=True, kw_only=True):
    """The result for one kind. `whole`: all entries were looked at within the time limit.

    `touched` counts files written since; `entries` all entries now, `entries_then` those of the
    backup, None where unknown; `where` the directories with most of the touched files.
    """

    kind: Kind
    touched: int
    entries: int
    entries_then: int | None
    where: tuple[str, ...] = ()
    whole: bool = True

    @property
    def new(self) -> int:
        """How many entries more there are, at least."""
        return max(0, self.entries - (self.entries_then or self.entries)) if self.whole else 0

    @property
    def gone(self) -> int:
        """How many entries fewer there are, at least."""
        return max(0, (self.entries_then or self.entries) - self.entries) if self.whole else 0

    @property
    def changed(self) -> int:
        """How many files were written and are no new ones."""
        return max(0, self.touched - self.new)


def changed_files(
    store: Store,
    kind: Kind,
    since_s: float,
    *,
    entries_then: int | None,
    exclude: tuple[str, ...] = (),
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> ChangedFiles:
    """Look at every entry of code or media once; ends after `LIMIT_S` or when `stop` says so.

    `exclude` are the patterns that the backup left out. Raises MagerewindError for a media
    directory that cannot be found.
    """
    choose = code_selection if kind is Kind.CODE else media_selection
    return _look(choose(store, exclude=exclude), kind, since_s, entries_then, stop, clock)


def _look(
    selection: Selection,
    kind: Kind,
    since_s: float,
    entries_then: int | None,
    stop: Callable[[], bool],
    clock: Callable[[], float],
) -> ChangedFiles:
    touched: Counter[str] = Counter()
    # An archive of media holds the directories that lead to it as well.
    entries, whole, give_up = selection.prefix.count(b"/"), True, clock() + LIMIT_S
    for prefix, fd, names in runs(selection, problem=_nothing):
        if clock() > give_up or stop():
            whole = False
            break
        if names is None:
            entries += 1
            continue
        entries += len(names)
        written = sum(1 for name in names if _written_s(name, fd) > since_s)
        if written:
            touched["/".join(os.fsdecode(prefix).split("/")[:_DEPTH]).rstrip("/")] += written
    return ChangedFiles(
        kind=kind,
        touched=sum(touched.values()),
        entries=entries,
        entries_then=entries_then,
        where=tuple(name or "." for name, _number in touched.most_common(_SHOWN)),
        whole=whole,
    )


def _nothing(_path: bytes, _error: OSError) -> None:
    """Pass over vanished and unreadable entries: the plan names them."""


def _written_s(name: bytes, fd: int) -> float:
    try:
        return open_via_helper.lstat(name, fd).st_mtime
    except OSError:
        return 0.0
