"""Patterns of paths, as a person writes them."""

from __future__ import annotations

import pytest

from core.archive.tree.patterns import resolve
from core.errors import UsageError


def test_a_pattern_of_a_thousand_components_is_the_deepest() -> None:
    assert resolve(["a/" * 1000]) == ("/".join(["a"] * 1000),)
    with pytest.raises(UsageError, match=r"--only has at most 1,000 components"):
        resolve(["a/" * 1001], option="--only")
