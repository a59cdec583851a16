"""Leftovers of forgotten jobs: named with their size, removed after a question."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from core.journal import read_journal
from tests.integration.commands import magerewind, names_of


def left_tables(shop):
    rows = shop.server.run(
        "SELECT TABLE_NAME FROM information_schema.TABLES"
        f" WHERE TABLE_SCHEMA = '{shop.schema}' AND TABLE_NAME LIKE '\\_mr%'"
    )
    return rows.splitlines()[1:]


def left_directories(shop):
    state = shop.store.state_directory
    return [name for name in os.listdir(state) if name.startswith(("aside", "stage"))]


@pytest.fixture
def forgotten(shop):
    """A finished rollback whose directory is gone; the live state after it."""
    (Path(shop.root) / "pub/index.php").write_bytes(b"<?php // changed")
    (Path(shop.root) / "pub/media/changed.txt").write_bytes(b"changed")
    shop.server.run("DELETE FROM url_rewrite", schema=shop.schema)
    magerewind(shop, "setup:rollback", *names_of(shop.request), "--yes", "--no-flush", code=0)
    job = magerewind(shop, "job:list", "--json", code=0).objects[0]["job_id"]
    shutil.rmtree(Path(shop.store.jobs_directory) / job)
    assert left_tables(shop)
    assert left_directories(shop)
    return job


def test_what_is_left_is_named_and_removed(shop, forgotten):
    live = shop.state()
    said = magerewind(shop, "info:store", code=0)
    assert f"The memory of job {forgotten} is gone; this is left of it:" in said.err
    assert "tables set aside" in said.err
    assert "job:discard --orphans removes it, and asks before." in said.err
    refused = magerewind(shop, "job:discard", "--orphans", "-n", code=1)
    assert "--yes answers it" in refused.err
    declined = magerewind(shop, "job:discard", "--orphans", stdin="n\n", code=1)
    assert "You are about to delete what 1 job left" in declined.out + declined.err
    assert left_tables(shop)
    magerewind(shop, "job:discard", "--orphans", "--yes", code=0)
    assert left_tables(shop) == []
    assert left_directories(shop) == []
    assert shop.state() == live
    said = magerewind(shop, "job:discard", "--orphans", "--yes", code=0)
    assert "Nothing is left over." in said.err + said.out
    assert "memory of job" not in magerewind(shop, "info:store", code=0).err


@pytest.mark.long
def test_tables_that_others_refer_to_stay(shop, forgotten):
    row = shop.server.run(
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS"
        f" WHERE TABLE_SCHEMA = '{shop.schema}' AND TABLE_NAME LIKE '\\_mra\\_%'"
        " AND COLUMN_KEY = 'PRI' AND EXTRA = 'auto_increment' LIMIT 1"
    )
    table, column, kind = row.splitlines()[1].split("\t")
    shop.server.run(
        f"CREATE TABLE refers (id {kind}, FOREIGN KEY (id) REFERENCES `{table}` (`{column}`))",
        schema=shop.schema,
    )
    said = magerewind(shop, "job:discard", "--orphans", "--yes", code=0)
    assert "Old tables that a foreign key of another table refers to stay:" in said.err
    assert table in said.err
    assert table in left_tables(shop)
    shop.server.run("DROP TABLE refers", schema=shop.schema)
    magerewind(shop, "job:discard", "--orphans", "--yes", code=0)
    assert left_tables(shop) == []


def test_an_undo_that_is_remembered_is_no_orphan(shop):
    shop.server.run("DELETE FROM url_rewrite", schema=shop.schema)
    magerewind(shop, "setup:rollback", *names_of(shop.request), "--yes", "--no-flush", code=0)
    tables = left_tables(shop)
    assert tables
    said = magerewind(shop, "job:discard", "--orphans", "--yes", code=0)
    assert "Nothing is left over." in said.err + said.out
    assert left_tables(shop) == tables
    magerewind(shop, "job:discard", "--yes", code=0)
    said = magerewind(shop, "job:discard", "x", "--orphans", "--yes", code=2)
    assert "not both" in said.err


@pytest.mark.long
def test_a_job_that_is_half_done_is_recovered_first(shop):
    summary, _ = shop.run(shop.request)
    kinds = [record.kind for record in read_journal(shop.job_journal(summary.job_id))]
    magerewind(shop, "job:discard", "--yes", code=0)
    shop.server.run("DELETE FROM url_rewrite", schema=shop.schema)  # a rename is the proof
    client = shop.client(fault=f"journal:{kinds.index('commit') + 1}:kill")
    job = client.start(shop.request)
    for _ in client.follow(job.job_id, interval_s=0.02):
        pass
    assert client.result_of(job.job_id).interrupted
    shutil.rmtree(job.path)
    before = left_tables(shop)
    said = magerewind(shop, "job:discard", "--orphans", "--yes", code=1)
    assert f"Job {job.job_id} left the store half done" in said.err
    assert "job:recover --without-memory" in said.err
    assert left_tables(shop) == before
    magerewind(shop, "job:recover", "--without-memory", "--yes")
    magerewind(shop, "job:discard", "--orphans", "--yes", code=0)
    assert left_tables(shop) == []
