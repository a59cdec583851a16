"""What the driver leaves out changes nothing of what a terminal shows."""

from __future__ import annotations

import random
import re

import pytest

from tui.app.lean_output import lean

_TOKEN = re.compile(r"\x1b\[([\d;]*)([mH])|(\r\n|\n)|([^\x1b\r\n])")
LINED = {"4", "7", "9"}  # seen on blanks too


def shown(data: str) -> dict[tuple[int, int], object]:
    """Return what a terminal shows: by place a character, the colours, and all else."""
    row = column = 1
    state: dict[str, str] = {}
    cells: dict[tuple[int, int], object] = {}
    for codes, kind, newline, character in _TOKEN.findall(data):
        if kind == "H":
            row, column = map(int, codes.split(";"))
        elif newline:
            row, column = row + 1, 1
        elif character:
            lines = LINED & state.keys()
            blank = character == " " and not lines
            flags = () if blank else tuple(sorted(state.items()))
            cells[row, column] = (character, state.get("ground", ""), flags)
            column += 1
        else:
            parts = codes.split(";")
            while parts:
                one = parts.pop(0)
                if one == "0":
                    state = {}
                elif one in ("38", "48"):
                    length = 2 if parts[0] == "5" else 4
                    state["text" if one == "38" else "ground"] = ";".join(parts[:length])
                    del parts[:length]
                elif 30 <= int(one) <= 37:
                    state["text"] = one
                elif 40 <= int(one) <= 47:
                    state["ground"] = one
                else:
                    state[one] = one
    assert state == {}, "a style is left behind"
    return cells


def frame(chance: random.Random) -> str:
    """Return what Textual could write: pieces of a style, moves, ends of rows, plain words."""
    colours = ("38;5;252", "38;2;1;2;3", "31", "")
    grounds = ("48;5;233", "48;2;9;5;2", "44", "")
    pieces = []
    for row in range(1, 30):
        for _ in range(chance.randrange(5)):
            parts = [*chance.sample(("1", "2", "3", "4", "7", "9"), chance.choice((0, 0, 1, 2)))]
            parts += filter(None, (chance.choice(colours), chance.choice(grounds)))
            text = chance.choice((" ", "   ", "a b", "x", "", "\N{BOX DRAWINGS LIGHT HORIZONTAL}"))
            pieces.append(f"\x1b[{';'.join(parts)}m{text}\x1b[0m" if parts else text)
            if chance.random() < 0.3:
                pieces.append(f"\x1b[{row};{chance.randrange(1, 9)}H")
        pieces.append(chance.choice(("\n", f"\n\x1b[{row + 1};1H", "\r\n\x1b[0m")))
    return "".join(pieces)


@pytest.mark.parametrize("seed", range(60))
def test_a_lean_frame_shows_the_same(seed: int) -> None:
    data = frame(random.Random(seed))
    short = lean(data)
    assert shown(short) == shown(data)
    assert len(short) <= len(data)


def test_a_line_of_a_frame_is_one_piece() -> None:
    cell = "\x1b[38;5;240;48;5;233m\N{BOX DRAWINGS LIGHT HORIZONTAL}\x1b[0m"
    assert len(lean(f"\x1b[3;1H{cell * 70}\x1b[3;71H\n\x1b[4;1H{cell}")) < 130


def test_what_erases_has_no_style_before_it() -> None:
    styled = "\x1b[7;41mx\x1b[0m"
    assert lean(f"{styled}\x1b[2J{styled}") == "\x1b[7;41mx\x1b[0m\x1b[2J\x1b[7;41mx\x1b[0m"
    assert lean("\x1b[?1049h\x1b[?25l") == "\x1b[?1049h\x1b[?25l"
