"""Holds a plan that was read back against what a plan of that job can only be.

A plan decides what is renamed and removed, and where. So its roots must be those of the store, its
stages and asides the names that we form for the job, in the regions of that root, and its entries
must stay below it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn, Protocol

from core.archive.plan.home import Bounds
from core.archive.plan.rows import Region
from core.errors import StorageError

_STEPS: Final = frozenset({"planned", "staging", "staged", "swapped"})
_ASIDE: Final = re.compile(rb"aside-[0-9a-f-]{1,64}-[a-z]+")
_HIDDEN: Final = b".magerewind-"
_DOTS: Final = "x'2f2e2e2f'"  # /../
_BELOW: Final = "CAST(x'2f' || path || x'2f' AS BLOB)"
_WRONG_ENTRY: Final = f"""
SELECT EXISTS (SELECT 1 FROM entry WHERE
  typeof(id) <> 'integer' OR typeof(path) <> 'blob' OR typeof(unit) <> 'integer'
  OR typeof(region) <> 'integer' OR region NOT IN (SELECT id FROM region)
  OR action NOT IN ('add', 'change', 'remove', 'mode')
  OR typeof(ino_now) NOT IN ('integer', 'null') OR typeof(ino_staged) NOT IN ('integer', 'null')
  OR typeof(mode_now) NOT IN ('integer', 'null') OR typeof(mode_then) NOT IN ('integer', 'null')
  OR instr(path, x'00') OR instr({_BELOW}, {_DOTS}) OR substr(path, 1, 1) = x'2f'
  OR (CAST(substr(path, 1, ?) AS BLOB) <> ? AND path <> ?))
"""


class Plan(Protocol):
    """A plan file, as far as it is checked here."""

    path: str

    def fact(self, name: str) -> Any:  # noqa: ANN401 - a JSON value
        """Return a remembered value, None when it is not there."""

    def regions(self) -> Sequence[Region]:
        """Return the regions by their ids."""

    def count(self, query: str, *values: object) -> int:
        """Return the number that a query asks for."""


def check_plan(plan: Plan, bounds: Bounds) -> None:
    """Raise StorageError for a plan that is not of this job, or of this store."""
    _Check(plan, bounds).all()


class _Check:
    def __init__(self, plan: Plan, bounds: Bounds) -> None:
        self._plan = plan
        self._bounds = bounds

    def all(self) -> None:
        root, prefix = self._text("root"), self._text("prefix")
        if (root, prefix) not in self._bounds.trees:
            self._refuse("it is of another directory than this store's")
        if self._text("state") != self._bounds.state:
            self._refuse("it is of another store")
        if self._plan.fact("kind") != self._bounds.kind:
            self._refuse("it is of another kind")
        if self._plan.fact("job_id") not in (None, self._bounds.job_id):
            self._refuse("it is of another job")
        if self._plan.fact("step") not in _STEPS:
            self._refuse("it was never finished")
        borrowed = self._plan.fact("borrowed") is True
        for region in self._plan.regions():
            self._region(root, region.root, region.stage, region.aside, borrowed=borrowed)
        self._entries(prefix)
        for parent in self._plan.fact("parents") or ():
            self._parent(parent)

    def _refuse(self, reason: str) -> NoReturn:
        raise StorageError(f"The plan {self._plan.path} is not used: {reason}.")

    def _text(self, name: str) -> bytes:
        value = self._plan.fact(name)
        if not isinstance(value, str):
            self._refuse(f"its {name} is missing")
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            self._refuse(f"its {name} is no path")

    def _region(
        self, root: bytes, region: object, stage: object, aside: object, *, borrowed: bool
    ) -> None:
        if not (
            isinstance(region, bytes) and isinstance(stage, bytes) and isinstance(aside, bytes)
        ):
            self._refuse("a region in it is none")
        if region != root and not (
            region.startswith(root + b"/") and _is_below(region[len(root) + 1 :])
        ):
            self._refuse("a region in it is outside the store")
        label = f"-{self._bounds.job_id}-{self._bounds.kind}".encode()
        tops = (self._bounds.state + b"/", region + b"/" + _HIDDEN)
        if aside and aside not in {top + b"aside" + label for top in tops}:
            self._refuse("what it set aside is not where this job sets things aside")
        if not stage or stage in {top + b"stage" + label for top in tops}:
            return
        names = [stage[len(top) :] for top in tops if stage.startswith(top)]
        if not borrowed or not any(_ASIDE.fullmatch(name) for name in names):
            self._refuse("its stage is not where this job stages")

    def _entries(self, prefix: bytes) -> None:
        if self._plan.count(_WRONG_ENTRY, len(prefix), prefix, prefix[:-1]):
            self._refuse("an entry in it is outside the store")

    def _parent(self, parent: Any) -> None:  # noqa: ANN401 - a JSON value
        if not isinstance(parent, list) or len(parent) != 4:
            self._refuse("a directory in it is none")
        path, *numbers = parent
        whole = all(number is None or type(number) is int for number in numbers)
        if not isinstance(path, str) or not whole:
            self._refuse("a directory in it is none")
        if not _is_below(path.encode("utf-8", "surrogateescape")):
            self._refuse("a directory in it is outside the store")


def _is_below(path: bytes) -> bool:
    """Tell whether a relative path stays below where it begins."""
    return b"\0" not in path and not {b"", b".", b".."} & set(path.split(b"/"))
