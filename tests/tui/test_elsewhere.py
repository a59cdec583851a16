"""Sets and backups that are, or go, elsewhere: the list, what is refused, where a backup goes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from core.errors import UsageError
from core.events import Kind
from core.operations.requests import BackupRequest, RollbackRequest
from core.repository.seen import Seen
from core.repository.sets import Holdings, RemoteSet, SetSnapshot
from core.repository.settings import Repository
from tests.tui.conftest import opened, rows, said, settle, shown
from tests.tui.recorded import RecordedEngine
from tui.engine.copies import located, with_copies
from tui.engine.views import BackupsView, BackupView, SetOrigin, SetView
from tui.render.sets import where_words

OFFSITE = Repository(name="offsite", url="/mnt/offsite", password_file="/etc/key")


def a_set(timestamp: int, *names: str, origin: SetOrigin | None = None) -> SetView:
    backup = BackupView(
        name=f"{timestamp}_db.sql", kind=Kind.DB, timestamp=timestamp, size_bytes=1000,
        health="unverified", where=names, origin=origin,
    )  # fmt: skip
    return SetView(timestamp=timestamp, backups=(backup,))


async def test_the_list_says_where_a_set_is(engine: RecordedEngine) -> None:
    there = a_set(1_700_000_000, "offsite", origin=SetOrigin(repository=OFFSITE, store="shop"))
    both = a_set(1_600_000_000, "here", "offsite")
    view = engine.backups_view
    engine.backups_view = replace(view, sets=(*view.sets, there, both))
    assert engine.backups_view.size_bytes == view.size_bytes + 1000
    assert there.backups[0] not in engine.backups_view.good(Kind.DB)
    async with opened(engine) as (app, pilot):
        app.show_backups(there.key)
        await settle(pilot)
        text = shown(app)
        assert "WHERE" in text
        assert " both" in text
        for key in "ved":
            await pilot.press(key)
            await settle(pilot)
            assert "magerewind repo:fetch brings it there" in said(app)
        assert "offsite" in "\n".join(rows(app))


def test_all_parts_of_a_request_come_from_one_set() -> None:
    origin = SetOrigin(repository=OFFSITE, store="shop")
    there, here = a_set(1_700_000_000, "offsite", origin=origin), a_set(1_600_000_000)
    request = located(RollbackRequest(db_file=there.backups[0].name), there.backups)
    assert (request.repository, request.store) == (OFFSITE, "shop")
    with pytest.raises(UsageError):
        located(RollbackRequest(), (*there.backups, *here.backups))


async def test_a_backup_goes_to_a_repository_of_the_store(engine: RecordedEngine) -> None:
    engine.defaults = BackupRequest(kinds=tuple(Kind), repositories=(OFFSITE,))
    async with opened(engine) as (app, pilot):
        await pilot.press("b")
        await settle(pilot)
        assert "Goes to    here, then offsite" in shown(app)
        await pilot.press("down", "down", "down", "down", "down", "down", "space", "space")
        await settle(pilot)
        assert "Goes to    offsite alone" in shown(app)
        await pilot.press("b")
        await settle(pilot)
        assert engine.requests == [replace(engine.defaults, local=False)]


def test_a_set_of_which_parts_are_elsewhere_is_one_set() -> None:
    part = {
        kind: SetSnapshot(
            id=name * 64,
            store="shop",
            timestamp=1_600_000_000,
            kind=kind.value,
            time_s=1.0,
            bytes=7,
        )
        for kind, name in ((Kind.CODE, "a"), (Kind.DB, "b"))
    }
    manifest = replace(part[Kind.CODE], id="c" * 64, kind="manifest")
    one = RemoteSet(
        repository="offsite", store="shop", timestamp=1_600_000_000, manifest=manifest, parts=part
    )
    seen = Seen(repository="offsite", seen_s=2.0, holdings=Holdings(sets=(one,)))
    (found,) = with_copies((a_set(1_600_000_000),), (seen,), lambda _name: OFFSITE, "shop")
    assert [(each.kind, each.where) for each in found.backups] == [
        (Kind.CODE, ("offsite",)),
        (Kind.DB, ("here", "offsite")),
    ]
    assert (found.is_here, found.where, where_words(found)) == (False, ("offsite",), "offsite")
    request = RollbackRequest(code_file="1600000000_filesystem.tgz", db_file="1600000000_db.sql")
    assert located(request, found.backups).repository == OFFSITE
    without = replace(one, parts={Kind.CODE: part[Kind.CODE]})
    seen = Seen(repository="offsite", seen_s=2.0, holdings=Holdings(sets=(without,)))
    (found,) = with_copies((a_set(1_600_000_000),), (seen,), lambda _name: OFFSITE, "shop")
    assert where_words(found) == "parts"
    view = BackupsView(directory="/", sets=(found,))
    assert [one.kind for one in view.good(Kind.DB)] == [Kind.DB]
    assert (view.good(Kind.CODE), view.size_bytes) == ((), 1000)
    with pytest.raises(UsageError):
        located(request, found.backups)
