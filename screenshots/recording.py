"""What the real engine answered on the sample store, kept as JSON, and given back for the pictures.

A recording makes the pictures the same on every machine, so that a check can tell when the screens
have changed. Host, paths and times are frozen while it is made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from core.archive.plan.directory_totals import Sums
from core.archive.plan.rows import Action
from core.archive.plan.tree import PlannedNode
from core.backups.catalog import PartialBackup
from core.errors import BackupNotFound
from core.event_lines import from_line, to_line
from core.events import Kind, Operation, Outcome, Stamped
from core.jobs.listing import JobSummary
from core.operations.equal_command import command_line
from core.operations.findings import Finding, Level
from core.operations.health import StoreHealth
from core.operations.requests import BackupRequest, Request, RollbackRequest, UndoRequest
from core.operations.table_plans import TablePlan, TableState
from tui.engine import views
from tui.engine.inside_port import InsideView, OpenTable, RowsView, RowView, StandingView
from tui.engine.log_end import read_log
from tui.engine.plan_port import PAGE, goes
from tui.engine.views import (
    BackupCheckView,
    BackupsView,
    BackupView,
    ChangedPart,
    DatabaseView,
    LostView,
    NewerView,
    PlanView,
    SpaceView,
    StorePaths,
    StoreView,
)

_ENUMS = {cls.__name__: cls for cls in (Kind, Operation, Outcome, Level, Action, TableState)}
_FACTS = (Finding, JobSummary, PartialBackup, StoreHealth, PlannedNode, Sums, TablePlan,
          InsideView, StandingView, RowsView, RowView)  # fmt: skip
_ENGINES = {cls.__name__: cls for cls in _FACTS}
_PARTS = ("store", "database", "space", "backups", "jobs", "check", "plan")
_LATER = ("changed", "newer", "health", "tree", "difference", "inside", "standing", "rows")


def encode(value: object) -> Any:  # noqa: ANN401 - a JSON value
    """Return a value of the screens as JSON can carry it."""
    if isinstance(value, Enum):
        return {"enum": type(value).__name__, "value": value.value}
    if isinstance(value, Struct):
        fields = {name: encode(getattr(value, name)) for name in value.__struct_fields__}
        return {"view": type(value).__name__, "fields": fields}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {"map": [[encode(key), encode(item)] for key, item in value.items()]}
    return value


def decode(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """Return what `encode` was given."""
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "enum" in value:
        return _ENUMS[value["enum"]](value["value"])
    if "map" in value:
        return {decode(key): decode(item) for key, item in value["map"]}
    fields = {name: decode(item) for name, item in value["fields"].items()}
    return (_ENGINES.get(value["view"]) or getattr(views, value["view"]))(**fields)


class Frozen(Struct, kw_only=True):
    """Texts to put in the place of others, and how far times are moved."""

    texts: dict[str, str] = field(default_factory=dict)
    shift_s: int = 0

    def apply(self, value: Any, name: str = "") -> Any:  # noqa: ANN401 - any value of a screen
        """Return the value as if it had been made at another place and time."""
        if isinstance(value, Enum | bool) or value is None:
            return value
        if isinstance(value, str):
            for old, new in self.texts.items():
                value = value.replace(old, new)
            return value
        if isinstance(value, int | float):
            moved = name in ("timestamp", "began_s", "time_s")
            return value + self.shift_s if moved else value
        if isinstance(value, tuple):
            return tuple(self.apply(item) for item in value)
        if isinstance(value, Mapping):
            return {key: self.apply(item) for key, item in value.items()}
        changes = {name: self.apply(getattr(value, name), name) for name in value.__struct_fields__}
        return replace(value, **changes)


class Answers(Struct, kw_only=True):
    """Everything that the screens can ask, as it was at one moment."""

    now_s: float
    closed: bool
    store: StoreView
    database: DatabaseView
    space: SpaceView
    backups: BackupsView
    jobs: tuple[JobSummary, ...]
    check: BackupCheckView | None = None
    plan: PlanView | None = None
    changed: tuple[ChangedPart, ...] = ()
    newer: NewerView | None = None
    health: StoreHealth = field(default_factory=StoreHealth)
    tree: tuple[tuple[Kind, tuple[PlannedNode, ...]], ...] = ()  # all of the plan, by kind
    difference: tuple[str, ...] = ()  # of the entry that a picture shows
    inside: tuple[tuple[str, tuple[InsideView, ...]], ...] = ()  # by ending and directory
    standing: tuple[tuple[str, tuple[StandingView, ...]], ...] = ()
    rows: RowsView | None = None  # of the table that a picture shows
    streams: dict[str, list[Stamped]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it for a file."""
        row = {name: encode(getattr(self, name)) for name in (*_PARTS, *_LATER)}
        row["now_s"], row["closed"] = self.now_s, self.closed
        row["streams"] = {
            job_id: [to_line(stamped).decode() for stamped in events]
            for job_id, events in self.streams.items()
        }
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Answers:
        """Return what `to_json` gave."""
        streams = {
            job_id: [stamped for line in lines if (stamped := from_line(line.encode()))]
            for job_id, lines in row["streams"].items()
        }
        parts = {name: decode(row[name]) for name in (*_PARTS, *_LATER) if name in row}
        return cls(now_s=row["now_s"], closed=row["closed"], streams=streams, **parts)


class Given:
    """A stream that gives all it has at once."""

    def __init__(self, events: list[Stamped], *, ends: bool) -> None:
        self._events = list(events)
        self._ends = ends
        self.ended = self.cancel_asked = False

    def poll(self) -> list[Stamped]:
        """Return everything, then nothing."""
        found, self._events = self._events, []
        self.ended = self._ends
        return found


class Planned:
    """The recorded tree of a plan."""

    def __init__(self, answers: Answers) -> None:
        self._nodes = dict(answers.tree)

    def children(self, kind: Kind, directory: str, offset: int) -> tuple[PlannedNode, ...]:
        """Return a page of the children of a directory, those that go first."""
        nodes = (
            node for node in self._nodes.get(kind, ()) if node.path.rpartition("/")[0] == directory
        )
        return _first(nodes)[offset : offset + PAGE]

    def found(self, kind: Kind, word: str) -> tuple[int, tuple[PlannedNode, ...]]:
        """Return the entries with a word in their path."""
        nodes = _first(one for one in self._nodes.get(kind, ()) if one.action and word in one.path)
        return len(nodes), nodes[:PAGE]

    def write(self, _path: str) -> int:
        """Write nothing."""
        return sum(map(len, self._nodes.values()))


def _first(nodes: Iterable[PlannedNode]) -> tuple[PlannedNode, ...]:
    return tuple(sorted(nodes, key=lambda node: (not goes(node), node.path)))


class Table:
    """The recorded rows of a table."""

    def __init__(self, rows: RowsView) -> None:
        self._rows = rows

    def page(self, _first: int, **_how: object) -> RowsView:
        """Return the rows, whatever is asked for."""
        return self._rows

    def beside(self, _first: int, **_how: object) -> RowsView:
        """Return them once more."""
        return self._rows

    def close(self) -> None:
        """Let go of nothing."""


def inside_key(name: str, directory: str) -> str:
    """Return by what the parts of a directory of a backup are recorded: times are not kept."""
    return f"{name.partition('_')[2]} {directory}"


class Inside:
    """The recorded inside of backups, and one difference."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._parts = dict(answers.inside)
        self._standing = dict(answers.standing)

    def children(self, name: str, directory: str, **_how: object) -> tuple[InsideView, ...]:
        """Return the recorded parts."""
        return self._parts.get(inside_key(name, directory), ())

    def standing(
        self,
        name: str,
        directory: str,
        *,
        found: Callable[[tuple[StandingView, ...]], object],
        **_how: object,
    ) -> None:
        """Give how they stood."""
        found(self._standing.get(inside_key(name, directory), ()))

    def found(self, _name: str, _word: str, **_how: object) -> tuple[int, tuple[InsideView, ...]]:
        """Find nothing: no picture shows it."""
        return 0, ()

    def table(self, _name: str, _table: str) -> OpenTable:
        """Return the table."""
        if self._answers.rows is None:
            raise BackupNotFound("No picture shows a table of this moment.")
        return Table(self._answers.rows)

    def extract(self, _name: str, _part: str, _to: str, **_how: object) -> tuple[int, int, int]:
        """Write nothing."""
        return 0, 0, 0

    def difference(self, _name: str, part: str, **_how: object) -> tuple[str, ...]:
        """Return the recorded difference, and nothing for any other entry."""
        lines = self._answers.difference
        return lines if any(f" {part} " in line for line in lines[:1]) else ()


class Playback:
    """The engine of a picture: it answers what was recorded."""

    def __init__(self, answers: Answers, *, root: str, host: str) -> None:
        self._answers = answers
        self.planned = Planned(answers)
        self.inside = Inside(answers)
        self.root = root
        self.host = host
        self.name = root.rpartition("/")[2]
        quiet = os.path.dirname(__file__)  # a directory that is there, and where nothing happens
        self.places = StorePaths(
            root=quiet, var=quiet, state=f"{quiet}/no", jobs=f"{quiet}/no/jobs"
        )
        self.read_only = False
        self.switchable = False
        self.defaults = BackupRequest(kinds=tuple(Kind))

    def store(self) -> StoreView:
        """Return the recorded store."""
        return self._answers.store

    def database(self) -> DatabaseView:
        """Return the recorded database."""
        return self._answers.database

    def space(self) -> SpaceView:
        """Return the recorded space."""
        return self._answers.space

    def backups(self) -> BackupsView:
        """Return the recorded backups."""
        return self._answers.backups

    def jobs(self) -> tuple[JobSummary, ...]:
        """Return the recorded jobs."""
        return self._answers.jobs

    def closed(self) -> bool:
        """Return whether the store was closed."""
        return self._answers.closed

    def lost(self) -> tuple[LostView, ...]:
        """Return no job whose memory is gone."""
        return ()

    def changed(self, _backup: BackupView, _stop: object) -> ChangedPart:
        """Return what was seen of the files."""
        kind = _backup.kind or Kind.CODE
        nothing = ChangedPart(kind=kind, changed=0, new=0, gone=0)
        return next((one for one in self._answers.changed if one.kind is kind), nothing)

    def newer(self, _timestamp: int) -> NewerView:
        """Return that nothing came since."""
        return self._answers.newer or NewerView(orders=0, customers=0)

    def forgotten(self) -> int:
        """Return that no job was trimmed."""
        return 0

    def health(self) -> StoreHealth:
        """Return what of the store was broken."""
        return self._answers.health

    def check_backup(self, _request: object) -> BackupCheckView | None:
        """Return the recorded check."""
        return self._answers.check

    def plan(self, _request: object, _report: Callable[[int, int, str], None]) -> PlanView | None:
        """Return the recorded plan."""
        return self._answers.plan

    def rollback_to(self, files: Mapping[Kind, str]) -> RollbackRequest:
        """Return it without a configuration."""
        return RollbackRequest(**{f"{kind}_file": name for kind, name in files.items()})

    def undo_of(self, job_id: str) -> UndoRequest:
        """Return it without a configuration."""
        return UndoRequest(job_id=job_id)

    def stream(self, job_id: str) -> Given:
        """Return the recorded events."""
        running = any(job.running for job in self._answers.jobs if job.job_id == job_id)
        return Given(self._answers.streams.get(job_id, []), ends=not running)

    def log_tail(self, job_id: str) -> tuple[tuple[float, str], ...]:
        """Return the last lines of the recorded log."""
        return read_log(Given(self._answers.streams.get(job_id, []), ends=True))

    def command(self, request: Request) -> str:
        """Return the equal command line."""
        return command_line(request)

    def log_path(self, job_id: str) -> str:
        """Return a path."""
        return f"{self.root}/var/.magerewind/jobs/{job_id}"

    def close(self) -> None:
        """Do nothing."""


def save(path: str, scenes: Mapping[str, Answers]) -> None:
    """Write a recording."""
    rows = {name: answers.to_json() for name, answers in scenes.items()}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
        file.write("\n")


def load(path: str) -> dict[str, Answers]:
    """Read a recording."""
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)
    return {name: Answers.from_json(row) for name, row in rows.items()}
