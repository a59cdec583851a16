"""The size and the work of a backup before it is started, for the eye and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import asdict

from core.cli.store_view import finding_json
from core.events import Kind
from core.operations.preflight import BackupPreflight
from core.operations.requests import BackupRequest
from core.text import numbers
from core.text.lines import TITLES
from core.text.orders import backup_order, numbered
from core.text.steps import items_words


def backup_lines(preflight: BackupPreflight, request: BackupRequest) -> Iterator[str]:
    """Yield the size of a backup, kind by kind, and its work."""
    for kind, estimate in preflight.estimates.items():
        about_rows = "about " if kind is Kind.DB else ""  # which the server guesses
        things = f"{about_rows}{items_words(estimate.items, kind)}"
        about = "" if estimate.measured else " (by a rule of thumb)"
        took = "" if estimate.seconds is None else f", about {numbers.roughly(estimate.seconds)}"
        yield (
            f"{TITLES[kind]}: {things}, {numbers.size(estimate.content_bytes)}; "
            f"the backup takes about {numbers.size(estimate.file_bytes)}{about}{took}."
        )
    needed, free = numbers.size(preflight.needed_bytes), numbers.size(preflight.free_bytes)
    if request.local:
        yield f"Space: about {needed} needed, {free} free."
    yield f"Closed: {_closed_for(preflight, request)}."
    yield f"Order: {numbered(backup_order(request))}"


def _closed_for(preflight: BackupPreflight, request: BackupRequest) -> str:
    took = [estimate.seconds for estimate in preflight.estimates.values()]
    if request.keep_open:
        return "not at all"
    if not took or None in took:
        return "how long is not known yet, earlier backups tell"
    return f"for about {numbers.roughly(sum(seconds or 0.0 for seconds in took))}"


def backup_json(preflight: BackupPreflight) -> dict[str, Any]:
    """Return the size of a backup as a JSON object."""
    return {
        "type": "BackupPlan",
        "estimates": {
            kind.value: asdict(estimate) for kind, estimate in preflight.estimates.items()
        },
        "needed_bytes": preflight.needed_bytes,
        "free_bytes": preflight.free_bytes,
        "findings": [finding_json(finding) for finding in preflight.findings],
    }
