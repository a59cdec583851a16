"""The judge of the demonstration: every kind of difference is seen, and nothing else is."""

import os

import pytest

from core.sample.checksums import checksums_of_schema, checksums_of_tree, differences
from core.sample.damage import damage_files, damage_schema
from core.sample.database import fill_schema
from core.sample.sizes import Size
from core.sample.store import make_store


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
    before = checksums_of_tree(str(tmp_path))
    make(tmp_path)
    assert differences(before, checksums_of_tree(str(tmp_path))) == (expected,)


def test_target_of_a_link_counts(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("one")
    before = checksums_of_tree(str(tmp_path))
    link.unlink()
    link.symlink_to("two")
    assert differences(before, checksums_of_tree(str(tmp_path))) == ("changed: link",)


def test_what_a_backup_leaves_out_does_not_count(tmp_path):
    for name in ("var", "pub/static", ".git"):
        (tmp_path / name).mkdir(parents=True)
    before = checksums_of_tree(str(tmp_path))
    for name in ("var/x", "pub/static/x", ".git/x"):
        (tmp_path / name).write_text("x")
    assert before == checksums_of_tree(str(tmp_path))
    (tmp_path / "pub/static.php").write_text("x")
    (tmp_path / ".gitignore").write_text("x")
    after = checksums_of_tree(str(tmp_path))
    assert differences(before, after) == ("new: .gitignore", "new: pub/static.php")


_SCHEMA = """
CREATE TABLE measure (id INT PRIMARY KEY, half FLOAT, whole DOUBLE, note TEXT) CHARSET=utf8mb4;
INSERT INTO measure VALUES (1, 3.4e38, 0.1, ''), (2, 0.5, 0.1, NULL);
CREATE TABLE keyless (line VARCHAR(20));
INSERT INTO keyless VALUES ('b'), ('a'), ('b'), (NULL);
CREATE TRIGGER t AFTER INSERT ON measure FOR EACH ROW DELETE FROM keyless;
CREATE VIEW v AS SELECT id FROM measure;
"""


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE measure SET half = half WHERE id = 1", ()),
        ("UPDATE measure SET half = 0.50000006 WHERE id = 2", ("changed: rows of measure",)),
        ("UPDATE measure SET whole = 0.10000000000000002", ("changed: rows of measure",)),
        ("UPDATE measure SET note = NULL WHERE id = 1", ("changed: rows of measure",)),
        ("DELETE FROM keyless WHERE line = 'b' LIMIT 1", ("changed: rows of keyless",)),
        ("DROP TRIGGER t", ("missing: trigger t",)),
        ("ALTER TABLE measure ADD KEY (half)", ("changed: definition of measure",)),
        ("DROP VIEW v", ("missing: definition of v",)),
        ("CREATE TABLE `_mrs_1_1` (a INT)", ()),
        ("CREATE PROCEDURE p() SELECT 1", ("new: procedure p",)),
    ],
)
def test_each_difference_of_a_schema_is_seen(server, schema, statement, expected):
    server.run(_SCHEMA, schema=schema.schema)
    before = checksums_of_schema(schema)
    server.run(statement, schema=schema.schema)
    assert differences(before, checksums_of_schema(schema)) == expected


def test_rows_without_a_key_have_no_order(server, schema):
    server.run(_SCHEMA, schema=schema.schema)
    before = checksums_of_schema(schema)
    server.run(
        "TRUNCATE keyless; INSERT INTO keyless VALUES (NULL), ('b'), ('b'), ('a')",
        schema=schema.schema,
    )
    assert before == checksums_of_schema(schema)


def test_damage_is_damage(server, tmp_path, schema):
    fill_schema(server, schema.schema, size=Size.SMALL)
    root = str(tmp_path / "store")
    make_store(root, size=Size.SMALL, connection=schema)
    files, objects = checksums_of_tree(root), checksums_of_schema(schema)
    damage_files(root)
    damage_schema(schema)
    found = differences(files, checksums_of_tree(root))
    assert "new: pub/left-over.php" in found
    assert "changed: bin/magento" in found
    assert any(line.startswith("missing: vendor/magento/") for line in found)
    found = differences(objects, checksums_of_schema(schema))
    assert "missing: rows of sales_order_item" in found
    assert "new: definition of half_an_update" in found
    assert "changed: rows of catalog_product_entity" in found
    assert os.path.exists(os.path.join(root, "var/log/system.log"))
