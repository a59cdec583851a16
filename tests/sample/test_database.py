"""The sample database: its contents, the same each time."""

import itertools

import pytest

from core.sample.checksums import checksums_of_schema, differences
from core.sample.database import fill_schema
from core.sample.server import PrivateServer
from core.sample.sizes import Size
from tests.shop import connection_to

_numbers = itertools.count(1)


def make_sample(server, **choices) -> str:
    name = f"sample_database_{next(_numbers)}"
    server.make_schema(name)
    fill_schema(server, name, size=Size.SMALL, **choices)
    return name


@pytest.fixture(scope="module")
def sample(server):
    """A schema that no test changes."""
    return make_sample(server)


def rows(server, schema: str, statement: str) -> list[list[str]]:
    return [line.split("\t") for line in server.run(statement, schema=schema).splitlines()[1:]]


def checksums(server, schema: str) -> list[list[str]]:
    tables = rows(server, schema, "SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
    names = ", ".join(f"`{name}`" for name, _ in tables)
    found = rows(server, schema, f"CHECKSUM TABLE {names} EXTENDED")
    return [[name.partition(".")[2], value] for name, value in found]


def test_it_is_shaped_like_a_store(server, sample):
    schema = sample
    [[tables]] = rows(
        server,
        schema,
        "SELECT COUNT(*) FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
    )
    assert int(tables) >= 100
    [[keys]] = rows(
        server,
        schema,
        "SELECT COUNT(*) FROM information_schema.referential_constraints"
        " WHERE constraint_schema = DATABASE()",
    )
    assert int(keys) >= 100
    definers = rows(
        server,
        schema,
        "SELECT DISTINCT definer FROM information_schema.triggers"
        " WHERE trigger_schema = DATABASE()",
    )
    assert definers == [["shop@localhost"]]
    assert rows(server, schema, "SELECT store_id FROM store WHERE code = 'admin'") == [["0"]]
    assert rows(server, schema, "SELECT COUNT(*) FROM inventory_stock_1") == [["200"]]
    engines = rows(
        server,
        schema,
        "SELECT DISTINCT engine FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND engine IS NOT NULL ORDER BY 1",
    )
    assert engines == [["InnoDB"], ["MEMORY"], ["MyISAM"]]


def test_foreign_keys_hold(server, sample):
    schema = sample
    keys = rows(
        server,
        schema,
        "SELECT table_name, column_name, referenced_table_name, referenced_column_name"
        " FROM information_schema.key_column_usage"
        " WHERE constraint_schema = DATABASE() AND referenced_table_name IS NOT NULL",
    )
    orphans = " UNION ALL ".join(
        f"SELECT '{table}.{column}' FROM `{table}` c LEFT JOIN `{parent}` p"
        f" ON c.`{column}` = p.`{key}` WHERE c.`{column}` IS NOT NULL AND p.`{key}` IS NULL"
        for table, column, parent, key in keys
    )
    assert rows(server, schema, orphans) == []


def test_changes_reach_the_changelogs(server):
    schema = make_sample(server)
    count = "SELECT COUNT(*) FROM catalog_product_price_cl"
    [[before]] = rows(server, schema, count)
    server.run("UPDATE catalog_product_entity SET sku = 'x' WHERE entity_id = 3", schema=schema)
    assert rows(server, schema, count) == [[str(int(before) + 1)]]


def test_the_same_seed_gives_the_same_rows(server, sample):
    assert checksums(server, sample) == checksums(server, make_sample(server))


def test_another_seed_gives_other_rows(server, sample):
    assert checksums(server, sample) != checksums(server, make_sample(server, seed=2))


def test_a_prefix_is_on_every_table(server):
    schema = make_sample(server, prefix="m2_")
    tables = rows(server, schema, "SHOW TABLES")
    assert len(tables) >= 100
    assert all(name.startswith("m2_") for [name] in tables)


def test_it_works_with_the_binary_log_on(binlog_server):
    binlog_server.make_schema("sample_binlog")
    fill_schema(binlog_server, "sample_binlog", size=Size.SMALL)
    assert rows(binlog_server, "sample_binlog", "SELECT COUNT(*) FROM store") == [["3"]]
    binlog_server.run("DROP DATABASE sample_binlog")


def test_definitions_do_not_change_by_themselves(tmp_path):
    with PrivateServer(str(tmp_path / "db")) as server:
        server.make_schema("shop")
        fill_schema(server, "shop", size=Size.SMALL)
        settings = connection_to(server, "shop")
        before = checksums_of_schema(settings)
        server.stop()  # every table is opened anew
        server.start()
        changed = differences(before, checksums_of_schema(settings))
    # The rows of a MEMORY table are gone with the server.
    assert [line for line in changed if not line.endswith("_tmp")] == []
