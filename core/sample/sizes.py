"""How big a sample is: the counts behind `small`, `medium` and `large`, for files and for rows."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Size(StrEnum):
    """The three sizes of a sample store."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class FileCounts(Struct, frozen=True, kw_only=True):
    """Files to make: of installed code, of `pub/static`, and of pictures with their cache."""

    code: int
    static: int
    pictures: int
    largest_picture: int  # bytes


class RowCounts(Struct, frozen=True, kw_only=True):
    """Rows to make; the other tables have a multiple of one of these."""

    products: int
    categories: int
    customers: int
    orders: int
    rewrites: int


FILES: Final = {
    Size.SMALL: FileCounts(code=2_600, static=120, pictures=240, largest_picture=24_000),
    Size.MEDIUM: FileCounts(code=52_000, static=2_000, pictures=6_000, largest_picture=60_000),
    Size.LARGE: FileCounts(code=96_000, static=4_000, pictures=12_000, largest_picture=90_000),
}
ROWS: Final = {
    Size.SMALL: RowCounts(products=200, categories=30, customers=120, orders=300, rewrites=600),
    Size.MEDIUM: RowCounts(
        products=12_000, categories=400, customers=15_000, orders=30_000, rewrites=60_000
    ),
    Size.LARGE: RowCounts(
        products=80_000, categories=1_500, customers=100_000, orders=180_000, rewrites=400_000
    ),
}
