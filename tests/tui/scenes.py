"""Every screen in its interesting states: how to get there on recorded values."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from core.backups.catalog import PartialBackup
from core.errors import ConfigurationError, ConnectionFailed, DamagedBackup
from core.events import Kind, Operation, Outcome
from core.jobs.listing import JobSummary
from core.operations.health import StoreHealth
from tests.tui.recorded import RecordedEngine, RecordedStream
from tests.tui.recorded_values import NOW_S, backup_stream, rollback_stream
from tui.engine.views import BackupsView

UNDONE = "20261122-230000-cd34"
BACKUP = "20261123-025719-ab12"
UNFINISHED = PartialBackup(
    file_name=".1795402639_filesystem_media.tgz.partial",
    size_bytes=4_100_000_000,
    modified_s=NOW_S - 90,
)


class Scene(Struct, frozen=True):
    """What to change beforehand, and which keys lead there."""

    keys: tuple[str, ...] = ()
    before: Callable[[RecordedEngine], object] = lambda _engine: None


def _interrupted(engine: RecordedEngine) -> None:
    job = JobSummary(
        job_id=BACKUP,
        operation=Operation.BACKUP,
        kinds=tuple(Kind),
        began_s=NOW_S - 161,
        interrupted=True,
        host="web01",
        user="deploy",
        pid=812,
    )
    engine.job_views = (job, *engine.job_views)
    engine.is_closed = True
    engine.backups_view = replace(engine.backups_view, partial=(UNFINISHED,))


def _undo(engine: RecordedEngine) -> None:
    job = engine.job_views[0]
    engine.job_views = (replace(job, undo_kept=True, undo_bytes=1_200_000_000),)


def _finished(engine: RecordedEngine) -> None:
    engine.streams[BACKUP] = RecordedStream(backup_stream(ended=True))
    job = JobSummary(
        job_id=BACKUP,
        operation=Operation.BACKUP,
        kinds=tuple(Kind),
        began_s=NOW_S - 161,
        outcome=Outcome.WARNINGS,
        host="web01",
        user="deploy",
        pid=812,
        elapsed_s=500.2,
    )
    engine.job_views = (job, *engine.job_views)


def _rolled_back(engine: RecordedEngine) -> None:
    _undo(engine)
    engine.streams[UNDONE] = RecordedStream(rollback_stream())


def _broken(engine: RecordedEngine) -> None:
    engine.database_view = ConnectionFailed("No server answers at db1:3306.")
    engine.health_view = StoreHealth(broken=("database down",))
    engine.backups_view = BackupsView(directory=engine.backups_view.directory)
    engine.is_closed = True


def _no_vendor(engine: RecordedEngine) -> None:
    engine.health_view = StoreHealth(
        broken=("vendor missing",),
        kinds=(Kind.CODE,),
        backups={Kind.CODE: "1795392000_filesystem.tgz"},
    )


def _down(engine: RecordedEngine) -> None:
    where = "/var/www/shop/app/etc/env.php"
    why = f"{where}, line 41: a call of a function of this shop, shop_secret(), is not data."
    hint = "Write that value in plain, or make php available to the file's owner."
    engine.database_view = ConfigurationError(why, hint=hint)
    engine.store_view = replace(engine.store_view, problem=why)
    engine.health_view = StoreHealth(broken=("config BROKEN",), reasons=(why,))


def _no_plan(engine: RecordedEngine) -> None:
    engine.plan_view = DamagedBackup(
        "1795392000_filesystem.tgz is cut: it ends within vendor/magento/framework/App.php.",
        hint="magerewind info:backups:verify reads all backups.",
    )


def _only(engine: RecordedEngine) -> None:
    engine.backups_view = replace(engine.backups_view, sets=engine.backups_view.sets[:2])


def _stripped(engine: RecordedEngine) -> None:
    first, *others = engine.backups_view.sets
    parts = [replace(one, without_rows=3) if one.kind is Kind.DB else one for one in first.backups]
    sets = (replace(first, backups=tuple(parts)), *others)
    engine.backups_view = replace(engine.backups_view, sets=sets)


def _read_only(engine: RecordedEngine) -> None:
    engine.read_only = True


def _left_over(engine: RecordedEngine) -> None:
    engine.backups_view = replace(
        engine.backups_view, partial=(UNFINISHED,), unknown=("notes.txt", "old/")
    )


SCENES = {
    "home": Scene(),
    "home-running": Scene(before=RecordedEngine.run),
    "home-interrupted": Scene(before=_interrupted),
    "home-undo": Scene(before=_undo),
    "home-broken": Scene(before=_broken),
    "home-no-vendor": Scene(before=_no_vendor),
    "home-config": Scene(before=_down),
    "home-read-only": Scene(before=_read_only),
    "help": Scene(keys=("question_mark",)),
    "palette": Scene(keys=("ctrl+p",)),
    "refused": Scene(keys=("u",)),
    "backup": Scene(keys=("b",)),
    "note": Scene(keys=("b", "e")),
    "job-running": Scene(keys=("j",), before=RecordedEngine.run),
    "job-folded": Scene(keys=("j", "l"), before=RecordedEngine.run),
    "job-zoomed": Scene(keys=("j", "z"), before=RecordedEngine.run),
    "job-cancel": Scene(keys=("j", "ctrl+c"), before=RecordedEngine.run),
    "job-finished": Scene(keys=("j",), before=_finished),
    "job-rolled-back": Scene(keys=("j",), before=_rolled_back),
    "backups": Scene(keys=("enter",)),
    "backups-open": Scene(keys=("enter", "enter", "down"), before=_stripped),
    "inside": Scene(keys=("enter", "enter", "down", "enter", "enter", "down", "enter", "down")),
    "inside-db": Scene(keys=("enter", "enter", "down", "enter", "t", "t")),
    "inside-rows": Scene(keys=("enter", "enter", "down", "enter", "t", "t", "enter", "down")),
    "backups-filter": Scene(keys=("enter", "slash", "d", "a", "m")),
    "backups-marked": Scene(keys=("enter", "space", "space", "s", "s")),
    "help-filter": Scene(keys=("question_mark", "r", "o", "l", "l")),
    "backups-left-over": Scene(keys=("enter", "end", "up", "up"), before=_left_over),
    "delete-unfinished": Scene(keys=("enter", "end", "up", "up", "d"), before=_left_over),
    "delete": Scene(keys=("enter", "d")),
    "delete-last": Scene(keys=("enter", "enter", "down", "down", "down", "d"), before=_only),
    "plan": Scene(keys=("r",)),
    "plan-parts": Scene(keys=("r", "2", "greater_than_sign", "less_than_sign", "less_than_sign")),
    "plan-options": Scene(keys=("r", "o", "down", "down", "left", "down", "space")),
    "plan-diff": Scene(keys=("r", "down", "down", "down", "down", "tab")),
    "plan-find": Scene(keys=("r", "slash", "p", "h", "p")),
    "plan-goes": Scene(keys=("r", "c")),
    "plan-write": Scene(keys=("r", "w")),
    "plan-refused": Scene(keys=("r",), before=_no_plan),
    "confirm": Scene(keys=("r", "n")),
    "undo": Scene(keys=("u",), before=_undo),
    "discard": Scene(keys=("d",), before=_undo),
    "recover": Scene(keys=("i",), before=_interrupted),
    "history": Scene(keys=("h",)),
}
