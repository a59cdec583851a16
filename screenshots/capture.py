"""Take the pictures of this directory from the real application on the sample store.

    python screenshots/capture.py            pictures from the recording that is here
    python screenshots/capture.py --record   make the recording anew: real jobs on a sample store
    python screenshots/capture.py --check    exit 1 when a picture is not what the screens show now

The recording is what the engine really answered, with host, paths and times frozen; the pictures
are the application itself, drawn from it, so they change only when the screens do.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC
from typing import cast

from msgspec import Struct

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from screenshots.recording import Answers, Playback, load, save  # noqa: E402
from screenshots.settling import settle  # noqa: E402
from screenshots.walk import HOST, ROOT, record  # noqa: E402
from tui.app.application import Application  # noqa: E402
from tui.app.terminal import Terminal  # noqa: E402
from tui.engine.port import Engine  # noqa: E402
from tui.screens.backups import Backups  # noqa: E402
from tui.screens.difference_pane import DifferencePane  # noqa: E402
from tui.screens.history import History  # noqa: E402
from tui.screens.plan import Rollback  # noqa: E402

RECORDING = os.path.join(HERE, "recording.json")
INSIDE = ("enter", "enter", "down", "enter")
TO_CONFIG = (*["down"] * 6, "enter", "down", "down", "enter", "down")
SMALL, LARGE, HUGE = (80, 24), (120, 40), (200, 60)


class Picture(Struct, frozen=True):
    """One picture: what was answered, the keys that lead there, the size and the look."""

    name: str
    scene: str
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = SMALL
    theme: str = "magerewind-dark"

    @property
    def path(self) -> str:
        """Where it is."""
        return os.path.join(HERE, f"{self.name}-{self.size[0]}x{self.size[1]}.svg")


PICTURES = (
    Picture("home", "done"),
    Picture("home", "done", size=LARGE),
    Picture("home-light", "done", size=LARGE, theme="magerewind-light"),
    Picture("backup", "done", ("b",)),
    Picture("job-running", "running", ("j",)),
    Picture("job-running", "running", ("j",), size=LARGE),
    Picture("home-damaged", "damaged", size=LARGE),
    Picture("home", "done", size=HUGE),
    Picture("backups", "done", ("enter", "down")),
    Picture("backups", "done", ("enter", "down"), size=LARGE),
    Picture("inside", "damaged", (*INSIDE, *TO_CONFIG), size=LARGE),
    Picture("inside-rows", "damaged", (*INSIDE, "t", "t", "c", "enter", "down"), size=LARGE),
    Picture("rollback-plan", "damaged", ("r",)),
    Picture("rollback-plan", "damaged", ("r", *["down"] * 4, "enter", "down"), size=LARGE),
    Picture("rollback-options", "damaged", ("r", "less_than_sign", "o"), size=LARGE),
    Picture("rollback-confirm", "damaged", ("r", "n", "enter", "w", "e", "b")),
    Picture("rollback-done", "rolled-back", ("j",)),
    Picture("rollback-done", "rolled-back", ("j",), size=LARGE),
    Picture("history", "rolled-back", ("h",)),
    Picture("help", "done", ("question_mark",)),
)


async def draw(picture: Picture, answers: Answers) -> str:
    """Return the picture as SVG."""
    # A picture waits for no cursor to rest.
    Backups.RESTS_S = History.RESTS_S = DifferencePane.RESTS_S = Rollback.RESTS_S = 0
    engine = cast("Engine", Playback(answers, root=ROOT, host=HOST))
    application = Application(
        engine, Terminal(theme=picture.theme), clock=lambda: answers.now_s, zone=UTC
    )
    async with application.run_test(size=picture.size) as pilot:
        await settle(pilot)
        for key in picture.keys:
            await pilot.press(key)
            await settle(pilot)
        return application.export_screenshot(title="magerewind", simplify=True)


def stale() -> list[str]:
    """Return the names of the pictures that are not what the screens show now."""
    scenes = load(RECORDING)
    found = []
    for picture in PICTURES:
        svg = asyncio.run(draw(picture, scenes[picture.scene]))
        try:
            with open(picture.path, encoding="utf-8") as file:
                known = file.read()
        except FileNotFoundError:
            known = ""
        if svg != known:
            found.append(os.path.basename(picture.path))
    return found


def write_pictures() -> None:
    """Write all pictures."""
    scenes = load(RECORDING)
    for picture in PICTURES:
        svg = asyncio.run(draw(picture, scenes[picture.scene]))
        with open(picture.path, "w", encoding="utf-8") as file:
            file.write(svg)
        print(os.path.relpath(picture.path, os.path.dirname(HERE)))


def main() -> int:
    """Do what the words ask for."""
    if "--check" in sys.argv:
        old = stale()
        for name in old:
            print(f"out of date: {name} (make screenshots)")
        return 1 if old else 0
    if "--record" in sys.argv or not os.path.exists(RECORDING):
        save(RECORDING, record())
    write_pictures()
    return 0


if __name__ == "__main__":
    sys.exit(main())
