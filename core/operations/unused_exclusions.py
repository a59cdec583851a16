"""Which patterns of `--exclude` match nothing of a store: most likely they are misspelt."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from msgspec.structs import replace

from core.archive.tree.patterns import Chosen, is_literal
from core.archive.tree.selection import Selection, code_selection, media_selection, walk
from core.errors import MagerewindError
from core.magento.store import Store
from core.operations.findings import Finding, note


def unused_exclusions(store: Store, patterns: Sequence[str]) -> list[Finding]:
    """Return a note that names the patterns which match nothing that is there.

    Groups may well match nothing. A pattern that begins with a wildcard is not looked for, since
    that would read every directory.
    """
    names = [text for text in patterns if not text.startswith("@") and not _is_used(store, text)]
    if not names:
        return []
    return [note("nothing-excluded", "Nothing in the store matches these exclusions:", names=names)]


def _is_used(store: Store, text: str) -> bool:
    chosen = Chosen((text,))
    (beginning,) = chosen.beginnings  # of a literal pattern, all of it
    if not os.path.lexists(os.path.join(os.fsencode(store.root), beginning)):
        return False
    if is_literal(text) or not beginning:
        return True
    return any(
        chosen.holds(one.path)
        for selection in _selections(store, text)
        for one in walk(selection, problem=lambda _path, _error: None)
    )


def _selections(store: Store, text: str) -> Iterator[Selection]:
    """Yield the whole root, and the media directory where that is a link, reduced to a pattern."""
    code = code_selection(store)
    yield replace(code, ignored=frozenset(), chosen=(text,))
    with suppress(MagerewindError):
        yield replace(media_selection(store), chosen=(text,))
