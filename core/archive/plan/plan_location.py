"""The place of a plan, and the trees that a plan read from there may name.

A plan that is read back decides about renames and removals. So a job's plan is opened with its job
and the trees that it may name; `core.archive.plan.check` compares it with them. A plan that this
process made only to show it (a string as its path) is not checked.
"""

from __future__ import annotations

import os

from msgspec import Struct

from core.directories import Directory, StateFile, state_file


class PlanBounds(Struct, frozen=True, kw_only=True):
    """The trees that a job's plan may name: `trees` are roots and their prefixes in the archive."""

    trees: frozenset[tuple[bytes, bytes]]
    state: bytes
    job_id: str
    kind: str


class PlanLocation(Struct, frozen=True):
    """A plan's file, held by its directory; `bounds` are None for a plan made for a look."""

    file: StateFile
    bounds: PlanBounds | None = None

    @property
    def directory(self) -> Directory:
        """The directory that the plan and its scratch files are in."""
        return self.file.directory

    @property
    def path(self) -> str:
        """Where it is, for people."""
        return self.file.path

    def __str__(self) -> str:
        return self.path

    @property
    def state(self) -> Directory | None:
        """`var/.magerewind`, where the plan is a job's."""
        jobs = self.directory.parent
        return None if self.bounds is None or jobs is None else jobs.parent


PlanPlace = str | PlanLocation
"""A plan by its path, whose directory the caller answers for, or by its home."""


def plan_location(place: PlanPlace) -> PlanLocation:
    """Return the home of a plan."""
    return (
        place
        if isinstance(place, PlanLocation)
        else PlanLocation(state_file(os.path.abspath(place)))
    )


def seen_file(place: PlanPlace) -> StateFile:
    """Return the scratch file with the looks of live entries."""
    return plan_location(place).file.beside(".seen")


def cache_file(place: PlanPlace) -> StateFile:
    """Return the scratch file with the contents that a plan has cached."""
    return plan_location(place).file.beside(".spool")
