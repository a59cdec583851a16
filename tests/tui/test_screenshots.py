"""The pictures in screenshots/ are what the screens show now."""

from __future__ import annotations

import asyncio

import pytest

from screenshots.capture import PICTURES, RECORDING, Picture, draw
from screenshots.recording import load
from tests.long import few

pytestmark = pytest.mark.painted


@pytest.mark.parametrize(
    "picture",
    few(PICTURES, *range(0, len(PICTURES), 3)),
    ids=lambda one: f"{one.name}-{one.size[0]}",
)
def test_a_picture_is_up_to_date(picture: Picture) -> None:
    with open(picture.path, encoding="utf-8") as file:
        known = file.read()
    drawn = asyncio.run(draw(picture, load(RECORDING)[picture.scene]))
    assert drawn == known, "out of date: make screenshots"
