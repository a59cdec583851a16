# ruff: noqa: INP001 - a script, run by `make docs`, and not a package
"""Write the pages of `docs/` that are generated from the code."""

from __future__ import annotations

from pathlib import Path

from core.cli.documentation import PAGES

DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    """Write every generated page."""
    DOCS.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
