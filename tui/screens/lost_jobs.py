"""Lost jobs on the first screen: their sentences, and the question before a repair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from core.operations.requests import RepairRequest
from tui.engine.views import LostView
from tui.render import text
from tui.render.concern import ERROR, Concern
from tui.screens.ask import Ask
from tui.screens.page import Page

LIMIT_S: Final = 10.0


def urgent_of(lost: object) -> LostView | None:
    """Return the lost job that keeps the store closed or left something half done."""
    found = lost if isinstance(lost, tuple) else ()
    return next((one for one in found if one.urgent), None)


def lost_concerns(lost: object) -> list[Concern]:
    """Return the matters about them that need attention."""
    found: list[Concern] = []
    if urgent_of(lost) is not None:
        words = "The memory of a job is gone, and the store may be half done."
        acts = (("i", "see what it left"),)
        found.append(Concern(words=words, style=ERROR, acts=acts, broken=True))
    for one in lost if isinstance(lost, tuple) else ():
        if not one.urgent:
            words = f"Job {text.clean(one.job_id)} left {text.size(one.size_bytes)} that no undo"
            found.append(Concern(words=f"{words} knows of."))
    return found


def ask_repair(page: Page, job: LostView, known: Callable[[], object]) -> None:
    """Ask whether to repair the traces of a lost job, and start that.

    `known` returns the lost jobs of the moment, None or an error where they are not known.
    """

    def ended() -> str:
        jobs = known()
        there = not isinstance(jobs, tuple) or any(one.job_id == job.job_id for one in jobs)
        return "" if there else "That job is repaired already."

    def answered(agreed: bool | None) -> None:
        if agreed:
            page.owner.begin(RepairRequest(job_id=job.job_id), lambda _error: None)

    question = Ask(
        title=f"Recover without the memory of job {job.job_id}?",
        lines=[
            "Its directory in var/.magerewind is gone. This is left of it:",
            *(text.clean(line) for line in job.lines),
            "Only what this proves is done; what is set aside is never deleted.",
        ],
        do="Recover",
    )
    page.ask(question, answered, ended=ended)


def ask_maintenance(page: Page, lost: object, done: Callable[[], None]) -> None:
    """Ask whether to turn maintenance mode off, and do that; at the end call `done`."""
    owner = page.owner
    why: Sequence[str] = (
        "No job of magerewind runs on this store, so somebody else turned it on:",
        "a deployment, a colleague, or Magento's own backup that ended badly.",
    )
    if urgent_of(lost) is not None:
        why = ("A job whose memory is gone may have turned it on: [i] shows what it left.",)

    def answered(agreed: bool | None) -> None:
        if agreed:
            owner.questions.ask(owner.engine.open_store, opened, limit_s=LIMIT_S)

    def opened(value: object) -> None:
        if isinstance(value, Exception):
            owner.complain(value)
        done()

    question = Ask(
        title="Turn maintenance mode off?",
        lines=[*why, "Customers reach the store again at once."],
        do="Turn it off",
    )
    page.ask(
        question,
        answered,
        ended=lambda: "" if owner.maintenance else "Maintenance mode is off already.",
    )
