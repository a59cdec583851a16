"""The needs of a backup, as rows: findings, space, time closed, order, equal command."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from textual.content import Content

from core.events import Kind
from core.operations.findings import Level
from core.operations.requests import BackupRequest
from core.text.orders import backup_order, numbered
from tui.engine.port import TimeLimit
from tui.engine.views import BackupCheckView, EstimateView
from tui.render import text
from tui.render.job import Canvas
from tui.render.plan import MUTED, finding_sign
from tui.render.text import Glyphs, assemble

Check = BackupCheckView | Exception | None
SHOWN: Final = 3  # names of a finding; the log has all
_LABEL: Final = 10


def outlook_lines(
    request: BackupRequest | None, check: Check, command: str, place: Canvas, *, listed: bool
) -> list[Content]:
    """Return the consequences of a choice; `request` is None while no kind is chosen.

    `listed`: there is room for a row for each step of the order.
    """
    rows = check_findings(check, place)
    if request is None:
        return rows
    rows += _space(request, check, place)
    rows += _closed_for(request, check, place)
    steps = backup_order(request)
    for number, step in enumerate(steps if listed else (), 1):
        rows += _labelled("Order" if number == 1 else "", f"{number} {step}", place)
    if not listed:
        rows += _labelled("Order", numbered(steps), place)
    if request.prune:
        kept = ", ".join(request.policy.words)
        rows += _labelled("Prune", f"afterwards old sets are deleted; kept: {kept}", place)
    return rows + _labelled("Same as", text.clean(command), place)[: None if listed else 2]


def _labelled(label: str, words: str, place: Canvas, style: str = "") -> list[Content]:
    folded = text.fold(words, max(20, place.width - _LABEL - 1))
    return [
        assemble((f" {label if not number else '':<9}", MUTED), (row, style))
        for number, row in enumerate(folded)
    ]


def check_findings(check: Check, place: Canvas) -> list[Content]:
    """Return the findings of a check as rows, or that it goes on, or why there is none."""
    width, glyphs = place.width, place.glyphs
    if check is None:
        return [assemble((f" Checking {glyphs.ellipsis}", MUTED))]
    if isinstance(check, TimeLimit):
        return [assemble((" ? The check took too long; the job checks again.", "$text-warning"))]
    if isinstance(check, Exception):
        said = [getattr(check, "message", str(check)), getattr(check, "hint", None) or ""]
        folded = text.fold(text.clean(" ".join(filter(None, said))), width - 4)
        return [
            assemble((f" {' ' if number else '?'} {row}", "$text-warning"))
            for number, row in enumerate(folded)
        ]
    rows = []
    for finding in check.findings[:6]:
        sign, style = finding_sign(finding, glyphs)
        for number, row in enumerate(text.fold(text.clean(finding.message), width - 4)):
            rows.append(assemble((f" {' ' if number else sign} {row}", style)))
        for number, name in enumerate(finding.names[:SHOWN]):
            more = len(finding.names) - SHOWN if number == SHOWN - 1 else 0
            words = text.fit(f"   {text.clean(name)}", width - 12, glyphs).rstrip()
            rows.append(assemble(words, (f"  and {more} more" if more > 0 else "", MUTED)))
        if finding.hint and finding.level is Level.STOP:
            folded = text.fold(text.clean(finding.hint), width - 4)
            rows.extend(assemble((f"   {row}", MUTED)) for row in folded)
    return rows


def _space(request: BackupRequest, check: Check, place: Canvas) -> list[Content]:
    if not isinstance(check, BackupCheckView) or check.free_bytes is None:
        return [Content("")]
    line, enough = space_words(request.kinds, check, place.glyphs)
    return _labelled("Space", line, place, "" if enough else "bold $text-error")


def space_words(
    kinds: Collection[Kind], check: BackupCheckView, glyphs: Glyphs
) -> tuple[str, bool]:
    """Return the free and the needed space in words, and whether it is enough."""
    if check.free_bytes is None:
        return "", True
    needed = sum(
        estimate.backup_bytes or estimate.size_bytes or 0
        for kind, estimate in check.estimates.items()
        if kind in kinds
    )
    enough = needed <= check.free_bytes
    verdict = f"{glyphs.ok} enough" if enough else f"{glyphs.failed} NOT ENOUGH"
    free = text.size(check.free_bytes)
    return f"{free} free, about {text.size(needed)} needed  {verdict}", enough


def _closed_for(request: BackupRequest, check: Check, place: Canvas) -> list[Content]:
    if not isinstance(check, BackupCheckView):
        return []
    took = [check.estimates.get(kind, EstimateView()).elapsed_s for kind in request.kinds]
    if request.keep_open:
        words = "not at all: what changes meanwhile may not match"
    elif any(seconds is None for seconds in took):
        words = "how long is not known yet: earlier backups tell"
    else:
        words = f"for about {text.duration(sum(seconds or 0.0 for seconds in took))}"
    return _labelled("Closed", words, place)
