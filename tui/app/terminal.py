"""The abilities of the terminal, decided from its environment before Textual is loaded.

Owns the reasons to refuse, and the choice of colours, signs and mouse. Knows nothing of the store.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, MutableMapping
from typing import Final

from msgspec import Struct

from tui.app.themes import ANSI, DARK, THEMES, WORDS, remembered

__all__ = [
    "THEMES",
    "Terminal",
    "encoding_of",
    "look",
    "prepare",
    "refusal",
    "started_environment",
]
_ENVIRONMENT_BYTES: Final = 4 << 20

# Terminals with few colours, or none that a theme of 24-bit colours survives.
_FEW_COLOURS: Final = ("linux", "vt", "screen", "xterm", "tmux", "ansi", "rxvt")


class Terminal(Struct, frozen=True, kw_only=True):
    """How the application draws here."""

    theme: str = DARK
    ascii_only: bool = False
    mouse: bool = True
    remote: bool = False


def refusal(environ: Mapping[str, str], *, input_is_tty: bool, output_is_tty: bool) -> str | None:
    """Return why the application cannot be shown here, in one line, or None.

    Textual writes to stderr and reads stdin, and paints its colours at TERM=dumb as well.
    """
    term = environ.get("TERM", "")
    if not input_is_tty or not output_is_tty:
        return "The application needs a terminal for its input and its error output."
    if term in ("", "dumb", "unknown"):
        return f"The application cannot be shown on a terminal of the type {term or '(none)'!r}."
    return None


def look(
    environ: Mapping[str, str],
    *,
    encoding: str,
    mouse: bool | None = None,
    ascii_only: bool | None = None,
) -> Terminal:
    """Return how to draw; `encoding` is the locale's. The choice of the person takes precedence."""
    remote = any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
    term = environ.get("TERM", "")
    return Terminal(
        theme=_theme(environ, term),
        ascii_only=(not _is_utf8(encoding) or term == "linux")
        if ascii_only is None
        else ascii_only,
        mouse=not remote if mouse is None else mouse,
        remote=remote,
    )


def _theme(environ: Mapping[str, str], term: str) -> str:
    if environ.get("NO_COLOR") is not None:
        return ANSI  # the only theme without any colour code under NO_COLOR
    wanted = WORDS.get(environ.get("MAGEREWIND_THEME", ""))
    if wanted:
        return wanted
    rich_colours = "256" in term or "direct" in term or environ.get("COLORTERM")
    if not rich_colours and term.startswith(_FEW_COLOURS):
        return ANSI
    return remembered() or DARK


def encoding_of(started: Mapping[str, str], preferred: str) -> str:
    """Return the encoding of the locale, where `preferred` is Python's.

    Python takes UTF-8 for the locales C and POSIX, and sets LC_CTYPE so: `started` are the
    variables that this process was started with. Without any of them the locale is C.
    """
    names = (started.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return "ascii" if next(filter(None, names), "C") in {"C", "POSIX"} else preferred


def started_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that this process was started with, or `environ` where unknown."""
    try:
        with open("/proc/self/environ", "rb") as file:
            rows = file.read(_ENVIRONMENT_BYTES).decode("utf-8", "surrogateescape").split("\0")
    except OSError:
        return environ
    return dict(row.split("=", 1) for row in rows if "=" in row)


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False


def prepare(environ: MutableMapping[str, str], terminal: Terminal) -> None:
    """Set the variables Textual reads at its import: calm everywhere, fewer frames on a link."""
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    environ.setdefault("ESCDELAY", "40")  # milliseconds until an escape is a key of its own
    if terminal.remote:
        environ.setdefault("TEXTUAL_FPS", "15")
