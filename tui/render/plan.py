"""The plan of a rollback as lines of text: what changes, what would be lost, what was found."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from core.events import Kind
from core.operations.findings import Finding, Level
from tui.engine.views import DatabasePlanView, FilesPlanView, PlanView
from tui.render import text
from tui.render.job import Place
from tui.render.text import Glyphs, assemble

_LABEL = 11
_TITLES = {Kind.CODE: "CODE", Kind.MEDIA: "MEDIA", Kind.DB: "DATABASE"}


def plan_lines(plan: PlanView, place: Place, *, undo: bool) -> list[Content]:
    """Return the whole plan; what is lost comes first, since it matters most."""
    rows: list[Content] = []
    rows.extend(finding_lines(plan.stops, place))
    rows.extend(_lost(plan, place, undo=undo))
    for kind in Kind:
        if kind in plan.files:
            rows.extend(_files(kind, plan.files[kind], place))
        if kind is Kind.DB and plan.database is not None:
            rows.extend(_database(plan.database, place, undo=undo))
    if plan.database_aside:
        words = "the tables that were set aside come back, the present ones are set aside"
        rows.extend(labelled(_TITLES[Kind.DB], words, place))
    if plan.env_keys:
        keys = ", ".join(plan.env_keys)
        rows.extend(labelled("env.php", f"differs in {keys}", place, "$text-warning"))
    if plan.needed_bytes is not None and plan.free_bytes is not None:
        space = f"{text.size(plan.needed_bytes)} needed, {text.size(plan.free_bytes)} free"
        rows.extend(labelled("Space", space, place))
    rows.extend(finding_lines([one for one in plan.findings if one.level is not Level.STOP], place))
    return rows


def labelled(label: str, words: str, place: Place, style: str = "") -> list[Content]:
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
            return glyphs.dot, "$foreground-muted"


def finding_lines(findings: Sequence[Finding], place: Place, limit: int = 12) -> list[Content]:
    """Return what checks have found, a sign before each, with its hint."""
    glyphs = place.glyphs
    rows: list[Content] = []
    for finding in findings[:limit]:
        sign, style = finding_sign(finding, glyphs)
        rows.extend(_signed(sign, finding.message, place, style))
        for name in finding.names[:3]:
            rows.extend(_signed(" ", f"  {name}", place, "$foreground-muted", 1))
        if len(finding.names) > 3:
            rows.append(assemble((f"     and {len(finding.names) - 3} more", "$foreground-muted")))
        if finding.hint:
            rows.extend(_signed(" ", finding.hint, place, "$foreground-muted"))
    more = len(findings) - limit
    if more > 0:
        rows.append(assemble((f"   and {more} more", "$foreground-muted")))
    return rows


def _signed(
    sign: str, words: str, place: Place, style: str, limit: int | None = None
) -> list[Content]:
    folded = Content(text.clean(words)).wrap(max(16, place.width - 4))
    return [
        assemble((f" {sign if not number else ' '} {row.plain.rstrip()}", style))
        for number, row in enumerate(folded if limit is None else folded[:limit])
    ]


def _lost(plan: PlanView, place: Place, *, undo: bool) -> list[Content]:
    rows: list[Content] = []
    for number, one in enumerate(plan.uncounted):
        label = "" if plan.lost or number else "WOULD GO"
        rows += labelled(label, f"{one}.", place, "bold $text-error")
    if not plan.lost:
        return rows
    listed = " and ".join(
        text.plural(number, what.removesuffix("s"), what) for what, number in plan.lost
    )
    than = "the rollback" if undo else "the backup"
    words = f"{listed} newer than {than}. The undo keeps them until it is discarded."
    return labelled("WOULD GO", words, place, "bold $text-error") + rows


def _files(kind: Kind, plan: FilesPlanView, place: Place) -> list[Content]:
    numbers = (
        ("changed", plan.changed),
        ("added", plan.added),
        ("removed", plan.removed),
        ("with another mode", plan.mode_only),
    )
    told = ", ".join(f"{text.count(number)} {what}" for what, number in numbers if number)
    identical = f"{text.count(plan.identical)} identical and untouched"
    if not told:
        words = f"nothing to change, {identical}" if plan.identical else "nothing to change"
        return labelled(_TITLES[kind], words, place, "$text-success")
    rows = labelled(_TITLES[kind], f"{told} ({text.size(plan.bytes_to_write)})", place)
    if plan.identical:
        rows += labelled("", identical, place, "$foreground-muted")
    for name, entries, _ in plan.directories[:4]:
        shown = text.fit_end(text.clean(name), max(12, place.width - _LABEL - 14), place.glyphs)
        rows.append(assemble((f" {'':<{_LABEL}}{text.right(text.count(entries), 8)}  {shown}", "")))
    for example in plan.examples[:6] if not plan.directories else plan.examples[:3]:
        verb, _, path = text.clean(example).partition(" ")
        shown = text.fit_end(path, max(12, place.width - _LABEL - 14), place.glyphs)
        lead = text.right(verb, 8)
        rows.append(assemble((f" {'':<{_LABEL}}{lead}  {shown}", "$foreground-muted")))
    return rows


def _database(plan: DatabasePlanView, place: Place, *, undo: bool) -> list[Content]:
    parts = [f"{text.plural(plan.replaced, 'table')} replaced"]
    if plan.added:
        parts.append(f"{text.count(plan.added)} added")
    if plan.same:
        parts.append(f"{text.count(plan.same)} the same")
    size = f" ({text.size(plan.size_bytes)} to load)" if plan.size_bytes and not undo else ""
    rows = labelled(_TITLES[Kind.DB], ", ".join(parts) + size, place)
    if plan.rows_now is not None and plan.rows_then is not None:
        arrow = place.glyphs.arrow
        words = (
            f"rows: about {text.count(plan.rows_now)} now {arrow} {text.count(plan.rows_then)} then"
        )
        rows += labelled("", words, place)
    if plan.server_needed is not None:
        free = "not known" if plan.server_free is None else text.size(plan.server_free)
        words = f"about {text.size(plan.server_needed)} on the database server, free there: {free}"
        rows += labelled("", words, place)
    for found, what in (
        (plan.differing_names, "with other rows now"),
        (plan.added_names, "missing now, to come back"),
        (plan.changed_names, "defined otherwise now"),
    ):
        if found:
            listed = ", ".join(map(text.clean, found[:6]))
            rows += labelled("", f"{text.plural(len(found), 'table')} {what}: {listed}", place)
    if plan.aside:
        names = ", ".join(plan.aside_names[:6])
        listed = f": {names}" if names else ""
        verb = "goes" if plan.aside == 1 else "go"
        words = f"{text.plural(plan.aside, 'table')} not in the backup {verb} aside{listed}"
        rows += labelled("", words, place, "$text-warning")
    return rows
