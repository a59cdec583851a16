"""A region that a layout has painted is not painted again.

Textual marks a widget whose size changed as dirty, though the layout that changed it paints it at
once; the mark stays, and the next row that changes has all of the widget painted: 1.5 kB for the
first key of a list at 80x24.
"""

from __future__ import annotations

from textual.geometry import Size
from textual.widget import Widget


class PaintedOnce(Widget):
    """A widget that a layout paints, and nothing after it."""

    def _size_updated(
        self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True
    ) -> bool:
        changed = size != self._size
        updated = super()._size_updated(size, virtual_size, container_size, layout)
        if changed:
            self._repaint_regions.clear()
        return updated
