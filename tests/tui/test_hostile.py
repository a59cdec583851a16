"""Names, notes and messages that try to be more than text, on every screen."""

from __future__ import annotations

import unicodedata
from enum import Enum

import pytest
from msgspec import Struct
from msgspec.structs import replace
from textual.pilot import Pilot

from core.backups.catalog import PartialBackup
from core.errors import MagerewindError
from tests.long import some
from tests.tui.conftest import opened, settle, shown
from tests.tui.recorded import RecordedEngine, RecordedStream
from tests.tui.recorded_values import NOW_S, backup_stream, rollback_stream
from tests.tui.scenes import BACKUP, SCENES, UNDONE
from tui.app.application import Application
from tui.engine.views import BackupsView, PlanView, SpaceView

EVIL = "\x1b]52;c;ZXZpbA==\x07[/bad] [bold]b\u202egnp\u2066 \udce9\x9b31m\r\n\x00[@click=app.quit]"
WITHOUT_TEXTS_OF_THEIR_OWN = {
    *("home-read-only", "home-undo", "job-folded", "job-zoomed", "note", "palette", "refused"),
    *("backups", "safety"),
}
OFTEN = (*("home", "job-running", "backups-open", "plan", "confirm", "recover"),)
LONG = EVIL + "x" * 4096 + EVIL  # longer than any name may be


def poisoned(value: object, evil: str, *, keep: tuple[str, ...] = ()) -> object:
    """Return the value with every text in it replaced, names of fields in `keep` excepted."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return evil
    if isinstance(value, tuple):
        return tuple(poisoned(item, evil, keep=keep) for item in value)
    if isinstance(value, dict):
        return {key: poisoned(item, evil, keep=keep) for key, item in value.items()}
    if isinstance(value, Struct):
        changes = {
            name: poisoned(getattr(value, name), evil, keep=keep)
            for name in value.__struct_fields__
            if name not in keep
        }
        return replace(value, **changes)
    return value


def poison(engine: RecordedEngine, evil: str) -> None:
    engine.root = f"/var/www/{evil}"
    engine.host = evil
    for name in ("store_view", "database_view", "plan_view", "check_view"):
        value = getattr(engine, name)
        if isinstance(value, MagerewindError):
            setattr(engine, name, MagerewindError(evil, hint=evil))
        else:
            setattr(engine, name, poisoned(value, evil, keep=("level", "fingerprint")))
    engine.space_view = SpaceView(path=evil, free_bytes=1, total_bytes=2)
    backups = poisoned(engine.backups_view, evil, keep=("health", "name"))
    assert isinstance(backups, BackupsView)
    unfinished = PartialBackup(file_name=evil + ".partial", size_bytes=1, modified_s=NOW_S)
    engine.backups_view = replace(backups, unknown=(evil,), partial=(unfinished,))
    engine.job_views = tuple(poisoned(job, evil, keep=("job_id",)) for job in engine.job_views)
    for job_id, stream in engine.streams.items():
        engine.streams[job_id] = RecordedStream(
            [poisoned(stamped, evil, keep=("steps",)) for stamped in stream.waiting]
        )


def assert_harmless(app: Application) -> None:
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            bad = [
                character
                for character in segment.text
                if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
            ]
            assert not bad, segment.text
            if segment.style is not None:
                assert "app.quit" not in str(segment.style.meta)
                assert segment.style.link is None


async def walk(pilot: Pilot[None], keys: tuple[str, ...]) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


@pytest.mark.parametrize("name", some(sorted(SCENES.keys() - WITHOUT_TEXTS_OF_THEIR_OWN), *OFTEN))
async def test_hostile_text_is_shown_and_never_obeyed(name: str) -> None:
    engine = RecordedEngine()
    SCENES[name].before(engine)
    poison(engine, LONG if len(name) % 2 else EVIL)
    async with opened(engine) as (app, pilot):
        await walk(pilot, SCENES[name].keys)
        assert_harmless(app)
        if app.page is app.screen and app.page.dialog is None:
            assert any(sign in shown(app) for sign in ("\\x1b]52", "@click", "xxxxxxxx"))


async def test_the_log_shows_hostile_names(engine: RecordedEngine) -> None:
    engine.run()
    recorded = [*backup_stream(ended=True), *rollback_stream()]
    events = [poisoned(stamped, EVIL, keep=("steps",)) for stamped in recorded]
    engine.streams[BACKUP] = RecordedStream(events)
    engine.streams[UNDONE] = RecordedStream(events)
    async with opened(engine, size=(120, 40)) as (app, pilot):
        await walk(pilot, ("j",))
        assert_harmless(app)
        assert shown(app).count("\\x1b]52") > 3
        await walk(pilot, ("slash", *"[/bad]", "enter"))
        assert_harmless(app)
        assert "[/bad]" in shown(app)


async def test_hostile_errors_are_data_in_toasts(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        app.complain(MagerewindError(EVIL, hint=EVIL))
        app.refuse(EVIL)
        app.tell(EVIL)
        await settle(pilot)
        await pilot.pause(0.3)
        assert_harmless(app)
        assert isinstance(engine.plan_view, PlanView)
