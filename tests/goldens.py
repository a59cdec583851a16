"""Texts that are checked in, and the one way to write them anew.

MAGEREWIND_WRITE_GOLDENS=1 writes each text that a test holds against a file; the difference is then
for a person to read.
"""

from __future__ import annotations

import os
from pathlib import Path

WRITE = "MAGEREWIND_WRITE_GOLDENS"


def hold_against(path: Path, found: str) -> None:
    """Assert that the file holds this text; write the text where that is asked for."""
    if os.environ.get(WRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert path.exists(), f"no golden {path.name}: write it with {WRITE}=1"
    assert found == path.read_text(encoding="utf-8"), path.name
