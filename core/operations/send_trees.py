"""Sends the trees of a set to a repository; media starts while code is still being sent.

The overlap hides restic's start and end, which take most of the time for small media. With a
bandwidth limit the trees are sent one after the other, because the limit is per call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from msgspec import Struct, field

from core.archive.create.outline import Outline, outline
from core.archive.tree.selection import Selection
from core.events import Kind, Report
from core.repository.restic import Restic
from core.repository.sending import Sent, TreeOnItsWay, begin_tree
from core.repository.sets import host_of, tags_of


class SentTree(Struct, frozen=True, kw_only=True):
    """A tree that was sent, with its selection and the outline that it was begun with."""

    selection: Selection
    known: Outline
    sent: Sent


class _Begun(Struct, frozen=True):
    selection: Selection
    known: Outline
    tree: TreeOnItsWay


class Trees(Struct, frozen=True, kw_only=True):
    """The trees of one set. `kinds` are all that the set is to have."""

    restic: Restic
    store: str
    timestamp: int
    kinds: Collection[Kind]
    select: Callable[[Kind], Selection]
    parent: Callable[[Kind], str | None]
    _begun: dict[Kind, _Begun] = field(default_factory=dict)
    _sent: set[Kind] = field(default_factory=set)

    def send(self, kind: Kind, report: Report) -> SentTree:
        """Send the tree of a kind. Raises RepositoryError, StoreUnreadable.

        After an error nothing is on its way any more.
        """
        try:
            begun = self._begun.get(kind) or self._begin(kind)
            both = kind is Kind.CODE and Kind.MEDIA in {*self.kinds} - self._sent
            if both and not self.restic.repository.limit_upload:
                self._begin(Kind.MEDIA)
            sent = begun.tree.finish(report)
        except BaseException:
            self.end()
            raise
        del self._begun[kind]
        self._sent.add(kind)
        return SentTree(selection=begun.selection, known=begun.known, sent=sent)

    def _begin(self, kind: Kind) -> _Begun:
        selection = self.select(kind)
        known = outline(selection)
        tree = begin_tree(
            self.restic,
            selection.root,
            known,
            host=host_of(self.store),
            tags=tags_of(self.store, self.timestamp, kind.value),
            parent=self.parent(kind),
        )
        begun = self._begun[kind] = _Begun(selection, known, tree)
        return begun

    def end(self) -> None:
        """End the calls that run; nothing of them counts."""
        for begun in self._begun.values():
            begun.tree.call.end()
        self._begun.clear()
