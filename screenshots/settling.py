"""Wait until the application under a pilot shows what it is going to show."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from textual.dom import DOMNode
from textual.pilot import Pilot

from tui.app.application import Application

ROUNDS = 20


async def settle(pilot: Pilot[None]) -> None:
    """Wait until nothing asked for is still awaited and what is shown has come to rest.

    A pilot waits for the uppermost screen alone, and for the messages of that moment: not for
    those that a layout brings, nor for the screens that a dialog lets show.
    """
    app = pilot.app
    assert isinstance(app, Application)
    await pilot.pause()
    while app.questions.open:
        await asyncio.sleep(0.002)
        if not app.questions.open:
            await pilot.pause()
    shown: list[list[str]] = []
    while len(shown) < ROUNDS:
        for screen in app.screen_stack:
            await _answered([app, *screen.walk_children(with_self=True)])
            screen._on_timer_update()
        shown.append(rows(app))
        # Twice the same could be between a widget's wish for a layout and the layout.
        if shown[-3:] == [shown[-1]] * 3:
            break


async def _answered(widgets: Iterable[DOMNode]) -> None:
    """Wait until each has worked through the messages that it has by now."""
    events = []
    for widget in widgets:
        answered = asyncio.Event()
        if widget.call_later(answered.set):
            events.append(answered)
    # One that is being taken away answers no more.
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            for answered in events:
                await answered.wait()


def rows(app: Application) -> list[str]:
    """Return what the screen shows, as rows of text."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]
