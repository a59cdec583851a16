"""Rows that somebody writes into an open database while the store is closed: told at the end."""

from __future__ import annotations

import pytest

from core.events import Step, StepStarted, Warned
from core.journal import read_journal
from core.operations.requests import RollbackRequest
from tests.integration.commands import magerewind

# A trigger of the first writes into the second.
MESSAGE = "Written to while the store was closed; the undo keeps what these tables had:"


def told(events):
    return [
        one.names
        for one in events
        if isinstance(one, Warned) and one.code == "written-while-closed"
    ]


@pytest.fixture(scope="module")
def staging(shop):
    """The number of the journal's record before the first staged table, of a quiet rollback."""
    differ(shop)
    summary, events = shop.run(RollbackRequest(db_file=shop.request.db_file))
    assert summary.exit_code == 0, events
    assert told(events) == []
    kinds = [record.kind for record in read_journal(shop.job_journal(summary.job_id))]
    magerewind(shop, "job:discard", "--yes", code=0)
    return kinds.index("tables.staging") + 1


def differ(shop):
    """Let one table differ: where nothing does, nothing is rolled back."""
    shop.server.run("UPDATE store SET name = 'other' LIMIT 1", schema=shop.schema)


def written(shop, tmp_path, fault, *, whole=False):
    """Roll the database back while somebody writes; return the job's id and its events."""
    go = tmp_path / "go"
    differ(shop)
    client = shop.client(fault=fault, MAGEREWIND_GO=str(go))
    job = client.start(RollbackRequest(db_file=shop.request.db_file, whole=whole))
    events = []
    for stamped in client.follow(job.job_id, interval_s=0.02):
        events.append(stamped.event)
        if isinstance(stamped.event, StepStarted) and stamped.event.step is Step.LOAD:
            shop.server.run(
                "INSERT INTO sales_order (store_id, base_grand_total) VALUES (1, 7);"
                "UPDATE core_config_data SET value = 'written' LIMIT 1;",
                schema=shop.schema,
            )
            go.touch()
    return job.job_id, events


def test_it_is_told_at_the_end(shop, staging, tmp_path):
    before = shop.state()
    job_id, events = written(shop, tmp_path, f"journal:{staging}:wait")
    assert shop.client().result_of(job_id).exit_code == 0
    assert told(events) == [("core_config_data", "design_config_grid_cl", "sales_order")]
    assert shop.state() == before
    magerewind(shop, "job:undo", "--yes", code=0)
    assert shop.state() != before
    magerewind(shop, "setup:rollback", "-d", shop.request.db_file, "--yes", code=0)
    assert shop.state() == before
    magerewind(shop, "job:discard", "--yes", code=0)


@pytest.mark.long
def test_a_recovery_tells_it(shop, staging, tmp_path):
    # As a difference, writes meanwhile change the number of records.
    summary, _ = shop.run(RollbackRequest(db_file=shop.request.db_file, whole=True))
    kinds = [record.kind for record in read_journal(shop.job_journal(summary.job_id))]
    magerewind(shop, "job:discard", "--yes", code=0)
    commit = kinds.index("commit") + 1
    fault = f"journal:{staging}:wait,journal:{commit}:killafter"
    job_id, events = written(shop, tmp_path, fault, whole=True)
    assert told(events) == []
    assert shop.client().result_of(job_id).interrupted
    said = magerewind(shop, "job:recover", code=0)
    assert (
        f"Warning: {MESSAGE}\n  core_config_data\n  design_config_grid_cl\n  sales_order\n"
        in said.err
    )
    magerewind(shop, "job:discard", "--yes", code=0)
