"""The output to the terminal, without the codes that change nothing.

Textual ends each piece of text with a reset and begins the next one with all of its style, and a
line of a frame comes as one piece a cell: 25 bytes a cell. Here a style lasts until another one is
needed, only its differences are written, blanks keep the colour of the text before them, and the
cursor is moved only to the next place of output.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

_RESET: Final = "\x1b[0m"
_PIECE: Final = re.compile(
    r"\x1b\[(?P<style>\d[\d;]*)m(?P<text>[^\x1b\r\n]*)\x1b\[0m"
    r"|(?P<move>\x1b\[(?P<row>\d+);(?P<column>\d+)H)"
    r"|(?P<newline>\r?\n)(?=(?:\x1b\[0m)?\x1b\[\d+;\d+H)"  # another place follows at once
    r"|(?P<other>\x1b\[0m|\x1b[^\x1b\r\n]*|[^\x1b\r\n]+|[\r\n])"
)
# The same style again and again, as along a line of a frame: half of all pieces.
_SAME: Final = re.compile(r"\x1b\[(\d[\d;]*)m[^\x1b\r\n]*(?:\x1b\[0m\x1b\[\1m[^\x1b\r\n]*)+")
# Bold, dim and italic show on no blank; underlined, reversed and struck ones are seen.
_UNSEEN_ON_BLANKS: Final = frozenset({"1", "2", "3"})
_KINDS: Final = {"5": 3, "2": 5}  # the numbers of a colour: 38;5;n, 38;2;r;g;b


class _Look(Struct, frozen=True, kw_only=True):
    """One style: the colour of text, that of the ground, and all else."""

    text: str = ""
    ground: str = ""
    flags: frozenset[str] = frozenset()


_PLAIN: Final = _Look()


@lru_cache(maxsize=1024)
def _look(style: str) -> _Look:
    codes, at = style.split(";"), 0
    text = ground = ""
    flags: set[str] = set()
    while at < len(codes):
        code = codes[at]
        length = _KINDS.get(codes[at + 1], 1) if code in ("38", "48") and at + 1 < len(codes) else 1
        whole = ";".join(codes[at : at + length])
        number = int(code or 0)
        if 30 <= number <= 39 or 90 <= number <= 97:
            text = whole
        elif 40 <= number <= 49 or 100 <= number <= 107:
            ground = whole
        else:
            flags.add(code)
        at += length
    return _Look(text=text, ground=ground, flags=frozenset(flags))


@lru_cache(maxsize=4096)
def _change(now: _Look, wanted: _Look) -> str:
    """Return the shortest code from one style to another."""
    lost = now.flags - wanted.flags or (now.text and not wanted.text)
    if lost or (now.ground and not wanted.ground):
        now = _PLAIN
        parts = ["0"]
    else:
        parts = []
    parts += sorted(wanted.flags - now.flags)
    parts += [wanted.text] if wanted.text != now.text else []
    parts += [wanted.ground] if wanted.ground != now.ground else []
    return f"\x1b[{';'.join(parts)}m" if parts else ""


class _Writer:
    """One piece after the other, beside the style and the place that the terminal has by then."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._now = _PLAIN
        self._at: tuple[int, int] | None = None  # row and column, while they are known
        self._wanted: tuple[int, int] | None = None  # where the next text goes

    def text(self, text: str, style: str) -> None:
        """Write a text of a style."""
        self._go()
        wanted = _look(style)
        seen = (self._now.flags | wanted.flags) - _UNSEEN_ON_BLANKS
        if seen or wanted.ground != self._now.ground or not text.isspace():
            self.found.append(_change(self._now, wanted))
            self._now = wanted
        self.found.append(text)
        # Terminals do not agree on the width of every character.
        if self._at is not None and text.isascii():
            self._at = (self._at[0], self._at[1] + len(text))
        else:
            self._at = None

    def move(self, row: int, column: int) -> None:
        """Let the next text begin at another place."""
        self._wanted = (row, column)

    def plain(self, data: str) -> None:
        """Write pieces without a style, and control codes."""
        self._go()
        if self._now is not _PLAIN:
            self.found.append(_RESET)
            self._now = _PLAIN
        self.found.append(data)
        self._at = None

    def _go(self) -> None:
        if self._wanted is not None and self._wanted != self._at:
            self.found.append(f"\x1b[{self._wanted[0]};{self._wanted[1]}H")
        self._at, self._wanted = self._wanted or self._at, None

    def end(self) -> str:
        """Return all of it, the style taken back."""
        self._go()
        return "".join([*self.found, _RESET if self._now is not _PLAIN else ""])


def lean(data: str) -> str:
    """Return a shorter text with the same effect as `data`, which begins and ends without style."""
    data = _SAME.sub(lambda same: same[0].replace(f"{_RESET}\x1b[{same[1]}m", ""), data)
    writer = _Writer()
    for piece in _PIECE.finditer(data):
        if piece["text"]:
            writer.text(piece["text"], piece["style"])
        elif piece["move"]:
            writer.move(int(piece["row"]), int(piece["column"]))
        elif piece["other"] and piece["other"] != _RESET:
            writer.plain(piece["other"])
    return writer.end()
