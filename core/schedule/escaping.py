"""Words and paths as unit files and lines of cron take them.

systemd: `%` begins a specifier, `$` a variable, quotes and backslashes are escaped within double
quotes. cron: an unescaped `%` ends the command; the rest is the shell's.
"""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Sequence

from core.errors import PreflightRefused
from core.magento.store import shown

_OF_LINES = frozenset({"Cc", "Zl", "Zp"})  # control characters, and line ends of any program
_CRON_LIMIT = 900  # bytes of a command; cron itself takes a thousand


def require_plain(text: str, *, utf8: bool) -> str:
    """Return the text. Raises PreflightRefused for control characters and invalid UTF-8."""
    if any(unicodedata.category(letter) in _OF_LINES for letter in text):
        raise PreflightRefused(f"A line cannot hold this: {shown(text)}")
    if utf8 and any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        raise PreflightRefused(
            f"systemd takes no path that is not UTF-8: {shown(text)}",
            hint="--cron can.",
        )
    return text


def unit_text(text: str) -> str:
    """Return a text for a setting that systemd takes unquoted."""
    return require_plain(text, utf8=True).replace("%", "%%")


def unit_words(text: str) -> str:
    """Return a text for people; a backslash at its end would join the next line to it."""
    return unit_text(text).replace("\\", "\\\\")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unit_path(path: str) -> str:
    """Return a path for a list of paths, which may not exist."""
    return _quoted("-" + unit_text(path))


def unit_command(words: Sequence[str]) -> str:
    """Return a command for ExecStart. The program's own name takes no variables."""
    program, *rest = [unit_text(word) for word in words]
    return " ".join([_quoted(program), *(_quoted(word.replace("$", "$$")) for word in rest)])


def cron_command(words: Sequence[str]) -> str:
    """Return a command for a line of cron. Raises PreflightRefused for one that is too long."""
    line = shlex.join([require_plain(word, utf8=False) for word in words]).replace("%", "\\%")
    if len(line.encode("utf-8", "surrogateescape")) > _CRON_LIMIT:
        raise PreflightRefused("The command is too long for a line of cron.")
    return line
