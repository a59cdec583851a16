"""The plan of a rollback as lines of text: changes, losses, findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from core.operations.findings import Finding, Level
from tui.engine.views import DatabasePlanView, PlanView
from tui.render import text
from tui.render.job import Canvas
from tui.render.losses import LABEL, lost_words
from tui.render.text import Glyphs, assemble

MUTED: Final = "$foreground-muted"
_LABEL = 11


def head_lines(plan: PlanView, place: Canvas, *, undo: bool) -> list[Content]:
    """Return the lines above the tree: reasons to stop, and losses."""
    return finding_lines(plan.stops, place) + _lost(plan, place, undo=undo)


def tail_lines(plan: PlanView, place: Canvas, *, undo: bool) -> list[Content]:
    """Return the lines below the tree: facts of the database, of env.php, findings."""
    rows: list[Content] = []
    if plan.database is not None:
        rows.extend(_database(plan.database, place, undo=undo, named=not plan.tables))
    if plan.env_keys:
        keys = ", ".join(plan.env_keys)
        rows.extend(labelled("env.php", f"differs in {keys}", place, "$text-warning"))
    rows.extend(finding_lines([one for one in plan.findings if one.level is not Level.STOP], place))
    return rows


def room_words(plan: PlanView) -> str:
    """Return how much room it takes, where that is known."""
    if plan.needed_bytes is None or plan.free_bytes is None:
        return ""
    return f"Needs {text.size(plan.needed_bytes)} of {text.size(plan.free_bytes)}."


def labelled(label: str, words: str, place: Canvas, style: str = "") -> list[Content]:
    """Return a label and its text, folded beside it. The text may hold anything."""
    room = max(16, place.width - _LABEL - 2)
    label = text.clean(label)
    folded = Content(text.clean(words)).wrap(room)
    return [
        assemble((f" {label if not number else '':<{_LABEL}}", "bold"), (row.plain.rstrip(), style))
        for number, row in enumerate(folded)
    ]


def finding_sign(finding: Finding, glyphs: Glyphs) -> tuple[str, str]:
    """Return the sign before a finding, and its style."""
    match finding.level:
        case Level.STOP:
            return glyphs.failed, "bold $text-error"
        case Level.WARN:
            return glyphs.warning, "$text-warning"
        case Level.NOTE:
            return glyphs.dot, MUTED


def finding_lines(findings: Sequence[Finding], place: Canvas, limit: int = 12) -> list[Content]:
    """Return the findings of checks, a sign before each, with its hint."""
    glyphs = place.glyphs
    rows: list[Content] = []
    for finding in findings[:limit]:
        sign, style = finding_sign(finding, glyphs)
        rows.extend(_signed(sign, finding.message, place, style))
        for name in finding.names[:3]:
            rows.extend(_signed(" ", f"  {name}", place, MUTED, 1))
        if len(finding.names) > 3:
            rows.append(assemble((f"     and {len(finding.names) - 3} more", MUTED)))
        if finding.hint:
            rows.extend(_signed(" ", finding.hint, place, MUTED))
    more = len(findings) - limit
    if more > 0:
        rows.append(assemble((f"   and {more} more", MUTED)))
    return rows


def _signed(
    sign: str, words: str, place: Canvas, style: str, limit: int | None = None
) -> list[Content]:
    folded = Content(text.clean(words)).wrap(max(16, place.width - 4))
    return [
        assemble((f" {sign if not number else ' '} {row.plain.rstrip()}", style))
        for number, row in enumerate(folded if limit is None else folded[:limit])
    ]


def _lost(plan: PlanView, place: Canvas, *, undo: bool) -> list[Content]:
    """Return the losses, their label first; uncounted ones count as losses too."""
    lost = lost_words(plan)
    than = "that job" if undo else "the backup"
    words = [lost] if lost else []
    words += [text.clean(one if one.endswith(".") else f"{one}.") for one in plan.uncounted]
    if not words:
        return []
    told = f"{LABEL}  {'; '.join(words)}"
    if lost and len(told) + len(f" newer than {than}") <= place.width:
        told = told.replace(lost, f"{lost} newer than {than}")
    head, *more = text.fold(told, place.width)
    rows = [assemble((LABEL, "bold $text-error"), (head.removeprefix(LABEL), "bold"))]
    return rows + [assemble((f"  {row}", "bold")) for row in more]


def planning_lines(done_bytes: int, current: str, took_s: float, place: Canvas) -> list[Content]:
    """Return how far a plan is that is being made."""
    current = text.fit_end(text.clean(current), max(8, place.width - 4), place.glyphs)
    words = f" Reading the backups and the store {place.glyphs.ellipsis}"
    return [
        Content(""),
        assemble((words, "bold $text-accent")),
        assemble(f" {text.size(done_bytes)} read, {text.duration(took_s)}"),
        assemble((f"   {current}", MUTED)),
        Content(""),
        assemble((" The store stays open; nothing is changed.", MUTED)),
    ]


def failed_lines(error: Exception, place: Canvas) -> list[Content]:
    """Return the reason for a missing plan, and the remedy."""
    room = max(20, place.width - 4)
    message = text.clean(getattr(error, "message", f"{type(error).__name__}: {error}"))
    rows = [Content(""), assemble((" NO ROLLBACK IS POSSIBLE LIKE THIS", "bold $text-error"))]
    for number, row in enumerate(text.fold(message, room)):
        sign = place.glyphs.failed if not number else " "
        rows.append(assemble((f" {sign} {row}", "$text-error")))
    hint = getattr(error, "hint", None)
    rows += [assemble(f"   {row}") for row in text.fold(text.clean(hint), room)] if hint else []
    return [
        *rows,
        Content(""),
        assemble(" Nothing was changed. [F5] tries again, [Esc] goes back."),
    ]


def _database(plan: DatabasePlanView, place: Canvas, *, undo: bool, named: bool) -> list[Content]:
    """Return the facts of the database as a whole; its tables too where no rows name them."""
    rows: list[Content] = []
    title = "DATABASE"

    def add(words: str, style: str = "") -> None:
        rows.extend(labelled("" if rows else title, words, place, style))

    if plan.rows_now is not None and plan.rows_then is not None and not undo:
        arrow = place.glyphs.arrow
        add(
            f"rows: about {text.count(plan.rows_now)} now {arrow} {text.count(plan.rows_then)} then"
        )
    if plan.server_needed is not None:
        free = "not known" if plan.server_free is None else text.size(plan.server_free)
        add(f"about {text.size(plan.server_needed)} on the database server, free there: {free}")
    if not named:
        return rows
    for found, what in (
        (plan.differing_names, "with other rows now"),
        (plan.added_names, "missing now, to come back"),
        (plan.changed_names, "defined otherwise now"),
    ):
        if found:
            listed = ", ".join(map(text.clean, found[:6]))
            add(f"{text.plural(len(found), 'table')} {what}: {listed}")
    if plan.aside:
        names = ", ".join(plan.aside_names[:6])
        verb = "goes" if plan.aside == 1 else "go"
        add(
            f"{text.plural(plan.aside, 'table')} not in the backup {verb} aside"
            f"{f': {names}' if names else ''}",
            "$text-warning",
        )
    return rows
