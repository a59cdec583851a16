"""The way into a backup: the modules of that screen are loaded at its first use."""

from __future__ import annotations

from typing import Any

from textual.app import App

from tui.engine.views import BackupView, SetView


def open_inside(app: App[Any], one: SetView, backup: BackupView) -> None:
    """Put the screen of a backup's contents on top."""
    from tui.screens.inside import Inside  # noqa: PLC0415 - the reason of this module

    app.push_screen(Inside(one, backup))
