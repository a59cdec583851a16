"""A schema, dumped and brought back in every way, is the same schema."""

from __future__ import annotations

import pytest

from core.errors import StatementRefused
from tests.database.schema_oracle import differences
from tests.matrix import steps
from tests.matrix.servers import EVERY, server_id, settings_of
from tests.matrix.steps import Rollback, dump, fill, seen

# What is live before a rollback: other tables, and the same names with something else in them.
LIVE = r"""
CREATE TABLE parent (id int PRIMARY KEY, old varchar(20)) ENGINE=InnoDB;
INSERT INTO parent VALUES (1,'old'),(2,'older');
CREATE TABLE only_old (id int AUTO_INCREMENT PRIMARY KEY, parent_id int, KEY P (parent_id),
  CONSTRAINT CHILD_PARENT FOREIGN KEY (parent_id) REFERENCES parent (id)) ENGINE=InnoDB;
INSERT INTO only_old (parent_id) VALUES (1),(2);
CREATE TABLE store (store_id smallint unsigned PRIMARY KEY, code varchar(9)) ENGINE=InnoDB;
CREATE TABLE zebra (id int PRIMARY KEY) ENGINE=InnoDB;
CREATE DEFINER=shop@localhost SQL SECURITY INVOKER VIEW old_view AS SELECT id FROM parent;
CREATE DEFINER=shop@localhost TRIGGER parent_log BEFORE INSERT ON parent FOR EACH ROW SET @a = 1;
"""
OLD_FUNCTION = """
CREATE DEFINER=shop@localhost FUNCTION twice(a int) RETURNS int DETERMINISTIC RETURN 2;
"""

CASES = [
    pytest.param((build, log), name, id=f"{server_id(build, log)}-{name}")
    for build, log in EVERY
    for name in steps.sources(build.name)
]
pytestmark = pytest.mark.parametrize(("rooted", "source"), CASES, indirect=True)


@pytest.fixture
def source(request, rooted, make):
    """A filled schema on the server."""
    settings = make(rooted)
    fill(rooted, settings, request.param)
    return settings


@pytest.mark.parametrize("account", ["shop", "root"])
def test_a_dump_loads_with_the_servers_own_client(rooted, make, source, tmp_path, account):
    before = seen(source)
    path, _ = dump(settings_of(rooted, source.schema, account), tmp_path / "dump.sql")
    copy = make(rooted)
    rooted.load(path, copy.schema)
    assert differences(before, seen(copy)) == {}
    assert differences(before, seen(source)) == {}


def test_a_dump_is_loaded_beside_swapped_in_and_undone(rooted, make, source, tmp_path):
    before = seen(source)
    path, summary = dump(source, tmp_path / "dump.sql")
    target = make(rooted, LIVE + OLD_FUNCTION)
    live = seen(target)
    rollback = Rollback(target, tmp_path)
    rollback.run(path, expected_rows=summary.rows)
    assert differences(before, seen(target)) == {}
    rollback.undo()
    assert differences(live, seen(target)) == {}
    assert rollback.discard().kept == ()


def test_the_servers_own_dump_is_loaded_by_us(rooted, make, source, tmp_path):
    path = tmp_path / "native.sql"
    rooted.dump(source.schema, path)
    target = make(rooted, LIVE)
    if b" PACKAGE " in path.read_bytes():
        # A package is not read, so nothing vouches for one in a dump that has no manifest.
        with pytest.raises(StatementRefused, match="a package is not read"):
            Rollback(target, tmp_path).check(str(path))
        rooted.run("DROP PACKAGE tools", schema=source.schema)
        rooted.dump(source.schema, path)
    Rollback(target, tmp_path).run(str(path))
    assert differences(without_floats(seen(source)), without_floats(seen(target))) == {}


def without_floats(portrait):
    """Return a portrait without the last digits of floats, which the native programs lose."""
    return {what: value for what, value in portrait.items() if not what.startswith("floats ")}
