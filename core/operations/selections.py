"""The part of the tree that belongs to a backup of a kind."""

from __future__ import annotations

from core.archive.tree.selection import Selection, code_selection, media_selection
from core.events import Kind
from core.magento.store import Store


def selection_of(store: Store, kind: Kind, exclude: tuple[str, ...]) -> Selection:
    """Return the selection of a backup of this kind."""
    make = code_selection if kind is Kind.CODE else media_selection
    return make(store, exclude=exclude)
