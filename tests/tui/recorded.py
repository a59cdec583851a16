"""An engine without a store: recorded values and streams, for tests of what the screens draw."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from core.archive.plan.directory_totals import Sums
from core.archive.plan.rows import Action
from core.archive.plan.tree import PlannedNode
from core.errors import BackupNotFound, MagerewindError
from core.events import (
    JobEnded,
    Kind,
    Operation,
    Outcome,
    Report,
    Stamped,
)
from core.jobs.listing import JobSummary
from core.operations.equal_command import command_line
from core.operations.findings import Finding, Level
from core.operations.health import StoreHealth
from core.operations.requests import BackupRequest, Request, RollbackRequest, UndoRequest
from tests.tui.recorded_inside import RecordedInside
from tests.tui.recorded_values import (
    HOUR,
    NOW_S,
    ROOT,
    backup_stream,
    rollback_stream,
    sets,
    tables,
)
from tui.engine.log_end import read_log
from tui.engine.plan_port import PAGE, goes
from tui.engine.views import (
    BackupCheckView,
    BackupsView,
    BackupView,
    ChangedPart,
    DatabasePlanView,
    DatabaseView,
    EstimateView,
    FilesPlanView,
    NewerView,
    PlanView,
    SetView,
    SpaceView,
    StorePaths,
    StoreView,
)


def plan() -> PlanView:
    return PlanView(
        fingerprint="7f3c" * 16,
        findings=(
            Finding(
                level=Level.WARN,
                code="version",
                message="The backup is of Magento 2.4.6, the store runs 2.4.8.",
                hint="Run bin/magento setup:upgrade afterwards if you roll the code back alone.",
            ),
        ),
        files={
            Kind.CODE: FilesPlanView(
                identical=118_000,
                added=12,
                changed=390,
                removed=41,
                mode_only=2,
                bytes_to_write=4_200_000,
                directories=(
                    ("vendor/magento/module-catalog", 212, 2_100_000),
                    ("app/code/Shop/Checkout", 96, 900_000),
                    ("app/etc", 2, 4_100),
                ),
                examples=("changed app/etc/env.php", "removed app/code/Shop/New/registration.php"),
            )
        },
        database=DatabasePlanView(
            replaced=412,
            added=1,
            aside=3,
            rows_now=12_480_000,
            rows_then=12_311_004,
            aside_names=("shop_new_a", "shop_new_b", "shop_new_c"),
            size_bytes=5_600_000_000,
        ),
        tables=tables(),
        lost=(("orders", 137), ("customers", 21)),
        order_numbers=tuple(f"{number:09}" for number in range(291, 428)),
        closed_s=154.2,
        env_keys=("db/connection/default/host",),
        needed_bytes=6_000_000_000,
        free_bytes=118_000_000_000,
    )


def tree() -> dict[Kind, tuple[PlannedNode, ...]]:
    """The whole tree of a small plan."""

    def directory(path: str, *sums: int) -> PlannedNode:
        names = ("added", "changed", "removed", "bytes_to_write")
        return PlannedNode(path=path, action=None, sums=Sums(**dict(zip(names, sums, strict=True))))

    def file(path: str, action: Action, now: int | None, then: int | None) -> PlannedNode:
        modes = {"mode_now": now and 0o640, "mode_then": then and 0o644}
        return PlannedNode(
            path=path, action=action, sums=None, size_now=now, size_then=then, **modes
        )

    return {
        Kind.CODE: (
            directory("app", 0, 98, 41, 904_100),
            directory("app/code", 0, 96, 41, 900_000),
            directory("app/etc", 0, 2, 0, 4_100),
            file("app/etc/env.php", Action.CHANGE, 1_490, 1_530),
            file("app/etc/config.php", Action.MODE, 4_500, 4_500),
            directory("vendor", 12, 292, 0, 3_295_900),
            directory("vendor/magento", 12, 292, 0, 3_295_900),
            file("vendor/magento/new.php", Action.ADD, None, 812),
            directory("app/code/Shop", 0, 96, 41, 900_000),
            file("app/code/Shop/registration.php", Action.REMOVE, 310, None),
        )
    }


class RecordedPlanned:
    """The files of a plan, from a list of all of its nodes."""

    def __init__(self, nodes: dict[Kind, tuple[PlannedNode, ...]]) -> None:
        self.nodes = nodes
        self.written: list[str] = []

    def _first(self, nodes: list[PlannedNode]) -> tuple[PlannedNode, ...]:
        return tuple(sorted(nodes, key=lambda node: (not goes(node), node.path)))

    def children(self, kind: Kind, directory: str, offset: int) -> tuple[PlannedNode, ...]:
        found = [
            node
            for node in self.nodes.get(kind, ())
            if node.path.rpartition("/")[0] == directory and node.path != directory
        ]
        return self._first(found)[offset : offset + PAGE]

    def found(self, kind: Kind, word: str) -> tuple[int, tuple[PlannedNode, ...]]:
        nodes = [one for one in self.nodes.get(kind, ()) if one.action and word in one.path]
        return len(nodes), self._first(nodes)[:PAGE]

    def write(self, path: str) -> int:
        self.written.append(path)
        return sum(map(len, self.nodes.values()))


class RecordedStream:
    """Hands out what is given to it, in one poll or in several."""

    def __init__(self, events: list[Stamped]) -> None:
        self.waiting = list(events)
        self.ended = self.cancel_asked = False

    def poll(self) -> list[Stamped]:
        found, self.waiting = self.waiting, []
        if found and isinstance(found[-1].event, JobEnded):
            self.ended = True
        return found


class RecordedEngine:
    """Answers from its attributes; a test changes them. Requests are remembered."""

    def __init__(self) -> None:
        self.root = ROOT
        self.host = "web01"
        self.name = "shop"
        self.read_only = False
        self.switchable = False
        self.defaults = BackupRequest(kinds=tuple(Kind))
        self.is_closed = False
        self.lost_views = ()
        self.forgotten_jobs = 0
        self.health_view = StoreHealth()
        self.store_view: StoreView | Exception = StoreView(
            owner="deploy", version="2.4.8", edition="Community", mode="production"
        )
        self.database_view: DatabaseView | Exception = DatabaseView(
            where="shop on localhost as shop", tables=412, size_bytes=31_200_000_000
        )
        self.space_view = SpaceView(
            path=f"{ROOT}/var", free_bytes=118_000_000_000, total_bytes=400_000_000_000
        )
        self.backups_view = BackupsView(directory=f"{ROOT}/var/backups", sets=sets())
        self.check_view: BackupCheckView | Exception = BackupCheckView(
            estimates={
                Kind.CODE: EstimateView(
                    items=118_402,
                    size_bytes=1_930_000_000,
                    backup_bytes=612_000_000,
                    elapsed_s=70,
                ),
                Kind.MEDIA: EstimateView(
                    items=1_204_877,
                    size_bytes=38_400_000_000,
                    backup_bytes=35_100_000_000,
                    elapsed_s=400,
                ),
                Kind.DB: EstimateView(items=412, size_bytes=31_200_000_000),
            },
            free_bytes=118_000_000_000,
            needed_bytes=66_900_000_000,
        )
        self.plan_view: PlanView | Exception = plan()
        self.job_views: tuple[JobSummary, ...] = (
            JobSummary(
                job_id="20261122-230000-cd34",
                operation=Operation.ROLLBACK,
                kinds=(Kind.CODE, Kind.DB),
                began_s=NOW_S - 4 * HOUR,
                outcome=Outcome.DONE,
                host="web01",
                user="deploy",
                pid=812,
                elapsed_s=21.4,
            ),
        )
        self.planned = RecordedPlanned(tree())
        self.inside = RecordedInside()
        self.streams: dict[str, RecordedStream] = {
            "20261122-230000-cd34": RecordedStream(rollback_stream()),
            "20261123-025719-ab12": RecordedStream(backup_stream()),
        }
        self.changed_views: dict[Kind | None, ChangedPart | Exception] = {
            Kind.CODE: ChangedPart(
                kind=Kind.CODE, changed=1, new=0, gone=304, where=("vendor/magento", "app/etc")
            ),
            Kind.MEDIA: ChangedPart(kind=Kind.MEDIA, changed=0, new=0, gone=0),
        }
        self.newer_view: NewerView | Exception = NewerView(orders=3, customers=2)
        self.notes: list[tuple[int, str]] = []
        self.requests: list[Request] = []
        self.cancelled: list[str] = []
        self.deleted: list[str] = []
        self.needs: dict[str, str] = {}  # names of backups, and what needs each
        self.dead_database = threading.Event()  # set: the database never answers
        self.slow_store = threading.Event()  # a question to the store's files waits for it
        self.slow_store.set()
        self.slow_disk = threading.Event()  # a verification waits for it
        self.slow_disk.set()
        quiet = os.path.dirname(__file__)  # a directory that is there, and where nothing happens
        self.places = StorePaths(
            root=quiet, var=quiet, state=f"{quiet}/no", jobs=f"{quiet}/no/jobs"
        )

    def _give(self, value):
        if isinstance(value, Exception):
            raise value
        return value

    def store(self) -> StoreView:
        view = self.store_view  # as it was when it was asked
        self.slow_store.wait(5)
        return self._give(view)

    def database(self) -> DatabaseView:
        if self.dead_database.is_set():
            threading.Event().wait()
        return self._give(self.database_view)

    def space(self) -> SpaceView:
        return self.space_view

    def backups(self) -> BackupsView:
        return self.backups_view

    def jobs(self) -> tuple[JobSummary, ...]:
        return self.job_views

    def close(self) -> None:
        self.is_open = False

    def changed(self, backup: BackupView, stop: object) -> ChangedPart:
        return self._give(self.changed_views[backup.kind])

    def newer(self, timestamp: int) -> NewerView:
        return self._give(self.newer_view)

    def write_note(self, one: SetView, note: str) -> None:
        self.notes.append((one.timestamp, note))

    def mark(self, one: SetView, *, keep: bool) -> None:
        def marked(each: SetView) -> SetView:
            backups = tuple(replace(backup, keep=keep) for backup in each.backups)
            return replace(each, backups=backups) if each.key == one.key else each

        changed = tuple(map(marked, self.backups_view.sets))
        self.backups_view = replace(self.backups_view, sets=changed)

    def forgotten(self) -> int:
        return self.forgotten_jobs

    def health(self) -> StoreHealth:
        return self.health_view

    def closed(self) -> bool:
        return self.is_closed

    def start(self, request: Request) -> str:
        self.requests.append(request)
        job = JobSummary(
            job_id="20261123-025719-ab12",
            operation=request.operation,
            kinds=tuple(Kind),
            began_s=NOW_S - 161,
            running=True,
            host="web01",
            user="",
            pid=812,
        )
        self.job_views = (job, *self.job_views)
        return job.job_id

    def run(self) -> None:
        """Let a backup run already."""
        self.start(BackupRequest(kinds=tuple(Kind)))
        self.requests.clear()
        self.is_closed = True

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def recover(self) -> str:
        self.job_views = tuple(replace(job, interrupted=False) for job in self.job_views)
        return self.job_views[0].job_id

    def lost(self):
        return self.lost_views

    def stream(self, job_id: str) -> RecordedStream:
        return self.streams[job_id]

    def log_tail(self, job_id: str) -> tuple[tuple[float, str], ...]:
        return read_log(RecordedStream(list(self.streams[job_id].waiting)))

    def command(self, request: Request) -> str:
        return command_line(request)

    def log_path(self, job_id: str) -> str:
        return f"{ROOT}/var/.magerewind/jobs/{job_id}"

    def check_backup(self, request: BackupRequest) -> BackupCheckView:
        return self._give(self.check_view)

    def plan(self, request: RollbackRequest | UndoRequest, report: Report) -> PlanView:
        self.requests.append(request)
        report(1_000_000, 500, "vendor/composer/autoload_classmap.php")
        return self._give(self.plan_view)

    def rollback_to(self, files: Mapping[Kind, str]) -> RollbackRequest:
        return RollbackRequest(**{f"{kind}_file": name for kind, name in files.items()})

    def undo_of(self, job_id: str) -> UndoRequest:
        return UndoRequest(job_id=job_id)

    def verify(self, backup: BackupView, report: Report) -> tuple[str, ...]:
        report(backup.size_bytes, 10, "")
        self.slow_disk.wait(5)
        if backup.health == "damaged":
            raise MagerewindError("It is damaged.")
        return ()

    def needed(self, names: Sequence[str]) -> Mapping[str, str]:
        return {name: why for name, why in self.needs.items() if name in names}

    def delete(self, names: Sequence[str]) -> None:
        if any(name in self.deleted for name in names):
            raise BackupNotFound("gone")
        self.deleted.extend(names)
        left = []
        for one in self.backups_view.sets:
            backups = tuple(each for each in one.backups if each.name not in names)
            if backups:
                left.append(replace(one, backups=backups))
        partial = tuple(one for one in self.backups_view.partial if one.file_name not in names)
        self.backups_view = replace(self.backups_view, sets=tuple(left), partial=partial)

    def open_store(self) -> None:
        self.is_closed = False
