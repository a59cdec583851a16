"""Collations and character sets: the server is asked for those it takes, not only for its list."""

from __future__ import annotations

import pytest

from core.database.load.server_check import check_against_server, check_dump
from core.database.server.connection import connect
from tests.database.shop_flow import roll_back, write

ALIASES = ["utf8_general_ci", "utf8_unicode_ci", "utf8_bin", "UTF8_General_CI", "utf8mb3_bin"]


def asked(path, settings, **options):
    check = check_dump(path, schema=settings.schema)
    return check_against_server(check, settings, partial=True, **options)


@pytest.mark.parametrize("name", ALIASES)
@pytest.mark.parametrize("wanted", [False, True])
def test_aliases_of_a_server_are_taken_as_they_are(schema, tmp_path, name, wanted):
    text = (
        f"ALTER DATABASE `{schema.schema}` CHARACTER SET utf8 COLLATE {name};\n"
        "SET character_set_client = utf8;\n"
        f"SET collation_connection = {name};\n"
        f"CREATE TABLE t (id int, a varchar(9) CHARACTER SET utf8 COLLATE {name},"
        f" b varchar(9) COLLATE '{name}') DEFAULT CHARSET=utf8 COLLATE={name};\n"
        "INSERT INTO t VALUES (1,'ä','ö');\n"
        "DELIMITER ;;\n"
        f"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = 'x' COLLATE {name};;\n"
        "DELIMITER ;\n"
        f"CREATE VIEW v AS SELECT a COLLATE {name} AS a FROM t;\n"
    )
    path = write(tmp_path, text)
    found = asked(path, schema, map_collations=wanted)
    assert found.problems == ()
    assert found.collations == {}
    roll_back(path, schema, tmp_path, map_collations=wanted)
    with connect(schema) as connection:
        assert connection.query("SELECT a, b FROM v JOIN t USING (a)") == [("ä", "ö")]
        table = connection.scalar(
            "SELECT TABLE_COLLATION FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 't'"
        )
        remembered = connection.scalar(
            "SELECT COLLATION_CONNECTION FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = DATABASE()"
        )
    expected = name.lower().replace("utf8_", "utf8mb3_")
    assert (table, remembered) == (expected, expected)


@pytest.mark.parametrize("name", ["uca1400_ai_ci", "utf8mb4_uca1400_ai_ci", "latin1_german1_ci"])
def test_names_of_other_character_sets_are_known(schema, tmp_path, name):
    charset = "latin1" if name.startswith("latin1") else "utf8mb4"
    text = f"CREATE TABLE t (v varchar(9)) DEFAULT CHARSET={charset} COLLATE={name};"
    problems = asked(write(tmp_path, text), schema).problems
    with connect(schema) as connection:
        listed = name.startswith("latin1") or connection.server.version >= (10, 10, 0)
    assert (problems == ()) is listed


@pytest.mark.parametrize("name", ["utf8mb4_0900_ai_ci", "utf8_nonsense_ci"])
def test_what_no_server_takes_is_a_problem(schema, tmp_path, name):
    text = f"CREATE TABLE t (v varchar(9) COLLATE {name});"
    (problem,) = asked(write(tmp_path, text), schema).problems
    assert f"does not know the collation {name}" in problem


def test_a_character_set_that_is_not_there_is_named_by_line(schema, tmp_path):
    text = "CREATE TABLE s (v int);\nCREATE TABLE t (v varchar(9)) DEFAULT CHARSET=klingon;"
    (problem,) = asked(write(tmp_path, text), schema).problems
    assert problem.startswith("Line 2 of the dump, 't':")
    assert "klingon" in problem
