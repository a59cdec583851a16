"""The rows of a table as a list of known length, of which a few pages are held at a time.

A page of the backup has `ROWS_PAGE` rows. Once the store's rows are known beside it, those only in
the store make it longer, and all rows behind it move on by as much.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from tui.engine.inside_port import ROWS_PAGE, RowsView, RowView

KEPT: Final = 20
"""Pages that are held."""


class RowPages:
    """The pages of one table; `total` are the rows of the backup."""

    def __init__(self) -> None:
        self.total = 0
        self._pages: OrderedDict[int, tuple[RowView, ...]] = OrderedDict()
        self._more: dict[int, int] = {}  # rows that a page has more than in the backup
        self._whole: set[int] = set()  # pages with the store's rows beside them

    @property
    def count(self) -> int:
        """How many rows there are, as far as is known."""
        return self.total + sum(self._more.values())

    def place(self, index: int) -> tuple[int, int]:
        """Return the page of a row, and its number there."""
        moved = 0
        for page in sorted(self._more):
            begin = page * ROWS_PAGE + moved
            if index < begin:
                break
            if index < begin + self._length(page):
                return page, index - begin
            moved += self._more[page]
        return divmod(index - moved, ROWS_PAGE)

    def begin(self, page: int) -> int:
        """Return the index of the first row of a page."""
        return page * ROWS_PAGE + sum(more for at, more in self._more.items() if at < page)

    def _length(self, page: int) -> int:
        own = max(0, min(ROWS_PAGE, self.total - page * ROWS_PAGE))
        return own + self._more.get(page, 0)

    def row(self, index: int) -> RowView | None:
        """Return a row; None while its page is not held."""
        page, number = self.place(index)
        rows = self._pages.get(page)
        if rows is None:
            return None
        self._pages.move_to_end(page)
        return rows[number] if number < len(rows) else None

    def is_held(self, page: int) -> bool:
        """Tell whether a page is held."""
        return page in self._pages

    def is_whole(self, page: int) -> bool:
        """Return whether a page has the store's rows beside it."""
        return page in self._whole and page in self._pages

    def take(self, page: int, view: RowsView, *, whole: bool) -> None:
        """Hold a page; `whole`: beside the store's rows."""
        self.total = view.total
        self._pages[page] = view.rows
        self._pages.move_to_end(page)
        if whole:
            self._whole.add(page)
            own = max(0, min(ROWS_PAGE, self.total - page * ROWS_PAGE))
            self._more[page] = len(view.rows) - own
            if not self._more[page]:
                del self._more[page]
        elif page in self._more:
            del self._more[page]
        while len(self._pages) > KEPT:
            self._pages.popitem(last=False)

    def forget(self) -> None:
        """Hold nothing any more; the length stays."""
        self._pages.clear()
        self._whole.clear()
        self._more.clear()
