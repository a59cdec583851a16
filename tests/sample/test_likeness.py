"""The judge of the demonstration: every kind of difference is seen, and nothing else is."""

import os

import pytest

from core.sample.damage import damage_files, damage_schema
from core.sample.database import fill_schema
from core.sample.likeness import differences, likeness_of_schema, likeness_of_tree
from core.sample.sizes import Size
from core.sample.store import make_store


@pytest.fixture
def filled(server, schema):
    fill_schema(server, schema.schema, size=Size.SMALL)
    return schema


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda root: (root / "a").write_text("two"), "changed: a"),
        (lambda root: (root / "a").chmod(0o600), "changed: a"),
        (lambda root: (root / "a").unlink(), "missing: a"),
        (lambda root: (root / "b").write_text(""), "new: b"),
        (lambda root: (root / "empty").rmdir(), "missing: empty"),
        (lambda root: (root / "empty").chmod(0o700), "changed: empty"),
    ],
)
def test_each_difference_of_files_is_seen(tmp_path, make, expected):
    (tmp_path / "a").write_text("one")
    (tmp_path / "a").chmod(0o644)
    (tmp_path / "empty").mkdir(mode=0o755)
    before = likeness_of_tree(str(tmp_path))
    make(tmp_path)
    assert differences(before, likeness_of_tree(str(tmp_path))) == (expected,)


def test_target_of_a_link_counts(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("one")
    before = likeness_of_tree(str(tmp_path))
    link.unlink()
    link.symlink_to("two")
    assert differences(before, likeness_of_tree(str(tmp_path))) == ("changed: link",)


def test_what_a_backup_leaves_out_does_not_count(tmp_path):
    for name in ("var", "pub/static", ".git"):
        (tmp_path / name).mkdir(parents=True)
    before = likeness_of_tree(str(tmp_path))
    for name in ("var/x", "pub/static/x", ".git/x"):
        (tmp_path / name).write_text("x")
    assert before == likeness_of_tree(str(tmp_path))
    (tmp_path / "pub/static.php").write_text("x")
    (tmp_path / ".gitignore").write_text("x")
    after = likeness_of_tree(str(tmp_path))
    assert differences(before, after) == ("new: .gitignore", "new: pub/static.php")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE acme_measure SET half = half + 0.0000001 WHERE measure_id = 1", ()),
        (
            "UPDATE acme_measure SET whole = 0.10000000000000002 WHERE measure_id = 2",
            ("changed: rows of acme_measure",),
        ),
        (
            "UPDATE quote SET customer_note = NULL WHERE customer_note = ''",
            ("changed: rows of quote",),
        ),
        ("DELETE FROM acme_feed_log LIMIT 1", ("changed: rows of acme_feed_log",)),
        (
            "DROP TRIGGER trg_core_config_data_after_insert",
            ("missing: trigger trg_core_config_data_after_insert",),
        ),
        ("ALTER TABLE store ADD KEY (name)", ("changed: definition of store",)),
        ("DROP VIEW inventory_stock_1", ("missing: definition of inventory_stock_1",)),
        ("CREATE TABLE `_mrs_1_1` (a INT)", ()),
        ("CREATE PROCEDURE p() SELECT 1", ("new: procedure p",)),
    ],
)
def test_each_difference_of_a_schema_is_seen(server, filled, statement, expected):
    before = likeness_of_schema(filled)
    server.run(statement, schema=filled.schema)
    assert differences(before, likeness_of_schema(filled)) == expected


def test_damage_is_damage(tmp_path, filled):
    root = str(tmp_path / "store")
    make_store(root, size=Size.SMALL, connection=filled)
    files, objects = likeness_of_tree(root), likeness_of_schema(filled)
    damage_files(root)
    damage_schema(filled)
    found = differences(files, likeness_of_tree(root))
    assert "new: pub/left-over.php" in found
    assert "changed: bin/magento" in found
    assert any(line.startswith("missing: vendor/magento/") for line in found)
    found = differences(objects, likeness_of_schema(filled))
    assert "missing: rows of sales_order_item" in found
    assert "new: definition of half_an_update" in found
    assert "changed: rows of catalog_product_entity" in found
    assert os.path.exists(os.path.join(root, "var/log/system.log"))
