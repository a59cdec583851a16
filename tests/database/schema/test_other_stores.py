"""Two stores in one schema, told apart by their prefixes: one is no part of the other."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from core.database.load.load import load_beside
from core.database.load.server_check import (
    check_against_server,
    check_dump,
    without_other_stores,
)
from core.database.schema.other_stores import STORE_TABLES, find_stores
from core.database.server.connection import connect
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import revert_tables, swap_tables
from core.database.swap.undo import undo_tables
from core.operations.database_checks import database_findings
from tests.database.dumping import dump_to
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import fill, native_dump, new_journal

PREFIXES = [("", "m2_"), ("m2_", ""), ("m2_", "m2_b_"), ("m2_b_", "m2_"), ("a_", "b_")]


def store(prefix):
    tables = "".join(f"CREATE TABLE {prefix}{name} (id int PRIMARY KEY);" for name in STORE_TABLES)
    return (
        f"{tables} CREATE TABLE {prefix}more (id int PRIMARY KEY, s int,"
        f" CONSTRAINT {prefix}fk FOREIGN KEY (s) REFERENCES {prefix}store (id));"
        f"INSERT INTO {prefix}store VALUES (1); INSERT INTO {prefix}more VALUES (1,1);"
        f"CREATE TRIGGER {prefix}tr BEFORE INSERT ON `{prefix}store` FOR EACH ROW SET @a = 1;"
        f"CREATE VIEW {prefix}view AS SELECT id FROM {prefix}store;"
    )


def both(own, other):
    """Two stores, with foreign keys between them in both directions."""
    return (
        f"{store(own)}{store(other)}"
        f"CREATE TABLE {own}link (id int, o int, CONSTRAINT {own}o FOREIGN KEY (o)"
        f" REFERENCES {other}store (id)); INSERT INTO {own}link VALUES (1,1);"
        f"CREATE TABLE {other}link (id int, o int, CONSTRAINT {other}o FOREIGN KEY (o)"
        f" REFERENCES {own}store (id)); INSERT INTO {other}link VALUES (1,1);"
    )


def change(prefix):
    return (
        f"INSERT INTO {prefix}store VALUES (2); CREATE TABLE {prefix}later (id int);"
        f"DROP VIEW {prefix}view; CREATE VIEW {prefix}view AS SELECT 2 AS id;"
        f"DROP TRIGGER {prefix}tr;"
        f"CREATE TRIGGER {prefix}tr2 BEFORE INSERT ON `{prefix}more` FOR EACH ROW SET @a = 2;"
        f"CREATE VIEW {prefix}view2 AS SELECT id FROM {prefix}later;"
    )


def of(settings, own, other):
    """Return the objects of each of the two stores."""
    stores = {own: {}, other: {}}
    for what, one in portrait(settings).items():
        name = what.split()[-1]
        belongs = max((p for p in (own, other) if name.startswith(p)), key=len)
        stores[belongs][what] = one
    return stores[own], stores[other]


@pytest.mark.parametrize(("own", "other"), PREFIXES)
@pytest.mark.parametrize("native", [False, True])
def test_a_rollback_of_one_leaves_the_other_as_it_is(server, schema, tmp_path, own, other, native):
    settings = replace(schema, table_prefix=own)
    fill(server, schema.schema, both(own, other))
    path = str(tmp_path / "dump.sql")
    if native:  # of all that there is
        native_dump(server, schema.schema, path)
    else:
        summary = dump_to(path, settings)
        assert set(summary.rows) == {own + t for t in (*STORE_TABLES, "more", "link")}
        assert [w.names for w in summary.warnings if w.code == "other-stores"] == [
            (other or "(none)",)
        ]
        text = (tmp_path / "dump.sql").read_text()
        assert f"`{other}store`" not in text.replace(f"REFERENCES `{other}store`", "")
    before = of(schema, own, other)[0]
    fill(server, schema.schema, change(own) + change(other))
    live, theirs = of(schema, own, other)

    assert [one.code for one in database_findings(settings, ())] == ["other-stores"]
    check = check_dump(path, table_prefix=own, schema=schema.schema)
    check = without_other_stores(check, settings)
    found = check_against_server(check, settings)
    assert found.problems == ()
    assert set(found.removed) == {own + "later"}
    codes = {one.code for one in found.warnings}
    assert "other-stores" in codes
    assert ("other-stores-in-dump" in codes) is native

    journal = new_journal(tmp_path)

    def load(journal, job_id):
        return load_beside(path, check, settings, job_id=job_id, journal=journal)

    staged = load(journal, "20260101-0")
    swap_tables(staged, settings, journal=journal, definitions_path=str(tmp_path / "a.json"))
    revert_tables(settings, journal)
    now = of(schema, own, other)
    assert (differences(live, now[0]), differences(theirs, now[1])) == ({}, {})

    journal = new_journal(tmp_path, "again.jsonl")
    definitions = str(tmp_path / "definitions.json")
    staged = load(journal, "20260102-0")
    swap_tables(staged, settings, journal=journal, definitions_path=definitions)
    assert forward_tables(settings, journal) == ()
    now = of(schema, own, other)
    assert (differences(before, now[0]), differences(theirs, now[1])) == ({}, {})

    back = new_journal(tmp_path, "undo.jsonl")
    old = undo_tables(settings, back, job_id="20260103-0", definitions_path=definitions)
    swap_tables(old, settings, journal=back, definitions_path=str(tmp_path / "undo.json"))
    forward_tables(settings, back)
    now = of(schema, own, other)
    assert (differences(live, now[0]), differences(theirs, now[1])) == ({}, {})


def test_a_dump_of_another_store_alone_is_refused(server, schema, tmp_path):
    fill(server, schema.schema, store("m2_"))
    path = native_dump(server, schema.schema, tmp_path / "dump.sql")
    check = check_dump(path, schema=schema.schema)
    assert "The dump has tables of other stores only, by their prefix." in check.problems


def test_a_table_belongs_to_the_longest_prefix():
    names = [prefix + table for prefix in ("", "a_", "a_b_") for table in STORE_TABLES]
    others = find_stores([*names, "_mra_x_store"], "a_")
    assert others.prefixes == ("", "a_b_")
    for name, theirs in [("a_x", False), ("a_b_x", True), ("x", True), ("a_b", False)]:
        assert (name in others) is theirs
    assert [others.has_object(name) for name in ("x", "a_b_x", "a_x")] == [False, True, False]
    assert "a_store" not in find_stores(names[:4], "")


def test_a_few_tables_with_a_prefix_are_no_store(server, schema, tmp_path):
    fill(server, schema.schema, store("") + "CREATE TABLE bak_store (id int);")
    assert "bak_store" in dump_to(str(tmp_path / "d.sql"), schema).rows
    with connect(schema) as connection:
        assert connection.scalar("SELECT COUNT(*) FROM bak_store") == 0
