"""The contents of a backup as rows: a tree with sizes, modes, and the relation to the store."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from tui.engine.inside_port import InsideView, StandingView
from tui.render import text
from tui.render.text import Glyphs, Part, assemble

_MODE: Final = 6
_SIZE: Final = 8
_NOW: Final = 15  # with two blanks before it
_ROWS: Final = 12
_ROOMY: Final = 72  # cells from which a table has its size too
_WORDS: Final = {
    "same": ("same", "$foreground-muted"),
    "differs": ("differs", "$text-warning"),
    "definition": ("other columns", "$text-warning"),
    "missing": ("MISSING", "bold $text-error"),
    "only now": ("only in store", "$text-warning"),
    "unknown": ("not compared", "$foreground-muted"),
}


def head(width: int, *, tables: bool) -> Content:
    """Return the heads of the columns, for rows with the cursor's gutter before them."""
    if tables:
        words = text.right("ROWS THEN", _ROWS) + text.right("ROWS NOW", _ROWS)
        words += text.right("SIZE", _SIZE) if width - 2 >= _ROOMY else ""
    else:
        words = text.right("SIZE", _SIZE) + text.right("MODE", _MODE)
    words += f"  {'STORE NOW':<{_NOW - 2}}"
    lead = "TABLE" if tables else "NAME"
    return assemble((f"  {lead:<{max(5, width - 2 - len(words))}}{words}", "$foreground-muted"))


def now_words(one: StandingView | None, glyphs: Glyphs, *, sums: bool = False) -> tuple[str, str]:
    """Return the relation of a part to the store, and its style; dots until it is known.

    `sums`: of a directory, with the changes of a rollback below it.
    """
    if one is None or not one.state:
        return glyphs.ellipsis, "$foreground-muted"
    words, style = _WORDS[one.state]
    if sums and one.state == "differs":
        signed = (("+", one.comes), ("~", one.changes), ("-", one.goes))
        return " ".join(f"{sign}{text.count(count)}" for sign, count in signed if count), style
    if sums and one.state == "missing" and one.comes > 1:
        return f"{words} {text.count(one.comes)}", style
    return words, style


def row(
    part: InsideView,
    standing: StandingView | None,
    depth: int,
    width: int,
    glyphs: Glyphs,
    *,
    is_open: bool = False,
    whole: bool = False,
) -> Content:
    """Return one row; `whole`: with all of its path, as for a search result."""
    if part.kind not in ("directory", "file", "link"):
        return _table_row(part, standing, width, glyphs)
    sign, size = "  ", "" if part.kind == "link" else text.column_size(part.size)
    if part.kind == "directory":
        sign, size = f"{glyphs.opened if is_open else glyphs.shut} ", ""
    mode = "" if part.mode is None else f"{part.mode & 0o7777:04o}"
    name = part.path if whole and not depth else part.path.rpartition("/")[2]
    if part.kind == "link":
        name = f"{name} {glyphs.arrow} {part.link}"
    now = now_words(standing, glyphs, sums=part.kind == "directory")
    middle = text.right(size, _SIZE) + text.right(mode, _MODE)
    room = max(8, width - len(middle) - _NOW)
    lead = ("  " * depth)[: room // 2] + sign
    style = "bold" if part.kind == "directory" else ""
    shown = _fitted(lead + text.clean(name), room, glyphs, whole=whole)
    return assemble((shown, style), middle, *_now(now, glyphs))


def _fitted(words: str, room: int, glyphs: Glyphs, *, whole: bool) -> str:
    return text.fit(text.fit_end(words, room, glyphs) if whole else words, room, glyphs)


def _middle(words: str, room: int, glyphs: Glyphs) -> str:
    """Return a name cut in its middle: many tables differ in their last word only."""
    if len(words) <= room or not words.isascii():
        return words
    end = (room - 1) // 2
    return words[: room - 1 - end] + glyphs.ellipsis + words[len(words) - end :]


def _now(words: tuple[str, str], glyphs: Glyphs) -> tuple[Part, ...]:
    return "  ", (text.fit(words[0], _NOW - 2, glyphs), words[1])


def _table_row(
    part: InsideView, standing: StandingView | None, width: int, glyphs: Glyphs
) -> Content:
    now = None if standing is None else standing.rows_now
    size = text.right(text.column_size(part.size), _SIZE) if width >= _ROOMY else ""
    then = text.right("" if part.rows is None else text.count(part.rows), _ROWS)
    live = text.right("" if now is None else text.count(now), _ROWS)
    kind = "" if part.kind == "table" else f"  ({part.kind})"
    room = max(8, width - len(then) - len(live) - len(size) - _NOW)
    name = text.fit(_middle(text.clean(f"{part.path}{kind}"), room, glyphs), room, glyphs)
    style = "" if standing is not None and standing.counted else "$foreground-muted"
    words = ("", "") if part.kind != "table" else now_words(standing, glyphs)
    return assemble(name, then, (live, style), size, *_now(words, glyphs))
