"""Ordinary changes of an open store, and the limit of other changes to a confirmed plan.

It owns this rule and its threshold: for the recheck with the store closed, and for the plan that a
job makes again after a person has confirmed one.
"""

from __future__ import annotations

from typing import Final

_ORDINARY: Final = (
    b"pub/media/catalog/product/cache/",
    b"pub/media/tmp/",
    b"generated/",
    b"var/log/",
    b"log/",
)
_SHARE: Final = 100  # one in a hundred
ALWAYS_FINE: Final = 20  # in a small tree one per cent is nothing


def is_ordinary(path: bytes) -> bool:
    """Tell whether an entry changes in an open store: media cache, generated code, logs."""
    return path.startswith(_ORDINARY) or path.endswith(b".log")


def are_too_many(changed: int, of: int) -> bool:
    """Tell whether so many other changes, of so many other entries, make it another store."""
    return changed > max(ALWAYS_FINE, of // _SHARE)
