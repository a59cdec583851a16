"""The undo is removed whole, even where the discarding job dies or fails half way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import structs

from core.events import Kind
from core.operations.requests import DiscardRequest
from tests.operations.tracing import traced
from tests.shop import Shop


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory):
    made = Shop.make(tmp_path_factory.mktemp("discard") / "store", server, "discarded")
    made.request = made.back_up((Kind.CODE, Kind.DB))
    return made


def undo(shop):
    """Roll back something, so that there is an undo; return its job's directory."""
    (Path(shop.root) / "app/later.php").write_text("<?php")
    summary, events = shop.run(structs.replace(shop.request, whole=True))
    assert summary.exit_code == 0, events
    return Path(shop.store.jobs_directory) / summary.job_id


def aside(shop):
    """Return the aside trees and tables."""
    tables = shop.server.run(
        "SELECT TABLE_NAME FROM information_schema.TABLES "
        f"WHERE TABLE_SCHEMA = '{shop.schema}' AND TABLE_NAME LIKE '\\_mra\\_%'"
    ).splitlines()[1:]
    trees = [
        name
        for name in os.listdir(shop.store.state_directory)
        if name not in ("jobs", "lock", "clock.json")
    ]
    return tables + trees


@pytest.mark.long
def test_a_discard_that_was_killed_is_finished(shop, tmp_path):
    job = undo(shop)
    assert aside(shop)
    request = DiscardRequest(job_id=job.name)
    died = traced(shop, lambda client: client.start(request), tmp_path / "t", dies="discard:1")
    assert died.interrupted
    summary, events = shop.recover()
    assert summary.exit_code == 0, events
    assert aside(shop) == []
    assert {"undo.json", "discard.json", "connection.json"}.isdisjoint(os.listdir(job))


@pytest.mark.long
def test_a_rollback_that_was_killed_while_it_removed_the_older_undo(shop, tmp_path):
    older = undo(shop)
    (Path(shop.root) / "app/later.php").write_text("<?php")
    start = shop.request
    died = traced(shop, lambda client: client.start(start), tmp_path / "t", dies="discard:1")
    assert died.interrupted
    summary, events = shop.recover()
    assert summary.exit_code == 0, events
    assert summary.undo_kept
    assert {"undo.json", "discard.json", "connection.json"}.isdisjoint(os.listdir(older))
    assert shop.run(DiscardRequest(job_id=summary.job_id))[0].exit_code == 0
    assert aside(shop) == []


@pytest.mark.long
def test_what_could_not_be_removed_goes_with_the_next(shop):
    job = undo(shop)
    wrong = (job / "connection.json").read_text()
    (job / "connection.json").write_text(wrong.replace(shop.server.socket, "/nonexistent"))
    summary, events = shop.run(DiscardRequest(job_id=job.name))
    assert summary.exit_code == 1, events
    assert shop.client().undoable() is None, "half an undo is not offered"
    assert aside(shop), "its tables are left"
    (job / "connection.json").write_text(wrong)
    later = undo(shop)
    assert {"undo.json", "discard.json", "connection.json"}.isdisjoint(os.listdir(job))
    assert shop.run(DiscardRequest(job_id=later.name))[0].exit_code == 0
    assert aside(shop) == []
