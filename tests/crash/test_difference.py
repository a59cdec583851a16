"""A runner that is killed while most tables stay: parents are swapped, their children are kept."""

from __future__ import annotations

import pytest
from msgspec import structs

from core.events import Outcome
from core.operations.requests import UndoRequest
from tests.crash.strikes import every, strike_undo

PARENTS = """SET foreign_key_checks = 0;
UPDATE store SET name = CONCAT(name, '~') LIMIT 1;
UPDATE customer_group SET customer_group_code = CONCAT(customer_group_code, '~') LIMIT 1;
DELETE FROM eav_attribute LIMIT 1;
UPDATE newsletter_subscriber SET subscriber_email = 'x@example.com' LIMIT 1;
"""


@pytest.fixture
def differing(shop):
    """The shop with a dump of it, and damage to tables that others refer to."""
    kept = shop.request, shop.old, shop.damage
    summary, events = shop.run(shop.request)
    assert summary.exit_code == 0, events
    shop.request = structs.replace(shop.request, code_file=None, media_file=None)
    shop.damage = lambda: shop.server.run(PARENTS, schema=shop.schema)
    shop.damage()
    shop.old = shop.state()
    yield shop
    if shop.state() == shop.old:
        shop.run(shop.request)
    shop.request, shop.old, shop.damage = kept
    shop.damage()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "step", [19, pytest.param(1, marks=pytest.mark.crash)], ids=["some", "every"]
)
def test_killed_at_journal_records_of_a_difference(differing, tally, step):
    modes = ["kill"] if step > 1 else ["kill", "killafter"]
    what = "SIGKILL at a journal record of a difference"
    assert every(differing, differing.request, "journal", modes, step, tally=tally, what=what) > 10


@pytest.mark.timeout(3600)
@pytest.mark.crash
def test_killed_at_changes_of_the_schema_of_a_difference(differing, tally):
    what = "SIGKILL at a schema change of a difference"
    assert every(differing, differing.request, "sql", ["kill"], 2, tally=tally, what=what) > 20


@pytest.mark.timeout(3600)
@pytest.mark.crash
def test_killed_in_the_undo_of_a_difference(differing, tally):
    """A kept table changes after the rollback, so that the undo loads it from the backup."""
    shop, number = differing, 2
    summary, events = shop.run(shop.request)
    assert summary.exit_code == 0, events
    old = shop.old
    while True:
        shop.server.run(
            "UPDATE customer_entity SET firstname = CONCAT(firstname, '~') LIMIT 1",
            schema=shop.schema,
        )
        job_id = shop.client().undoable().job_id
        shop.old, shop.new_, shop.new = shop.state(), shop.new, old
        request = UndoRequest(job_id=job_id)
        try:
            came = strike_undo(shop, request, number, tally, "SIGKILL in the undo of a difference")
        finally:
            shop.old, shop.new = old, shop.new_
        if not came:
            break
        if shop.state() == old:
            summary, events = shop.run(shop.request)
            assert summary.outcome in (Outcome.DONE, Outcome.WARNINGS), events
        number += 1
    assert number > 5
