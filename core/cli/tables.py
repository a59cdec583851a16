"""Tables as Magento's own commands draw them, with `+`, `-` and `|`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.text.printable import columns


def _row(cells: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    padded = []
    for position, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - columns(cell))
        padded.append(f" {space}{cell} " if position in right else f" {cell}{space} ")
    return f"|{'|'.join(padded)}|"


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()
) -> Iterator[str]:
    """Yield the lines of a table; the columns in `right` are set to the right.

    Cells are safe text already.
    """
    widths = [max(columns(row[at]) for row in (headers, *rows)) for at in range(len(headers))]
    line = f"+{'+'.join('-' * (width + 2) for width in widths)}+"
    yield line
    yield _row(headers, widths, frozenset())
    yield line
    for row in rows:
        yield _row(row, widths, right)
    yield line
