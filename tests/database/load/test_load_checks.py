"""Facts that are known before a load: refused orders, missing ends, sizes, rights on triggers."""

from __future__ import annotations

import pytest

from core.database.load.server_check import check_against_server, check_dump
from core.database.swap.undo import leftovers
from core.errors import DamagedBackup, StatementRefused
from core.events import no_report
from tests.database.shop_flow import (
    fill,
    native_dump,
    write,
)


def test_everything_that_is_asked_of_the_server(server, schema, tmp_path):
    text = (
        "CREATE TABLE a (v varchar(9) COLLATE utf8mb4_0900_ai_ci) ENGINE=InnoDB;"
        "CREATE TABLE m (v int) ENGINE=ROCKSDB;"
        "CREATE DEFINER=`ghost`@`%` TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a = 1;"
        "CREATE VIEW v AS SELECT 1;"
    )
    fill(server, schema.schema, "CREATE TABLE a (x int); CREATE TABLE mine (x int)")
    check = check_dump(write(tmp_path, text))
    found = check_against_server(check, schema)
    said = " ".join(found.problems)
    assert "no whole store" in said
    assert "utf8mb4_0900_ai_ci. With --map-collations" in said
    assert "no engine ROCKSDB" in said
    assert [one.names for one in found.warnings if one.code == "definer-mapped"] == [("ghost@%",)]
    assert (found.replaced, found.added, found.removed) == (("a",), ("m",), ("mine",))
    assert found.space_free is not None
    assert found.space_free > found.space_needed > 0
    mapped = check_against_server(check, schema, map_collations=True, partial=True)
    assert mapped.collations["utf8mb4_0900_ai_ci"].startswith("utf8mb4_")
    assert len(mapped.problems) == 1
    assert mapped.removed == ()
    assert leftovers(schema) == ()


def test_a_statement_larger_than_a_packet_is_known_before(server, schema, tmp_path):
    text = f"CREATE TABLE t (a longtext); INSERT INTO t VALUES ('{'x' * 5_000_000}');"
    check = check_dump(write(tmp_path, text))
    server.run("SET GLOBAL max_allowed_packet = 4 << 20")
    try:
        found = check_against_server(check, schema, partial=True)
    finally:
        server.run("SET GLOBAL max_allowed_packet = 64 << 20")
    assert any("max_allowed_packet" in one for one in found.problems)


def test_the_binary_log_forbids_triggers_and_its_cure_is_named(binlog_server, tmp_path):
    binlog_server.make_schema("logged")
    from tests.shop import connection_to

    settings = connection_to(binlog_server, "logged")
    text = "CREATE TABLE a (v int); CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a = 1;"
    found = check_against_server(check_dump(write(tmp_path, text)), settings, partial=True)
    assert any("log_bin_trust_function_creators" in one for one in found.problems)
    binlog_server.run("DROP DATABASE logged")


REFUSED = [
    "INSERT INTO t VALUES (1);",
    "CREATE TABLE t (a int); CREATE TABLE t (b int);",
    (
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); ALTER TABLE t ADD b int;"
        " INSERT INTO t VALUES (1,2);"
    ),
    "ALTER TABLE t ADD b int;",
    f"CREATE TABLE `{'x' * 65}` (a int);",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_dump_in_no_order_is_refused(tmp_path, text):
    with pytest.raises(StatementRefused, match=r"dump\.sql, line 1"):
        check_dump(write(tmp_path, text))


def test_a_cut_dump_is_told_by_its_missing_mark(server, schema, tmp_path):
    fill(server, schema.schema, "CREATE TABLE t (a int); INSERT INTO t VALUES (1),(2)")
    path = native_dump(server, schema.schema, tmp_path / "whole.sql")
    assert check_dump(path).complete
    with open(path, "rb") as file:
        content = file.read()
    cut = content[: content.index(b"INSERT")]
    assert "cut" in check_dump(write(tmp_path, cut)).problems[0]
    with pytest.raises(DamagedBackup, match="no end"):
        check_dump(write(tmp_path, content[: content.index(b"ENGINE=") - 40]))


def test_a_whole_store_is_known_under_its_prefix(tmp_path):
    names = ("core_config_data", "eav_attribute", "store", "setup_module")
    text = "".join(f"CREATE TABLE m2_{name} (a int);" for name in names)
    path = write(tmp_path, text)
    assert check_dump(path, table_prefix="m2_", report=no_report).whole_store
    assert not check_dump(path).whole_store
