"""A region that a layout has painted is not painted again.

Textual marks a widget whose size changed as dirty, though the layout that changed it paints it at
once; the mark stays, and the next row that changes has all of the widget painted: 1.5 kB for the
first key of a list at 80x24.

It also keeps the height of a widget by the number of layouts that the widget has asked for, and
counts a requested layout only if no other layout is pending, so the last rows keep their space.
"""

from __future__ import annotations

from typing import Self

from textual.geometry import Region, Size
from textual.widget import Widget


class PaintedOnce(Widget):
    """A widget that a layout paints, and nothing after it."""

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Ask to be painted; with `layout` also to be given room for what there is now."""
        if layout and self._layout_required:
            self._layout_updates += 1
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _size_updated(
        self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True
    ) -> bool:
        changed = size != self._size
        updated = super()._size_updated(size, virtual_size, container_size, layout)
        if changed:
            self._repaint_regions.clear()
        return updated
