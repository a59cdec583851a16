"""Tests of the long suite: variants of stories that a shorter test tells as well."""

from collections.abc import Iterable, Sequence

import pytest


def some(values: Iterable[object], *often: object) -> list[object]:
    """Return the values as parameters; those not in `often` are left to `make long`."""
    return [
        value if value in often else pytest.param(value, marks=pytest.mark.long) for value in values
    ]


def few(values: Sequence[object], *places: int) -> list[object]:
    """Return the values as parameters; those not at `places` are left to `make long`."""
    return [
        value
        if at in places
        else pytest.param(
            *(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.long
        )
        for at, value in enumerate(values)
    ]
