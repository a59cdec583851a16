"""Definitions that a server refuses are known, by line, before the store is closed."""

from __future__ import annotations

import hashlib
import re

import pytest
from msgspec.structs import replace

from core.database.load.server_check import check_against_server, check_dump
from core.database.swap.undo import leftovers
from core.magento.settings import Secret
from tests.database.dumping import as_root, dump_to
from tests.database.odd_schemas import NEW, OLD
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import fill, native_dump


def write(directory, text):
    path = directory / "dump.sql"
    path.write_text(text)
    return str(path)


def asked(path, settings, *, sha256=None, **options):
    check = check_dump(path, schema=settings.schema, sha256=sha256)
    return check_against_server(check, settings, partial=True, **options)


# Features of MySQL that MariaDB 10.11 lacks, and the words of the problem.
STRANGE = [
    ("CREATE TABLE t (v varchar(9), KEY k ((lower(v))));", "Line 1 of the dump, 't': .*syntax"),
    (
        "CREATE TABLE t (j json, KEY k ((CAST(j->'$.a' AS UNSIGNED ARRAY))));",
        "Line 1 of the dump, 't': .*syntax",
    ),
    ("CREATE TABLE t (v vector(3));", "Line 1 of the dump, 't': Unknown data type|'vector'"),
    (
        "CREATE TABLE t (v varchar(9));\nALTER TABLE t ADD KEY k ((lower(v)));",
        "Line 1 of the dump, 't': .*syntax",
    ),
    ("CREATE TABLE t (v varchar(9), w varchar(36) DEFAULT bin_to_uuid(1));", "'t': .*bin_to_uuid"),
    ("CREATE TABLE t (v int, v int);", "'t': .*Duplicate column"),
    (
        "CREATE TABLE t (v int);\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.w = 1;",
        "Line 2 of the dump, the trigger 'g': .*'w'",
    ),
    (
        "CREATE TABLE t (v int);\n\nCREATE VIEW w AS SELECT bin_to_uuid(1) AS u;",
        "Line 3 of the dump, the view 'w': .*bin_to_uuid",
    ),
    (
        "CREATE TABLE t (v int);\nCREATE VIEW w AS SELECT 1 FROM t, LATERAL (SELECT 1) AS x;",
        "Line 2 of the dump, the view 'w': .*syntax",
    ),
    (
        (
            "CREATE TABLE t (v int);\nDELIMITER ;;\n"
            "CREATE PROCEDURE p() BEGIN SELECT 1 MEMBER OF('[1]'); END;;\nDELIMITER ;\n"
        ),
        "Line 3 of the dump, the procedure 'p': .*syntax",
    ),
    (
        "CREATE TABLE t (v int);\nCREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DO 1 MEMBER OF (2);",
        "Line 2 of the dump, the event 'e': .*syntax",
    ),
]


@pytest.mark.parametrize(("text", "why"), STRANGE)
def test_what_this_server_cannot_make_is_named_with_its_line(server, schema, tmp_path, text, why):
    fill(server, schema.schema, "CREATE TABLE t (mine int); INSERT INTO t VALUES (42)")
    before = portrait(as_root(schema), ours=True)
    problems = asked(write(tmp_path, text), schema).problems
    assert len(problems) == 1
    assert re.search(why, problems[0]), problems
    assert differences(before, portrait(as_root(schema), ours=True)) == {}
    assert leftovers(schema) == ()


def test_what_stands_there_for_other_servers_is_said(schema, tmp_path):
    text = (
        "CREATE TABLE globe (p point NOT NULL /*!80003 SRID 4326 */, s int /*!80023 INVISIBLE */,"
        " CONSTRAINT c CHECK (s > 5) /*!80016 NOT ENFORCED */);"
        "CREATE TABLE plain (a int) /*!50100 PARTITION BY HASH (a) PARTITIONS 2 */;"
    )
    found = asked(write(tmp_path, text), schema)
    assert found.problems == ()
    (warning,) = [one for one in found.warnings if one.code == "left-out"]
    assert warning.names == ("globe (SRID 4326)", "globe (INVISIBLE)", "globe (NOT ENFORCED)")


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("text", [NEW, OLD], ids=["new", "old"])
def test_nothing_is_said_of_what_can_be_made(server, schema, tmp_path, text, ours):
    fill(server, schema.schema, text)
    before = portrait(as_root(schema), ours=True)
    path = str(tmp_path / "dump.sql")
    if ours:
        dump_to(path, schema)
        digest = check_dump(path).sha256
    else:
        native_dump(server, schema.schema, path)
        digest = None
    assert asked(path, schema, sha256=digest).problems == ()
    assert differences(before, portrait(as_root(schema), ours=True)) == {}


def test_packages_and_names_at_the_end_of_a_body_are_no_problem(server, schema, tmp_path):
    text = (
        "CREATE TABLE t (v int);\nSET sql_mode='ORACLE';\nDELIMITER ;;\n"
        "CREATE PACKAGE tools AS FUNCTION three RETURN INT; END;;\n"
        "CREATE PACKAGE BODY tools AS FUNCTION three RETURN INT AS BEGIN RETURN 3; END; END;;\n"
        "CREATE PACKAGE named AS FUNCTION one RETURN INT; END named;;\n"
        "CREATE PROCEDURE p AS BEGIN NULL; END p;;\nDELIMITER ;\n"
    )
    path = write(tmp_path, text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert asked(path, schema, sha256=digest).problems == ()
    left = server.run(
        f"SELECT NAME FROM mysql.proc WHERE DB = '{schema.schema}'", schema=schema.schema
    )
    assert left.split() == []


def test_many_problems_are_counted(schema, tmp_path):
    text = "".join(f"CREATE TABLE t{n} (v varchar(9), KEY ((lower(v))));\n" for n in range(30))
    problems = asked(write(tmp_path, text), schema).problems
    assert len(problems) == 21
    assert problems[-1] == "10 more definitions of the dump cannot be made."
    kept = [f"t{n}" for n in range(28)]  # which are there: this server has made them
    problems = asked(write(tmp_path, text), schema, kept=kept).problems
    assert [one[:27] for one in problems] == [
        "Line 29 of the dump, 't28':",
        "Line 30 of the dump, 't29':",
    ]


def test_a_trial_needs_no_right_to_make_temporary_tables(server, schema, tmp_path):
    server.run(
        "CREATE OR REPLACE USER lasting@localhost IDENTIFIED BY 'x';"
        f"GRANT ALL ON `{schema.schema}`.* TO lasting@localhost;"
        f"REVOKE CREATE TEMPORARY TABLES ON `{schema.schema}`.* FROM lasting@localhost;"
    )
    poor = replace(schema, username="lasting", password=Secret("x"))
    text = "CREATE TABLE a (v int);\nCREATE TABLE t (v varchar(9), KEY k ((lower(v))));"
    problems = asked(write(tmp_path, text), poor).problems
    assert [one[:26] for one in problems] == ["Line 2 of the dump, 't': T"]
    assert leftovers(schema) == ()
    server.run("DROP USER lasting@localhost")
