"""The events of one job as the screens read them."""

from __future__ import annotations

from typing import Protocol

from core.events import Stamped


class Stream(Protocol):
    """The events of one job, read as they come."""

    @property
    def ended(self) -> bool:
        """Whether the last event has been read, or no further one will be written."""
        ...

    @property
    def cancel_asked(self) -> bool:
        """Whether somebody has asked the job to stop, as of the last poll."""
        ...

    def poll(self) -> list[Stamped]:
        """Return the new events, without waiting."""
        ...
