"""Rollbacks of chosen tables, asked for through the command line, on a schema with foreign keys."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import oracles
from tests.integration.commands import instead, magerewind, names_of, untouched
from tests.long import few
from tests.shop import Shop

HOW = ("--no-flush", "--yes")
TABLES = """
CREATE TABLE zz_top (id INT PRIMARY KEY, code VARCHAR(20) NOT NULL UNIQUE);
CREATE TABLE zz_middle (id INT PRIMARY KEY, top_id INT NULL, top_code VARCHAR(20) NULL,
  note VARCHAR(200) NOT NULL DEFAULT '', KEY ZZ_TOP (top_id), KEY ZZ_CODE (top_code),
  CONSTRAINT ZZ_MIDDLE_TOP FOREIGN KEY (top_id) REFERENCES zz_top (id) ON DELETE CASCADE,
  CONSTRAINT ZZ_MIDDLE_CODE FOREIGN KEY (top_code) REFERENCES zz_top (code));
CREATE TABLE zz_bottom (id INT PRIMARY KEY, middle_id INT NOT NULL, KEY ZZ_MIDDLE (middle_id),
  CONSTRAINT ZZ_BOTTOM_MIDDLE FOREIGN KEY (middle_id) REFERENCES zz_middle (id) ON DELETE CASCADE);
CREATE TABLE zz_alone (id INT PRIMARY KEY, name VARCHAR(20));
INSERT INTO zz_top VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO zz_middle VALUES (1, 1, 'a', 'x),(9,9'), (2, 2, 'b', '\\\\''),(8'), (3, 3, NULL, ''),
  (4, NULL, NULL, 'no parent');
INSERT INTO zz_bottom VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO zz_alone VALUES (1, 'one');
"""
LATER = """
SET foreign_key_checks = 0;
DELETE FROM zz_top WHERE id = 3;
UPDATE zz_middle SET note = 'later';
INSERT INTO zz_middle VALUES (5, 1, 'a', 'new');
INSERT INTO zz_bottom VALUES (5, 5), (6, 5);
UPDATE zz_alone SET name = 'other';
UPDATE core_config_data SET value = 'later' ORDER BY config_id LIMIT 1;
CREATE TABLE zz_extra (id INT PRIMARY KEY);
"""


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory):
    made = Shop.make(tmp_path_factory.mktemp("tables") / "shop", server, "only_table")
    made.server.run(TABLES, schema=made.schema)
    made.request = made.back_up()
    made.old = oracles.schema_entries(server, made.schema)
    made.server.run(LATER, schema=made.schema)
    return made


@pytest.fixture
def dump(shop):
    return names_of(shop.request)[4:]


def entries(shop):
    return oracles.schema_entries(shop.server, shop.schema)


def changed(before, after):
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def planned(shop, dump, *words):
    said = magerewind(shop, "setup:rollback", *dump, *words, "--dry-run", "--json", code=0)
    return said.objects[0]["database"]


def test_what_would_dangle_is_counted_on_both_sides(shop, dump):
    plan = planned(shop, dump, "--only-table", "zz_middle")
    assert plan["only_tables"] == ["zz_middle"]
    ties = {(one["child"], one["parent"], *one["columns"]): one for one in plan["ties"]}
    assert ties["zz_middle", "zz_top", "top_id"]["rows_without_parent"] == 1  # its top 3 is gone
    assert ties["zz_middle", "zz_top", "top_code"]["rows_without_parent"] == 0
    assert ties["zz_bottom", "zz_middle", "middle_id"]["rows_without_parent"] == 2
    assert [one["state"] for one in plan["table_plans"]] == ["changed"]
    said = magerewind(
        shop, "setup:rollback", *dump, "--only-table", "zz_middle", "--dry-run", code=0
    )
    assert (
        "2 rows of the present zz_bottom would have no parent in the restored zz_middle" in said.err
    )
    assert "--with-related takes them in." in said.err


@pytest.mark.long
def test_related_tables_are_taken_in_from_both_sides(shop, dump):
    plan = planned(shop, dump, "--only-table", "zz_bottom", "--with-related")
    assert (plan["only_tables"], plan["ties"]) == (["zz_bottom", "zz_middle", "zz_top"], [])
    assert plan["related"] == ["zz_middle", "zz_top"]
    before = entries(shop)
    words = ["--only-table", "zz_bottom", "--with-related"]
    magerewind(shop, "setup:rollback", *dump, *words, *HOW, code=0)
    after = entries(shop)
    chosen = ("zz_top", "zz_middle", "zz_bottom")
    assert all(any(name in str(key) for name in chosen) for key in changed(before, after))
    for key, value in shop.old.items():
        if any(name in str(key) for name in chosen):
            assert after[key] == value
    magerewind(shop, "job:undo", *HOW, code=0)
    assert entries(shop) == before


def test_foreign_keys_of_tables_that_stay_point_to_the_new_one(shop, dump):
    before = entries(shop)
    magerewind(shop, "setup:rollback", *dump, "--only-table", "zz_top", *HOW, code=0)
    keys = shop.server.run(
        "SELECT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS"
        f" WHERE CONSTRAINT_SCHEMA = '{shop.schema}' AND TABLE_NAME LIKE 'zz%' ORDER BY 1, 2"
    ).split()[2:]
    assert keys == ["zz_bottom", "zz_middle", "zz_middle", "zz_top", "zz_middle", "zz_top"]
    shop.server.run("DELETE FROM zz_top WHERE id = 3", schema=shop.schema)  # cascades as before
    assert (
        shop.server.run("SELECT COUNT(*) FROM zz_middle WHERE id = 3", schema=shop.schema).split()[
            1
        ]
        == "0"
    )
    magerewind(shop, "job:undo", *HOW, code=0)
    gone = changed(before, entries(shop))
    assert all("zz_middle" in str(key) or "zz_bottom" in str(key) for key in gone)
    shop.server.run(
        "SET foreign_key_checks = 0; INSERT INTO zz_middle VALUES (3, 3, NULL, 'later');"
        "INSERT IGNORE INTO zz_bottom VALUES (3, 3);",
        schema=shop.schema,
    )
    assert entries(shop) == before


def test_files_and_tables_commit_together_and_nothing_else_is_touched(shop):
    words = names_of(shop.request)
    before = entries(shop)
    path = Path(shop.root, "app/etc/config.php")
    wanted = path.read_bytes()
    with instead(path, b"changed"):
        said = magerewind(
            shop, "setup:rollback", *words[:2], *words[4:], "--only", "app/etc/config.php",
            "--only-table", "zz_alone", *HOW, code=0,
        )  # fmt: skip
        assert "DB rollback of only: zz_alone" in said.lines
        after = entries(shop)
        assert path.read_bytes() == wanted
        assert changed(before, after)
        assert all("zz_alone" in str(key) for key in changed(before, after))
        assert {key: one for key, one in after.items() if "zz_alone" in str(key)} == {
            key: one for key, one in shop.old.items() if "zz_alone" in str(key)
        }
        magerewind(shop, "job:undo", *HOW, code=0)
        assert (path.read_bytes(), entries(shop)) == (b"changed", before)
        magerewind(shop, "job:undo", *HOW, code=0)
        assert (path.read_bytes(), entries(shop)) == (wanted, after)
        magerewind(shop, "job:undo", *HOW, code=0)


@pytest.mark.parametrize(
    ("words", "problem"),
    few(
        [
            (["--only-table", "zz_alon"], "Neither the dump nor the schema has a table zz_alon."),
            (["--only-table", "zz_extra"], "The dump has no table zz_extra, only the schema has."),
            (["--only-table", "zz_nope*"], "No table of the dump matches zz_nope*."),
            (["--only-table", "@nope"], "There is no group of tables '@nope'."),
            (["--only-table", "@mailchimp"], "The dump has no table of the group @mailchimp."),
            (["--only-table", "a`b"], "Neither the dump nor the schema has a table a`b."),
            (
                ["--only-table", "zz_alone", "--only-table", "x'"],
                "Neither the dump nor the schema has",
            ),
            (
                ["--exclude-table", "zz_nope*"],
                "Neither the dump nor the schema has a table zz_nope*.",
            ),
            (["--exclude-table", "@nope"], "There is no group of tables '@nope'."),
            (["--with-related"], "--with-related takes tables in besides those of --only-table."),
            (
                ["--only-table", "zz_alone", "--exclude-table", "zz_a*"],
                "--exclude-table leaves out all tables that --only-table chooses.",
            ),
        ],
        0,
        1,
        5,
        9,
    ),
)
def test_what_cannot_be_chosen_is_refused_in_one_line(shop, dump, words, problem):
    before, backups = entries(shop), sorted(os.listdir(shop.store.backups))
    for how in (("--dry-run",), HOW)[: 1 + ("zz_alon" in words)]:
        said = magerewind(shop, "setup:rollback", *dump, *words, *how)
        assert said.code in {1, 2}
        assert problem in said.err
        assert "Traceback" not in said.err
    untouched(shop, backups)
    assert entries(shop) == before


@pytest.mark.long
def test_tables_that_are_left_out_stay_and_the_undo_brings_all_else_back(shop, dump):
    """One that changed, one that only the schema has, one that is missing now."""
    shop.server.run("DROP TABLE zz_alone", schema=shop.schema)
    before = entries(shop)
    words = ["--exclude-table", "zz_mid*", "--exclude-table=zz_extra", "--exclude-table=zz_alone"]
    plan = planned(shop, dump, *words)
    assert sorted(plan["left_tables"]) == ["zz_alone", "zz_extra", "zz_middle"]
    states = {one["name"]: one["state"] for one in plan["table_plans"]}
    assert states["zz_middle"] == states["zz_extra"] == "kept"
    assert "zz_alone" not in states
    assert {(one["child"], one["parent"], one["rows_without_parent"]) for one in plan["ties"]} == {
        ("zz_middle", "zz_top", 0), ("zz_bottom", "zz_middle", 0),
    }  # fmt: skip
    said = magerewind(shop, "setup:rollback", *dump, *words, *HOW, code=0)
    after = entries(shop)
    stays = ("zz_middle", "zz_extra", "zz_alone")

    def left(found):
        return {key: one for key, one in found.items() if any(name in str(key) for name in stays)}

    def others(found):
        return {key: one for key, one in found.items() if key not in left(found)}

    assert left(after) == left(before)
    assert others(after) == others(shop.old)
    assert "Left out, and missing now" in said.err
    magerewind(shop, "job:undo", *HOW, code=0)
    assert entries(shop) == before
    shop.server.run("CREATE TABLE zz_alone (id INT PRIMARY KEY, name VARCHAR(20));"
                    "INSERT INTO zz_alone VALUES (1, 'other');", schema=shop.schema)  # fmt: skip


def test_only_table_without_a_dump_is_refused(shop):
    code = names_of(shop.request)[:2]
    said = magerewind(shop, "setup:rollback", *code, "--only-table", "store", *HOW, code=2)
    assert said.problem == ["--only-table chooses tables, so it needs --db-file."]
    said = magerewind(shop, "setup:rollback", *code, "--exclude-table", "store", *HOW, code=2)
    assert said.problem == ["--exclude-table leaves tables alone, so it needs --db-file."]


def test_groups_and_patterns_choose_several(shop, dump):
    plan = planned(shop, dump, "--only-table", "@log", "--only-table", "zz_[at]*")
    assert "cron_schedule" in plan["only_tables"]
    assert {"zz_alone", "zz_top"} <= set(plan["only_tables"])
    assert "zz_middle" not in plan["only_tables"]
    row = json.dumps(plan)
    assert "zz_extra" not in row
