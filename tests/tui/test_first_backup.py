"""The table of a first backup; no application."""

from __future__ import annotations

from core.events import Kind
from tests.tui.recorded_values import NOW_S
from tui.engine.views import BackupCheckView, EstimateView
from tui.render.first_backup import estimate_lines
from tui.render.job import Canvas
from tui.render.text import ASCII

PLACE = Canvas(60, ASCII, NOW_S)


def cells(check: BackupCheckView | None, kind: Kind) -> list[str]:
    rows = [line.plain.split() for line in estimate_lines(check, PLACE)]
    (found,) = [row[1:] for row in rows if row[0] == kind]
    return found


def test_a_part_that_could_not_be_looked_at_is_not_awaited_any_more() -> None:
    code = EstimateView(items=12, size_bytes=259, backup_bytes=77)
    checked = BackupCheckView(estimates={Kind.CODE: code})
    assert cells(checked, Kind.CODE)[0] == "12"
    assert cells(checked, Kind.DB) == ["?"]
    assert cells(None, Kind.DB) == [ASCII.ellipsis]
