"""Recorded streams of events and sets of backups, for tests of the screens."""

from __future__ import annotations

from collections.abc import Iterable

from core.events import (
    BackupCompleted,
    BackupStarted,
    CommitReached,
    Event,
    FollowUp,
    JobBegan,
    JobEnded,
    Kind,
    MaintenanceDisabled,
    MaintenanceEnabled,
    Operation,
    Outcome,
    Progressed,
    RollbackCompleted,
    RollbackPlanned,
    RollbackStarted,
    Stamped,
    Step,
    StepEnded,
    StepsPlanned,
    StepStarted,
    Warned,
)
from core.operations.table_plans import TablePlan, TableState
from tui.engine.views import (
    BackupView,
    SetView,
)

NOW_S = 1_795_402_800.0  # 2026-11-23 03:00 UTC


ROOT = "/var/www/shop"


HOUR = 3600


def began(operation: Operation, kinds: tuple[Kind, ...], job_id: str) -> JobBegan:
    return JobBegan(
        job_id=job_id,
        operation=operation,
        kinds=kinds,
        timestamp=int(NOW_S) - 161,
        root=ROOT,
        host="web01",
        user="deploy",
        pid=4711,
        command="magerewind setup:backup --code --media --db",
    )


def stamp(events: Iterable[tuple[float, Event]], start_s: float) -> list[Stamped]:
    return [
        Stamped(seq=seq, time_s=start_s + at, event=event) for seq, (at, event) in enumerate(events)
    ]


KEYS = ("check", "close", "write:code", "verify:code", "write:media", "verify:media")
KEYS += ("write:db", "verify:db", "open")


SIZES = (-1, -1, 1_930_000_000, 612_000_000, 38_400_000_000, 35_100_000_000)
SIZES += (5_600_000_000, 5_600_000_000, -1)


def backup_stream(*, ended: bool = False) -> list[Stamped]:
    """A backup of all kinds, in the middle of media, or finished."""
    done = Outcome.DONE
    code_file = "1795402639_filesystem.tgz"
    rows: list[tuple[float, Event]] = [
        (0, began(Operation.BACKUP, tuple(Kind), "20261123-025719-ab12")),
        (0, StepsPlanned(steps=KEYS)),
        (0, StepStarted(step=Step.CHECK)),
        (0.4, StepEnded(step=Step.CHECK, outcome=done, elapsed_s=0.4)),
        (0.4, StepsPlanned(steps=KEYS, sizes=SIZES)),
        (0.4, StepStarted(step=Step.CLOSE)),
        (0.5, MaintenanceEnabled(already=False)),
        (0.5, StepEnded(step=Step.CLOSE, outcome=done, elapsed_s=0.1)),
        (0.6, BackupStarted(kind=Kind.CODE)),
        (0.6, StepStarted(step=Step.WRITE, kind=Kind.CODE, total_bytes=1_930_000_000)),
        (
            60,
            Progressed(
                step=Step.WRITE,
                kind=Kind.CODE,
                done_bytes=1_930_000_000,
                total_bytes=1_930_000_000,
                done_items=118_402,
                total_items=118_402,
            ),
        ),
        (60, StepEnded(step=Step.WRITE, kind=Kind.CODE, outcome=done, elapsed_s=59.4)),
        (60, StepStarted(step=Step.VERIFY, kind=Kind.CODE, total_bytes=612_000_000)),
        (
            69,
            Progressed(
                step=Step.VERIFY,
                kind=Kind.CODE,
                done_bytes=612_000_000,
                total_bytes=612_000_000,
                done_items=118_402,
            ),
        ),
        (69, StepEnded(step=Step.VERIFY, kind=Kind.CODE, outcome=done, elapsed_s=9.0)),
        (
            69,
            BackupCompleted(
                kind=Kind.CODE,
                file_name=code_file,
                path=f"{ROOT}/var/backups/{code_file}",
                size_bytes=612_000_000,
                items=118_402,
                sha256="0" * 64,
                elapsed_s=68.4,
            ),
        ),
        (69, BackupStarted(kind=Kind.MEDIA)),
        (69, StepStarted(step=Step.WRITE, kind=Kind.MEDIA, total_bytes=38_400_000_000)),
    ]
    for second in range(70, 161, 3):
        share = (second - 69) / 290
        rows.append(
            (
                second,
                Progressed(
                    step=Step.WRITE,
                    kind=Kind.MEDIA,
                    done_bytes=int(38_400_000_000 * share),
                    total_bytes=38_400_000_000,
                    done_items=int(1_204_877 * share),
                    total_items=1_204_877,
                    current="pub/media/catalog/product/cache/9f3a77/b/l/blue-hoodie-front_2.jpg",
                ),
            )
        )
    if ended:
        rows += [
            (360, StepEnded(step=Step.WRITE, kind=Kind.MEDIA, outcome=done, elapsed_s=291)),
            (
                400,
                Warned(
                    code="changed-while-read",
                    message="2 files changed while they were read.",
                    names=("pub/media/import/feed.csv", "pub/media/import/stock.csv"),
                ),
            ),
            (500, MaintenanceDisabled(skipped=False)),
            (
                500,
                JobEnded(outcome=Outcome.WARNINGS, exit_code=0, elapsed_s=500.2, closed_s=499.5),
            ),
        ]
    return stamp(rows, NOW_S - 161)


def rollback_stream() -> list[Stamped]:
    """A finished rollback of code and database, whose undo is kept."""
    done = Outcome.DONE
    keys = ("check", "plan:code", "plan:db", "stage:code", "close", "recheck:code", "load:db")
    keys += ("swap", "commit", "forward", "flush", "open")
    rows: list[tuple[float, Event]] = [
        (0, began(Operation.ROLLBACK, (Kind.CODE, Kind.DB), "20261122-230000-cd34")),
        (0, StepsPlanned(steps=keys)),
        (
            1,
            RollbackPlanned(
                kind=Kind.CODE,
                identical=118_000,
                added=12,
                changed=390,
                removed=41,
                mode_only=2,
                bytes_to_write=4_200_000,
            ),
        ),
        (2, MaintenanceEnabled(already=False)),
        (
            2,
            RollbackStarted(
                kind=Kind.CODE,
                file_name="1795312800_filesystem.tgz",
                path=f"{ROOT}/var/backups/1795312800_filesystem.tgz",
            ),
        ),
    ]
    for number, key in enumerate(keys):
        step, _, kind = key.partition(":")
        rows.append(
            (
                3 + number,
                StepEnded(
                    step=Step(step), kind=Kind(kind) if kind else None, outcome=done, elapsed_s=1
                ),
            )
        )
    rows += [
        (20, CommitReached()),
        (20, RollbackCompleted(kind=Kind.CODE)),
        (20, RollbackCompleted(kind=Kind.DB)),
        (21, MaintenanceDisabled(skipped=False)),
        (
            21,
            FollowUp(code="fpm", message="Reload PHP-FPM, so that it forgets the compiled code."),
        ),
        (
            21,
            JobEnded(outcome=done, exit_code=0, elapsed_s=21.4, closed_s=18.7, undo_kept=True),
        ),
    ]
    return stamp(rows, NOW_S - 4 * HOUR)


def sets() -> tuple[SetView, ...]:
    """Four sets: ours, one with a damaged dump, one by Magento, one of the admin pages."""

    def backup(timestamp: int, kind: Kind | None, size: int, **more) -> BackupView:
        endings = {
            Kind.CODE: "filesystem.tgz",
            Kind.MEDIA: "filesystem_media.tgz",
            Kind.DB: "db.sql",
            None: "snapshot.tgz",
        }
        more.setdefault("health", "verified")
        more.setdefault("maker", "magerewind 0.1.0")
        return BackupView(
            name=f"{timestamp}_{endings[kind]}",
            kind=kind,
            timestamp=timestamp,
            size_bytes=size,
            **more,
        )

    new, old, foreign, admin = (
        int(NOW_S) - 3 * HOUR,
        int(NOW_S) - 25 * HOUR,
        int(NOW_S) - 34 * 24 * HOUR,
        int(NOW_S) - 300 * 24 * HOUR,
    )
    note = "before the upgrade to 2.4.8"
    details = (
        ("sha256", "3b1f" * 16),
        ("members", "118,402"),
        ("Magento", "2.4.6"),
        ("taken in", "1:08"),
    )
    return (
        SetView(
            timestamp=new,
            backups=(
                backup(new, Kind.CODE, 612_000_000, note=note, details=details, items=118_402),
                backup(new, Kind.MEDIA, 35_000_000_000, note=note, items=1_204_877),
                backup(
                    new, Kind.DB, 5_600_000_000, note=note, warnings=("1 file changed meanwhile.",)
                ),
            ),
        ),
        SetView(
            timestamp=old,
            backups=(
                backup(old, Kind.DB, 12, health="damaged", warnings=("the file has 12 bytes",)),
            ),
        ),
        SetView(
            timestamp=foreign,
            backups=tuple(
                backup(foreign, kind, 4_000_000_000, health="unverified", maker="Magento")
                for kind in Kind
            ),
        ),
        SetView(
            timestamp=admin,
            backups=(backup(admin, None, 900_000_000, health="unverified", maker="Magento"),),
        ),
    )


def tables() -> tuple[TablePlan, ...]:
    """Some of the tables of a plan."""
    return (
        TablePlan(
            name="customer_entity", state=TableState.CHANGED, rows_now=1_021, rows_then=1_000
        ),
        TablePlan(name="sales_order", state=TableState.MISSING, rows_then=290),
        TablePlan(name="shop_new_a", state=TableState.EXTRA, rows_now=3),
        TablePlan(name="store", state=TableState.SAME, rows_now=4, rows_then=4),
    )
