"""From one flavour to the other: what goes, and what is refused before anything is touched."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from core.magento.settings import Secret
from tests.database.schema_oracle import differences
from tests.matrix.schemas import MARIADB_11_8_ONLY, MARIADB_ONLY, MYSQL_ONLY
from tests.matrix.steps import Rollback, dump, fill, seen

LIVE = "CREATE TABLE live (id int PRIMARY KEY, v varchar(20)); INSERT INTO live VALUES (1,'here');"
# MariaDB's times reach a second further than MySQL's.
IN_RANGE = "UPDATE acme_measure SET at_time = '00:00:01' WHERE ABS(TIME_TO_SEC(at_time)) > 3000000;"

# From, to, and whether some collation has to be replaced.
WAYS = [
    ("mysql", "mariadb", False),
    ("mysql", "here", True),
    ("mariadb", "mysql", True),
    ("here", "mysql", False),
    ("mariadb", "here", False),
    ("here", "mariadb", False),
]
# What only the source knows: the tables (and other things) that cannot be made, by name, and what
# the target passes over because it stands in a comment for other servers.
TO_MARIADB = {
    "checked (NOT ENFORCED)",
    "functional (INVISIBLE)",
    "globe (SRID 4326)",
    "hidden (INVISIBLE)",
    "keyless (INVISIBLE)",
}
TO_MYSQL = {
    "'aria'",
    "'computed'",
    "'explicit_history'",
    "'falling'",
    "'history'",
    "'ids'",
    "'numbered'",
    "'packed_pages'",
    "'rates'",
    "the function 'longest'",
    "the package 'tools'",
    "the package body 'tools'",
}
REFUSED = [
    ("mysql", "mariadb", MYSQL_ONLY, {"'functional'"}, TO_MARIADB),
    ("mysql", "here", MYSQL_ONLY, {"'functional'", "'vectors'"}, TO_MARIADB),
    ("mariadb", "here", MARIADB_11_8_ONLY, {"'vectors'"}, set()),
    ("mariadb", "mysql", MARIADB_11_8_ONLY, {"'vectors'"}, set()),
    ("mariadb", "mysql", MARIADB_ONLY, TO_MYSQL, {"hidden (COMPRESSED)"}),
    ("here", "mysql", MARIADB_ONLY, TO_MYSQL, {"hidden (COMPRESSED)"}),
    ("mariadb", "here", MARIADB_ONLY, set(), set()),
    ("here", "mariadb", MARIADB_ONLY, set(), set()),
]


def rows(portrait):
    """Return the rows of a portrait: definitions are told in each server's own words."""
    return {what: value for what, value in portrait.items() if what.startswith(("rows", "floats"))}


@pytest.mark.parametrize("name", ["sample", "common"])
@pytest.mark.parametrize(("here", "there", "mapped"), WAYS)
def test_a_schema_that_both_know_goes_over_whole(each, make, tmp_path, here, there, mapped, name):
    source, target = make(each[here]), make(each[there], LIVE)
    fill(each[here], source, name)
    if name == "sample" and there == "mysql":
        each[here].run(IN_RANGE, schema=source.schema)
    path, summary = dump(source, tmp_path / "dump.sql")
    rollback = Rollback(target, tmp_path)
    _, against = rollback.check(path)
    refused = "".join(against.problems)
    assert ("--map-collations" in refused) == (mapped and bool(refused)), refused
    said = rollback.run(path, map_collations=mapped, expected_rows=summary.rows)
    assert {one.code for one in said} <= {"collations-mapped"}
    before, after = seen(source), seen(target)
    assert before.keys() == after.keys()
    assert differences(rows(before), rows(after)) == {}


@pytest.mark.parametrize(("here", "there", "text", "names", "lost"), REFUSED)
def test_what_only_one_knows_is_said_by_name_before_anything_is_touched(
    each, make, tmp_path, here, there, text, names, lost
):
    source, target = make(each[here], text), make(each[there], LIVE)
    path, _ = dump(source, tmp_path / "dump.sql")
    before = seen(target)
    _, against = Rollback(target, tmp_path).check(path, map_collations=True)
    found = [re.match(r"Line \d+ of the dump, (.+?'): ", one) for one in against.problems]
    assert {one[1] for one in found if one} == names, against.problems
    others = [one for one in against.problems if not one.startswith("Line ")]
    assert others == (
        ["The server has no engine ARIA.", f"{against.server} has no sequences; the dump does."]
        if "'aria'" in names
        else []
    )
    assert {n for one in against.warnings if one.code == "left-out" for n in one.names} == lost
    assert differences(before, seen(target)) == {}


@pytest.mark.parametrize("there", ["mysql", "mariadb"])
def test_a_missing_right_to_refer_to_tables_is_known(each, make, tmp_path, there):
    """MariaDB needs none for tables of the same schema."""
    server, settings = each[there], make(each[there])
    server.run(
        "CREATE USER norefs@localhost IDENTIFIED BY 'x';"
        f"GRANT ALL ON `{settings.schema}`.* TO norefs@localhost;"
        f"REVOKE REFERENCES ON `{settings.schema}`.* FROM norefs@localhost"
    )
    path = tmp_path / "dump.sql"
    path.write_text(
        "CREATE TABLE a (v int PRIMARY KEY);"
        "CREATE TABLE b (v int, CONSTRAINT k FOREIGN KEY (v) REFERENCES a (v));"
    )
    poor = replace(settings, username="norefs", password=Secret("x"))
    _, against = Rollback(poor, tmp_path).check(str(path))
    assert [one[:36] for one in against.problems] == (
        ["The account cannot refer to tables: "] if there == "mysql" else []
    )
    server.run("DROP USER norefs@localhost")
