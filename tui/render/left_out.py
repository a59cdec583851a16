"""Beside the form of a backup: the data that it leaves out, the last backups. Pure functions."""

from __future__ import annotations

from datetime import tzinfo
from typing import Final

from textual.content import Content

from core.archive.tree.selection import IGNORED_IN_CODE
from core.events import Kind
from core.operations.requests import BackupRequest
from tui.engine.views import BAD, BackupsView, BackupView
from tui.render import text
from tui.render.facts import fact
from tui.render.job import Canvas
from tui.render.sets import check_words
from tui.render.text import assemble

_WIDE: Final = 54  # cells of a row with all columns
_ELSEWHERE: Final = "search indexes, Redis, queues in RabbitMQ, files that a media storage keeps"


def left_out_lines(asked: BackupRequest, place: Canvas) -> list[Content]:
    """Return what no backup holds, and what this one leaves out besides."""
    ignored = ", ".join(name.decode() for name in IGNORED_IN_CODE)
    rows = fact("Code", f"var, pub/static, {ignored}", place)
    rows += fact("Db", "accounts and rights of the server, other schemas", place)
    rows += fact("Besides", _ELSEWHERE, place)
    if asked.exclude:
        rows += fact("Excluded", " ".join(asked.exclude), place, "$text-warning")
    if asked.strip:
        rows += fact("Without rows", " ".join(asked.strip), place, "$text-warning")
    return rows


def last_lines(listing: BackupsView | None, place: Canvas, zone: tzinfo | None) -> list[Content]:
    """Return the newest backup of each part: time, age, size, duration, check."""
    if listing is None:
        return [assemble((place.glyphs.ellipsis, "$foreground-muted"))]
    took = f"{'TOOK':>7}" if place.width >= _WIDE else ""
    head = f"{'PART':<6}{f'WHEN {text.zone_name(zone)}':<12}{'AGE':>8}{'SIZE':>9}{took}  CHECK"
    rows = [assemble((head[: place.width], "$foreground-muted"))]
    for kind in Kind:
        found = [one for every in listing.sets if (one := every.of(kind)) is not None]
        last = next((one for one in found if one.health not in BAD), found[0] if found else None)
        rows.append(_last_line(kind, last, place, zone))
    return rows


def _last_line(kind: Kind, one: BackupView | None, place: Canvas, zone: tzinfo | None) -> Content:
    if one is None:
        return assemble(f"{kind.value:<6}", ("none yet", "$text-warning"))
    took = "" if one.elapsed_s is None else text.duration(one.elapsed_s)
    line = f"{kind.value:<6}{text.when(one.timestamp, place.now_s, zone):<12}"
    line += text.right(text.short_age(one.timestamp, place.now_s), 8)
    line += text.right(text.size(one.size_bytes), 9)
    line += text.right(took, 7) if place.width >= _WIDE else ""
    return assemble(line, "  ", check_words(one))
