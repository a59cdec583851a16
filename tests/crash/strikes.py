"""Runs into a fault, the recovery after it, and the look at the remaining state."""

from __future__ import annotations

import pytest

from core.errors import JobError
from core.events import Outcome


def check_whole(shop, summary, *, what):
    """Assert that the store is wholly old or wholly new; return which."""
    state = shop.state()
    expected = shop.new if summary.committed else shop.old
    if state != expected:
        from tests import oracles

        pytest.fail(f"{what}: neither old nor new: {oracles.difference(state, expected)}")
    assert not shop.closed(), f"{what}: the store was left closed"
    assert shop.leftovers() == [], what
    assert shop.client().running() is None
    assert shop.client().interrupted() is None
    return summary.committed


def again(shop):
    """Restore the state of the shop before a rollback."""
    shop.damage()
    assert shop.state() == shop.old


def strike(shop, request, fault, *, tally, what):
    """Run a job into a fault, recover, and check; tell whether the fault came at all."""
    try:
        summary, events = shop.run(request, fault=fault)
    except JobError:
        # Killed before it could say that it had begun: nothing can have happened.
        assert shop.state() == shop.old
        tally.add(what, survived=True)
        if shop.client().interrupted() is not None:
            shop.recover()
        return True
    if summary.outcome in (Outcome.DONE, Outcome.WARNINGS):
        return False  # it was over before the fault's number
    assert summary.interrupted, (fault, summary, events[-3:])
    tally.add(what, survived=False)
    summary, events = shop.recover()
    assert summary.outcome in (Outcome.REVERTED, Outcome.DONE, Outcome.WARNINGS), (fault, events)
    if check_whole(shop, summary, what=fault):
        again(shop)
    tried, lived = tally.rows[what]
    tally.rows[what] = (tried, lived + 1)
    return True


def every(shop, request, where, modes, step, *, tally, what):
    number = 1
    while True:
        came = [
            strike(shop, request, f"{where}:{number}:{mode}", tally=tally, what=what)
            for mode in modes
        ]
        if not any(came):
            break
        number += step
    again_if_new(shop)
    return number


def again_if_new(shop):
    if shop.state() == shop.new:
        again(shop)


def strike_undo(shop, request, number, tally, what):
    summary, events = shop.run(request, fault=f"journal:{number}:kill")
    if not summary.interrupted:
        assert summary.exit_code == 0, events
        assert shop.state() == shop.new
        return False
    tally.add(what, survived=False)
    # The recovery is killed too, at its first records, and run again.
    for again_at in (2, 3):  # its own first record comes before it says that it has begun
        summary, _ = shop.recover(fault=f"journal:{again_at}:kill")
        if not summary.interrupted:
            break
    if summary.interrupted:
        summary, events = shop.recover()
    assert summary.outcome in (Outcome.REVERTED, Outcome.DONE, Outcome.WARNINGS)
    state = shop.state()
    assert state == (shop.new if summary.committed else shop.old)
    assert not shop.closed()
    tried, lived = tally.rows[what]
    tally.rows[what] = (tried, lived + 1)
    if not summary.committed:
        shop.old, shop.new = shop.new, shop.old  # undone again by the caller's exchange
    return True
