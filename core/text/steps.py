"""The label of each step and of each kind: one table, read by the command line and the screens.

A step has one word wherever a person meets it: in the progress of a command, on the screen of a
job, in the documentation. The narration of backups and rollbacks (`core.text.lines`) is Magento's
own and has words of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.events import Kind, Step
from core.text.numbers import counted

KIND_WORDS: Final[Mapping[Kind, str]] = {
    Kind.CODE: "code",
    Kind.MEDIA: "media",
    Kind.DB: "database",
}
STEP_WORDS: Final[Mapping[Step, str]] = {
    Step.CHECK: "Check",
    Step.PLAN: "Plan",
    Step.STAGE: "Stage",
    Step.RECHECK: "Recheck",
    Step.CLOSE: "Close the store",
    Step.WRITE: "Write",
    Step.VERIFY: "Verify",
    Step.SEND: "Send",
    Step.FETCH: "Fetch",
    Step.LOAD: "Load",
    Step.SWAP: "Swap",
    Step.COMMIT: "Commit",
    Step.FORWARD: "Triggers, keys, views",
    Step.FLUSH: "Flush caches",
    Step.REVERT: "Revert",
    Step.REMOVE: "Free the space",
    Step.OPEN: "Open the store",
    Step.PRUNE: "Prune old backups",
}


def items_words(number: int, kind: Kind | None) -> str:
    """Return the count of a step's or plan's entries: files, directories and links alike."""
    if kind is Kind.DB:
        return counted(number, "row")
    return counted(number, "entry", "entries")


def step_label(step: Step, kind: Kind | None) -> str:
    """Return the label of a step, such as `Write media`; `kind` where it works on one kind."""
    words = STEP_WORDS[step]
    # Only a database has something to do after the commit: its kind would say nothing.
    return words if kind is None or step is Step.FORWARD else f"{words} {KIND_WORDS[kind]}"
