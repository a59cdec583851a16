"""Findings of the checks before a start."""

from __future__ import annotations

import pytest

from core.errors import Cancelled, ConnectionFailed
from core.operations.findings import Level, from_error


def test_an_error_of_a_check_stops_the_start_but_a_cancel_ends_it() -> None:
    assert from_error("database", ConnectionFailed("no server")).level is Level.STOP
    with pytest.raises(Cancelled):
        from_error("database", Cancelled("Cancelled, as asked."))
