"""From one flavour to the other: what goes, and what is refused before anything is touched."""

from __future__ import annotations

import pytest

from core.errors import LoadFailed
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
# What only the source knows, and the word in the refusal.
REFUSED = [
    ("mysql", "mariadb", MYSQL_ONLY, "'functional'"),
    ("mysql", "here", MYSQL_ONLY, "'functional'"),
    ("mariadb", "here", MARIADB_11_8_ONLY, "'vectors'"),
    ("mariadb", "mysql", MARIADB_11_8_ONLY, "'vectors'"),
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


@pytest.mark.parametrize(("here", "there", "text", "word"), REFUSED)
def test_what_only_one_knows_is_refused_by_name(each, make, tmp_path, here, there, text, word):
    source, target = make(each[here], text), make(each[there], LIVE)
    path, _ = dump(source, tmp_path / "dump.sql")
    before = seen(target)
    with pytest.raises(LoadFailed, match=f"^Line [0-9]+ of the dump, {word}: "):
        Rollback(target, tmp_path).run(path, map_collations=True)
    assert differences(before, seen(target)) == {}


@pytest.mark.parametrize("here", ["mariadb", "here"])
def test_engines_and_sequences_that_mysql_lacks_are_found_first(each, make, tmp_path, here):
    source, target = make(each[here], MARIADB_ONLY), make(each["mysql"], LIVE)
    path, _ = dump(source, tmp_path / "dump.sql")
    before = seen(target)
    _, against = Rollback(target, tmp_path).check(path, map_collations=True)
    problems = " ".join(against.problems)
    assert "ARIA" in problems
    assert "has no sequences" in problems
    assert differences(before, seen(target)) == {}
