"""Every right of an account, taken away alone: a rollback says so beforehand, or needs it not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from core.database.load.server_check import check_against_server, check_dump
from core.magento.settings import Secret
from tests.database.dumping import as_root
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import fill, roll_back, write

LIVE = """
CREATE TABLE a (v int PRIMARY KEY); INSERT INTO a VALUES (7);
CREATE TABLE b (v int, CONSTRAINT k FOREIGN KEY (v) REFERENCES a (v)); INSERT INTO b VALUES (7);
CREATE TABLE later (v int);
CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @old = 1;
CREATE VIEW v AS SELECT 1 AS one; CREATE VIEW gone AS SELECT 1 AS one;
"""
# Somebody else's: of its own routines an account has all rights anyway.
OTHERS = """
CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;
CREATE PROCEDURE gone() SELECT 1;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01' DISABLE DO SELECT 1;
CREATE EVENT gone ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01' DISABLE DO SELECT 1;
"""
DUMP = """
CREATE TABLE a (v int PRIMARY KEY, w int, KEY w (w)) ENGINE=InnoDB; INSERT INTO a VALUES (1,1);
CREATE TABLE b (v int, CONSTRAINT k FOREIGN KEY (v) REFERENCES a (v)) ENGINE=InnoDB;
INSERT INTO b VALUES (1); CREATE TABLE m (v int) ENGINE=MEMORY; INSERT INTO m VALUES (1);
CREATE TABLE core_config_data (v int); CREATE TABLE eav_attribute (v int);
CREATE TABLE store (v int); CREATE TABLE setup_module (v int);
CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @new = 1; CREATE VIEW v AS SELECT v FROM a;
CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 2;
CREATE EVENT e ON SCHEDULE EVERY 2 DAY STARTS '2020-01-01' DO SELECT 2;
"""
SAID = {
    "SELECT": "may not read the definition",
    "INSERT": "rename tables",
    "CREATE": "make tables",
    "DROP": "drop tables",
    "ALTER": "change tables",
    "CREATE VIEW": "make views",
    "SHOW VIEW": "definition of the view",
    "CREATE ROUTINE": "make routines",
    "ALTER ROUTINE": "replace or drop the routines",
    "EVENT": "make events",
    "TRIGGER": "make triggers",
}
NOT_NEEDED = [
    "UPDATE",
    "DELETE",
    "REFERENCES",
    "INDEX",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "DELETE HISTORY",
]


@pytest.fixture
def poor(request, server, schema):
    """An account with all rights but one on a schema that is filled."""
    fill(server, schema.schema, LIVE)
    server.run(OTHERS, schema=schema.schema)
    server.run(
        "CREATE OR REPLACE USER poor@localhost IDENTIFIED BY 'x';"
        f"GRANT ALL ON `{schema.schema}`.* TO poor@localhost;"
        f"GRANT SELECT ON mysql.proc TO poor@localhost;"
        f"REVOKE {request.param} ON `{schema.schema}`.* FROM poor@localhost;"
    )
    yield replace(schema, username="poor", password=Secret("x"))
    server.run("DROP USER poor@localhost")


@pytest.mark.parametrize(("poor", "said"), SAID.items(), indirect=["poor"])
def test_a_right_that_is_needed_is_named(poor, schema, tmp_path, said):
    before = portrait(as_root(schema))
    check = check_dump(write(tmp_path, DUMP), schema=schema.schema)
    problems = check_against_server(check, poor).problems
    assert any(said in one for one in problems), problems
    assert all(one.startswith("The account ") for one in problems), problems
    assert differences(before, portrait(as_root(schema), ours=True)) == {}


@pytest.mark.parametrize("poor", NOT_NEEDED, indirect=True)
def test_without_a_right_that_is_not_needed_all_of_it_works(server, poor, schema, tmp_path):
    path = write(tmp_path, DUMP)
    check = check_dump(path, schema=schema.schema)
    assert check_against_server(check, poor).problems == ()
    roll_back(path, poor, tmp_path)
    found = portrait(as_root(schema))
    names = server.run("SHOW TABLES", schema=schema.schema).split()[1:]
    assert {name for name in names if not name.startswith("_mra_")} == {
        "a", "b", "m", "v", "core_config_data", "eav_attribute", "store", "setup_module",
    }  # fmt: skip
    assert found["rows a"][0] == 1
    assert "RETURN 2" in str(found["FUNCTION f"])
    assert "PROCEDURE gone" not in found
    assert "EVERY 2 DAY" in str(found["EVENT e"])
    assert "ENABLE DO" in str(found["EVENT e"])
    assert "EVENT gone" not in found
