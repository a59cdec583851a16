"""The losses of a rollback or an undo, in words: numbers of orders and customers, the orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.engine.views import PlanView
from tui.render import text

_NAMED: Final = 3
LABEL: Final = "LOST UNLESS UNDONE"


def lost_words(plan: PlanView) -> str:
    """Return `3 orders (000000291-293), 2 customers`; empty where nothing is known to be lost."""
    parts = []
    for what, number in plan.lost:
        words = text.clean(text.plural(number, what.removesuffix("s"), what))
        if what == "orders" and plan.order_numbers:
            words += f" ({numbers_words(plan.order_numbers, number)})"
        parts.append(words)
    return ", ".join(parts)


def numbers_words(order_numbers: Sequence[str], count: int) -> str:
    """Return the numbers of orders in short: a run of them as `000000291-293`, else the first ones.

    `count` is how many there are, which may be more than the numbers that are known.
    """
    known = sorted(set(order_numbers), key=lambda one: (len(one), one))
    first, last = known[0], known[-1]
    plain = all(one.isascii() and one.isdigit() and len(one) == len(first) for one in known)
    if plain and len(known) == count and int(last) - int(first) == count - 1:
        if count == 1:
            return first
        same = next((at for at, one in enumerate(first) if one != last[at]), 0)
        return f"{first}-{last[min(same, len(last) - 3) :]}"
    more = ", ..." if count > _NAMED else ""
    return ", ".join(text.clean(one) for one in known[:_NAMED]) + more
