"""Restore drills: beside the open store, on the disk and the server that it has."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from core.database.schema.names import short_id
from core.events import Outcome
from core.operations.requests import DrillRequest
from tests import oracles
from tests.integration.commands import magerewind


def left(shop):
    """Staging tables, and directories for a sample."""
    tables = shop.server.run(
        "SELECT TABLE_NAME FROM information_schema.TABLES "
        f"WHERE TABLE_SCHEMA = '{shop.schema}' AND TABLE_NAME LIKE '\\_mr%'"
    ).splitlines()[1:]
    places = glob.glob(os.path.join(tempfile.gettempdir(), "magerewind-drill-*"))
    return tables + places


def rows(shop):
    listed = magerewind(shop, "info:backups:list", "--json", code=0).objects
    return {row["file_name"]: row for row in listed if row["type"] == "Backup"}


def test_the_newest_backups_are_tried_and_the_list_says_so(shop):
    before = oracles.schema_entries(shop.server, shop.schema)
    tree = oracles.tree_entries(shop.root)
    said = magerewind(shop, "info:backups:drill", "--newest", code=0)
    assert f"{shop.request.db_file} is restorable (" in said.err + said.out
    assert "tables by digests" in said.err + said.out
    assert "on the server" in said.err + said.out
    assert oracles.schema_entries(shop.server, shop.schema) == before
    assert oracles.tree_entries(shop.root) == tree
    assert left(shop) == []
    assert not shop.closed()
    names = {shop.request.code_file, shop.request.media_file, shop.request.db_file}
    found = rows(shop)
    assert all(found[name]["tried"]["restorable"] for name in names)
    assert not found[shop.request.db_file]["tried"]["compared"].startswith("0 tables by digests")
    listed = magerewind(shop, "info:backups:list", code=0).out
    assert listed.count("restorable, tried") == 3
    due = json.loads(magerewind(shop, "schedule:status", "--json", code=0).lines[-1])
    assert due["tried_s"] is not None


@pytest.fixture
def copies(shop):
    """A set without manifests, as if it were of elsewhere."""
    backups = Path(shop.store.backups)
    made = {"code": backups / "1600000000_filesystem.tgz", "db": backups / "1600000000_db.sql"}
    packed = ["tar", "-C", shop.root, "-czf", made["code"], "app", "bin", "pub/index.php"]
    subprocess.run(packed, check=True)
    shutil.copyfile(backups / shop.request.db_file, made["db"])
    yield made
    for copy in made.values():
        copy.unlink(missing_ok=True)


def test_a_set_without_manifests_is_tried_by_rows_and_remembered(shop, copies):
    said = magerewind(shop, "info:backups:drill", "1600000000", code=0)
    assert "0 tables by digests" in said.err + said.out
    found = rows(shop)
    assert all(found[copy.name]["tried"]["restorable"] for copy in copies.values())


def test_a_backup_that_cannot_be_restored_is_named_and_counts_for_nothing(shop, copies):
    copies["db"].write_bytes(copies["db"].read_bytes()[:-300])
    said = magerewind(shop, "info:backups:drill", copies["db"].name, code=1)
    assert f"Not restorable: {copies['db'].name}" in said.err
    assert left(shop) == []
    assert not rows(shop)[copies["db"].name]["tried"]["restorable"]
    assert "NOT RESTORABLE" in magerewind(shop, "info:backups:list", code=0).out
    checked = magerewind(shop, "info:store", "--check", code=2)
    assert f"{copies['db'].name} is not restorable" in checked.out


def test_a_cancelled_drill_leaves_nothing(shop):
    summary, _ = shop.run(DrillRequest(names=(shop.request.db_file,)), fault="journal:3:term")
    assert summary.outcome is Outcome.CANCELLED
    assert left(shop) == []


def test_rows_that_are_not_those_of_the_index_are_found(shop):
    """A digest that differs: the dump is loaded whole, and contradicts its index."""
    from core.backups.catalog import find_any_backup
    from core.backups.index import open_index
    from core.database.compare.staged import LoadedTable, compare_staged
    from core.database.index.read_index import DumpIndex

    found = open_index(find_any_backup(shop.store.backups, shop.request.db_file))
    assert isinstance(found, int)
    index = DumpIndex(found)
    name, column = shop.server.run(
        "SELECT c.TABLE_NAME, c.COLUMN_NAME FROM information_schema.COLUMNS c"
        " JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)"
        f" WHERE c.TABLE_SCHEMA = '{shop.schema}' AND c.TABLE_NAME LIKE '%core_config_data'"
        " AND c.COLUMN_NAME = 'value'"
    ).split()[-2:]
    live = LoadedTable(name=name, staged=name, rows=index.tables[name].rows)
    assert compare_staged(index, shop.settings, [live]).differ == ()
    was = f"CREATE TABLE {shop.schema}.kept_rows AS SELECT * FROM {shop.schema}.{name} LIMIT 1"
    shop.server.run(was)
    try:
        shop.server.run(f"UPDATE {shop.schema}.{name} SET {column} = 'other' LIMIT 1")
        assert compare_staged(index, shop.settings, [live]).differ == (name,)
        fewer = LoadedTable(name="", staged=name, rows=live.rows - 1)
        assert compare_staged(None, shop.settings, [fewer]).differ == ("",)
    finally:
        shop.server.run(
            f"REPLACE INTO {shop.schema}.{name} SELECT * FROM {shop.schema}.kept_rows;"
            f"DROP TABLE {shop.schema}.kept_rows"
        )
        os.close(found)


def test_a_killed_drill_is_recovered_from_its_journal(shop):
    names = (shop.request.db_file, shop.request.code_file)
    summary, _ = shop.run(DrillRequest(names=names), fault="journal:3:killafter")
    assert summary.interrupted, summary
    assert any(name.startswith(f"_mrs_{short_id(summary.job_id)}_") for name in left(shop))
    recovered, _ = shop.recover()
    assert recovered.exit_code == 0
    assert left(shop) == []
    assert not shop.closed()


def test_the_tables_of_a_drill_whose_memory_is_gone_are_a_lost_job_s(shop):
    request = DrillRequest(names=(shop.request.db_file,))
    summary, _ = shop.run(request, fault="journal:3:killafter")
    shutil.rmtree(Path(shop.store.jobs_directory) / summary.job_id)
    said = magerewind(shop, "job:recover", "--without-memory", "--yes", code=0)
    assert summary.job_id in said.err + said.out
    assert left(shop) == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nothing.zip",), 1, "is not the name of a backup"),
        (("--newest", "1500000000"), 2, "exclude each other"),
    ],
)
def test_words_that_are_off_start_nothing(shop, words, code, says):
    said = magerewind(shop, "info:backups:drill", *words, code=code)
    assert says in said.err
