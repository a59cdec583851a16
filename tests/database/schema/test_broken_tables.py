"""Tables whose files are gone or damaged: known before, replaced, and no obstacle."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from core.database.load.server_check import check_against_server, check_dump
from core.database.schema.broken_tables import broken_tables
from core.database.server.connection import Connection, connect
from core.database.swap import swap as swapping
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import revert_tables, swap_tables
from core.database.swap.undo import undo_tables
from core.sample.server import PrivateServer
from tests.database.dumping import as_root
from tests.database.shop_flow import new_journal, stage, write
from tests.shop import connection_to

numbers = itertools.count(1)

# `lost` is the table that breaks: it refers and is referred to, and has a trigger.
LIVE = """
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE lost (id int PRIMARY KEY, p int,
  CONSTRAINT up FOREIGN KEY (p) REFERENCES parent (id));
CREATE TABLE child (id int PRIMARY KEY, l int,
  CONSTRAINT down FOREIGN KEY (l) REFERENCES lost (id));
CREATE TRIGGER tr BEFORE INSERT ON lost FOR EACH ROW SET @a = 1;
INSERT INTO parent VALUES (1); INSERT INTO lost VALUES (1,1); INSERT INTO child VALUES (1,1);
CREATE TABLE isam (id int PRIMARY KEY) ENGINE=MyISAM; INSERT INTO isam VALUES (1);
FLUSH TABLES;
"""
PARENT = "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (7);\n"
CHILD = (
    "CREATE TABLE child (id int PRIMARY KEY, l int,"
    " CONSTRAINT down FOREIGN KEY (l) REFERENCES lost (id)); INSERT INTO child VALUES (7,7);\n"
)
LOST = (
    "CREATE TABLE lost (id int PRIMARY KEY, p int,"
    " CONSTRAINT up FOREIGN KEY (p) REFERENCES parent (id)); INSERT INTO lost VALUES (7,7);\n"
    "CREATE TRIGGER tr BEFORE INSERT ON lost FOR EACH ROW SET @a = 2;\n"
)
DUMP = PARENT + LOST + CHILD


@pytest.fixture(scope="module")
def own_server():
    with PrivateServer() as running:
        yield running


@pytest.fixture
def shop(own_server):
    name = f"broken{next(numbers)}"
    own_server.make_schema(name)
    own_server.run(LIVE, schema=name)
    return connection_to(own_server, name)


def remove(server, settings, *files):
    for file in files:
        os.remove(Path(server.data_directory) / settings.schema / file)


def break_tables(server, settings, *, noticed):
    remove(server, settings, "lost.ibd", "isam.MYI")
    if noticed:
        server.stop()
        server.start()


def begin(settings, tmp_path, text=DUMP):
    path = write(tmp_path, text)
    found = check_against_server(check_dump(path, schema=settings.schema), settings)
    journal = new_journal(tmp_path)
    return found, journal, stage(path, settings, journal)


def rows(settings, table):
    with connect(settings) as connection:
        return connection.query(f"SELECT id FROM {table}")


def tables(settings):
    with connect(settings) as connection:
        found = connection.query("SHOW TABLES")
    return sorted(name for (name,) in found if not name.startswith("_mr"))


def named(warnings):
    return [one.names for one in warnings if one.code == "broken-tables"]


@pytest.mark.parametrize("noticed", [True, False])
def test_they_are_replaced_or_removed_and_the_undo_is_without_them(
    own_server, shop, tmp_path, noticed
):
    break_tables(own_server, shop, noticed=noticed)
    found, journal, staged = begin(shop, tmp_path)
    problems = [one for one in found.problems if "no whole store" not in one]
    assert problems == []
    ((names),) = named(found.warnings)
    assert any(name.startswith("isam (") for name in names)
    assert any(name.startswith("lost (") for name in names) is noticed
    definitions = str(tmp_path / "definitions.json")
    swap_tables(staged, shop, journal=journal, definitions_path=definitions)
    assert named(forward_tables(shop, journal)) == [("lost", "isam")]
    assert tables(shop) == ["child", "lost", "parent"]
    assert (rows(shop, "lost"), rows(shop, "child")) == ([(7,)], [(7,)])
    with connect(shop) as connection:
        create = str(connection.query("SHOW CREATE TABLE child")[0][1])
        assert "CONSTRAINT `down` FOREIGN KEY (`l`) REFERENCES `lost`" in create
        create = str(connection.query("SHOW CREATE TABLE lost")[0][1])
        assert "CONSTRAINT `up` FOREIGN KEY (`p`) REFERENCES `parent`" in create
        assert "@a = 2" in str(connection.query("SHOW CREATE TRIGGER tr")[0][2])

    back = new_journal(tmp_path, "undo.jsonl")
    old = undo_tables(shop, back, job_id="20261124-0", definitions_path=definitions)
    again = str(tmp_path / "again.json")
    swap_tables(old, shop, journal=back, definitions_path=again)
    assert named(forward_tables(shop, back)) == []
    assert tables(shop) == ["child", "parent"]
    assert rows(shop, "child") == [(1,)]

    redo = new_journal(tmp_path, "redo.jsonl")
    new = undo_tables(shop, redo, job_id="20261125-0", definitions_path=again)
    swap_tables(new, shop, journal=redo, definitions_path=str(tmp_path / "redo.json"))
    forward_tables(shop, redo)
    assert (rows(shop, "lost"), rows(shop, "child")) == ([(7,)], [(7,)])


def test_the_missing_file_is_known_before_to_who_may_see_it(own_server, shop):
    break_tables(own_server, shop, noticed=False)
    with connect(as_root(shop)) as connection:
        found = broken_tables(connection)
    assert found.keys() == {"lost", "isam"}
    assert found["lost"] == "its file is missing"


@pytest.mark.parametrize("noticed", [True, False])
def test_a_partial_rollback_leaves_those_alone_that_it_does_not_have(
    own_server, shop, tmp_path, noticed
):
    break_tables(own_server, shop, noticed=noticed)
    path = write(tmp_path, PARENT)
    check = check_dump(path, schema=shop.schema)
    assert named(check_against_server(check, shop, partial=True).warnings) == []
    journal = new_journal(tmp_path)
    staged = stage(path, shop, journal, partial=True)
    swap_tables(staged, shop, journal=journal, definitions_path=str(tmp_path / "d.json"))
    forward_tables(shop, journal)
    assert tables(shop) == ["child", "isam", "lost", "parent"]
    assert rows(shop, "parent") == [(7,)]


@pytest.mark.parametrize("noticed", [True, False])
def test_before_the_commit_all_else_comes_back(own_server, shop, tmp_path, noticed):
    """A broken table that refers to one that was renamed would keep it from coming back."""
    break_tables(own_server, shop, noticed=noticed)
    _, journal, staged = begin(shop, tmp_path)
    swap_tables(staged, shop, journal=journal, definitions_path=str(tmp_path / "d.json"))
    revert_tables(shop, journal)
    assert {"child", "isam", "parent"} <= set(tables(shop)) <= {"child", "isam", "lost", "parent"}
    assert (rows(shop, "parent"), rows(shop, "child")) == ([(1,)], [(1,)])


class Killed(BaseException):
    """A process that dies."""


@pytest.mark.parametrize("noticed", [True, False])
def test_forward_that_dies_at_any_statement_is_brought_to_its_end(
    own_server, shop, tmp_path, monkeypatch, noticed
):
    break_tables(own_server, shop, noticed=noticed)
    _, journal, staged = begin(shop, tmp_path)
    swap_tables(staged, shop, journal=journal, definitions_path=str(tmp_path / "d.json"))
    real = Connection.execute
    for after in range(60):
        left = [after]

        def dying(self, sql, args=(), left=left):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(self, sql, args)

        monkeypatch.setattr(Connection, "execute", dying)
        try:
            forward_tables(shop, journal)
            break
        except Killed:
            continue
        finally:
            monkeypatch.setattr(Connection, "execute", real)
    else:
        pytest.fail("it never came to its end")
    assert after > 10
    assert tables(shop) == ["child", "lost", "parent"]
    assert (rows(shop, "lost"), rows(shop, "child")) == ([(7,)], [(7,)])


def test_a_rename_that_fails_for_another_reason_gives_nothing_up(
    own_server, shop, tmp_path, monkeypatch
):
    """Such as a full disk: the table is not broken for that."""
    error = swapping.DatabaseError(
        f"The database server refused: Error on rename of './{shop.schema}/lost' to"
        f" './{shop.schema}/_mra_x_1' (errno: 28 \"No space left on device\") (1025).",
        errno=1025,
    )
    _, journal, staged = begin(shop, tmp_path)

    def refuse(*_):
        raise error

    monkeypatch.setattr(swapping, "_rename", refuse)
    with pytest.raises(swapping.DatabaseError, match="No space"):
        swap_tables(staged, shop, journal=journal, definitions_path=str(tmp_path / "d.json"))
    monkeypatch.undo()
    revert_tables(shop, journal)
    assert (rows(shop, "lost"), rows(shop, "isam")) == ([(1,)], [(1,)])
