"""Tests of the long suite: variants of stories that a shorter test tells as well."""

from collections.abc import Iterable

import pytest


def some(values: Iterable[object], *often: object) -> list[object]:
    """Return the values as parameters; those not in `often` are left to `make long`."""
    return [
        value if value in often else pytest.param(value, marks=pytest.mark.long) for value in values
    ]
