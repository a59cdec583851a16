"""The remarks of people and drills on a backup: a note, a mark that keeps it, the last drill.

They lie in its manifest, or, where it has none, in the state of the store
(`core.backups.verification_records`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from core.events import decode_text, encode_text

NOTE_LIMIT: Final = 1000
"""Letters of a note."""


class Trial(Struct, frozen=True, kw_only=True):
    """The last drill: its time in unix seconds, the compared parts, and the faults found."""

    at_s: float
    how: str  # such as "rows and digests"
    problem: str = ""  # empty where it is restorable

    @property
    def restorable(self) -> bool:
        """True where nothing was wrong."""
        return not self.problem


class Remarks(Struct, frozen=True, kw_only=True):
    """All that was said of one backup."""

    note: str = ""
    keep: bool = False
    tried: Trial | None = None


def trial_to_json(trial: Trial | None) -> dict[str, Any] | None:
    """Return a trial as a JSON object."""
    if trial is None:
        return None
    return {"at_s": trial.at_s, "how": trial.how, "problem": encode_text(trial.problem)}


def trial_from_json(row: Mapping[str, Any] | None) -> Trial | None:
    """Return the trial that `trial_to_json` wrote. Raises ValueError, KeyError, TypeError."""
    if row is None:
        return None
    at_s = float(row["at_s"])
    if not math.isfinite(at_s):
        raise ValueError("a time is expected")
    return Trial(at_s=at_s, how=str(row["how"]), problem=decode_text(row["problem"]))
