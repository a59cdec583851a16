"""The colours: two themes of our own, and the last choice of the person.

The colours are those of the 256 that every terminal of today has, so that a connection without
`COLORTERM` shows the same. Text has a contrast of at least 4.5:1 on each of its grounds.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from textual.theme import Theme

DARK: Final = "magerewind-dark"
LIGHT: Final = "magerewind-light"
ANSI: Final = "ansi-dark"
THEMES: Final = (DARK, LIGHT, ANSI)
WORDS: Final = {"dark": DARK, "light": LIGHT, "ansi": ANSI}
_FILE: Final = "theme"
_LONGEST: Final = 64

# Role: dark, light.
COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "background": ("#121212", "#ffffff"),
    "panel": ("#262626", "#eeeeee"),
    "foreground": ("#dadada", "#262626"),
    "title": ("#eeeeee", "#121212"),
    "muted": ("#b2b2b2", "#585858"),
    "key": ("#5fafff", "#005faf"),
    "good": ("#87d787", "#005f00"),
    "changed": ("#ffaf5f", "#875f00"),
    "bad": ("#ff8787", "#af0000"),
    "cursor": ("#005f87", "#005f87"),
    "on-cursor": ("#ffffff", "#ffffff"),
    "cursor-blurred": ("#3a3a3a", "#dadada"),
    "line": ("#585858", "#9e9e9e"),
}

# The theme of the terminal's own colours has no names of ours.
DEFAULTS: Final[Mapping[str, str]] = {
    "title": "ansi_default",
    "line": "ansi_default",
    "cursor-ground": "transparent",
    "cursor-text": "ansi_default",
    "cursor-blurred-ground": "transparent",
}


def theme(name: str) -> Theme:
    """Return one of the two themes for Textual to register."""
    from textual.theme import Theme as OfTextual  # noqa: PLC0415 - the choice is made before

    at = 0 if name == DARK else 1
    of = {role: both[at] for role, both in COLOURS.items()}
    return OfTextual(
        name=name,
        primary=of["key"],
        secondary=of["key"],
        accent=of["key"],
        warning=of["changed"],
        error=of["bad"],
        success=of["good"],
        foreground=of["foreground"],
        background=of["background"],
        surface=of["background"],
        panel=of["panel"],
        boost=of["panel"],
        dark=name == DARK,
        variables=_variables(of),
    )


def _variables(of: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the style sheets for these colours, by role."""
    return {
        "text": of["foreground"],
        "text-muted": of["muted"],
        "text-disabled": of["muted"],
        "foreground-muted": of["muted"],
        "text-primary": of["key"],
        "text-accent": of["key"],
        "text-success": of["good"],
        "text-warning": of["changed"],
        "text-error": of["bad"],
        "title": of["title"],
        "line": of["line"],
        "border": of["line"],
        "border-blurred": of["line"],
        "cursor-ground": of["cursor"],
        "cursor-text": of["on-cursor"],
        "cursor-blurred-ground": of["cursor-blurred"],
        "block-cursor-background": of["cursor"],
        "block-cursor-foreground": of["on-cursor"],
        "block-cursor-blurred-background": of["cursor-blurred"],
        "block-cursor-blurred-foreground": of["foreground"],
        "footer-key-foreground": of["key"],
        "input-cursor-background": of["foreground"],
        "input-cursor-foreground": of["background"],
        "input-selection-background": of["cursor"],
        "scrollbar": of["line"],
        "scrollbar-hover": of["line"],
        "scrollbar-active": of["key"],
        "scrollbar-background": of["background"],
        "scrollbar-background-hover": of["background"],
        "scrollbar-background-active": of["background"],
        "scrollbar-corner-color": of["background"],
    }


def remembered() -> str | None:
    """Return the theme that was chosen last, where one was and is still known."""
    from platformdirs import user_state_dir  # noqa: PLC0415 - only where a choice is made

    path = os.path.join(user_state_dir("magerewind"), _FILE)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            name = file.read(_LONGEST).decode("ascii", "replace").strip()
    except OSError:
        return None
    return name if name in THEMES else None


def remember(name: str) -> None:
    """Keep the choice for the next time. A place that cannot be written is no reason to stop."""
    from platformdirs import user_state_dir  # noqa: PLC0415 - as above

    directory = user_state_dir("magerewind")
    with contextlib.suppress(OSError):
        os.makedirs(directory, mode=0o700, exist_ok=True)
        fd, part = tempfile.mkstemp(prefix=".theme-", dir=directory)
        with os.fdopen(fd, "wb") as file:
            file.write(f"{name}\n".encode("ascii"))
        os.replace(part, os.path.join(directory, _FILE))
