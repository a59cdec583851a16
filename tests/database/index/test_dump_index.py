"""The index of a dump: each place in it is where it says, in the file that it is of."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from core.database.dump import read_rows
from core.database.dump.ddl_watch import DefinitionsChanged
from tests.database.indexing import dump_with_index, open_dump_index
from tests.database.odd_schemas import NEW
from tests.database.shop_flow import fill


def _large(server, settings):
    server.run(
        "CREATE TABLE big (id int PRIMARY KEY, v text);"
        "INSERT INTO big SELECT seq * 3, REPEAT(MD5(seq), 60) FROM seq_1_to_3000;"
        "CREATE TABLE named (k varchar(40) PRIMARY KEY, v text);"
        "INSERT INTO named SELECT MD5(seq), REPEAT(MD5(seq), 60) FROM seq_1_to_3000;"
        "CREATE TABLE keyless (v text);"
        "INSERT INTO keyless SELECT REPEAT(MD5(seq), 60) FROM seq_1_to_600;"
        "CREATE TABLE nothing (id int PRIMARY KEY);"
        "ANALYZE TABLE big, named, keyless",
        schema=settings.schema,
    )


def test_places_are_those_of_the_dump(server, schema, tmp_path):
    fill(server, schema.schema, NEW)
    _large(server, schema)
    path, beside, summary = dump_with_index(tmp_path, schema)
    text = Path(path).read_bytes()
    assert hashlib.sha256(Path(beside).read_bytes()).hexdigest() == summary.index_sha256
    with open_dump_index(beside) as index:
        assert {name: table.rows for name, table in index.tables.items()} == summary.rows
        covered = 0
        for name, table in index.tables.items():
            quoted = "`" + name.replace("`", "``") + "`"
            definition = _at(text, table.definition)
            assert f"CREATE TABLE {quoted} (".encode() in definition
            assert definition.endswith(b";\n\n")
            for one in index.rows_of(name):
                part = text[one.offset : one.offset + one.length]
                assert part.startswith(f"INSERT INTO {quoted} (".encode())
                assert part.endswith(b");\n")
                covered += part.count(b"\n")
            assert sum(one.rows for one in index.rows_of(name)) == table.rows
        assert covered == sum(line.startswith(b"INSERT INTO ") for line in text.splitlines())
        assert len(list(index.rows_of("big"))) > 4
        assert len(list(index.rows_of("named"))) > 4
        found = {(one.kind, one.name, one.table) for one in index.objects}
        assert ("TRIGGER", "parent_log", "parent") in found
        assert ("SEQUENCE", "numbers", "") in found
        for one in index.objects:
            assert b"-- " + one.kind.lower().encode() in _at(text, one.place)


def _at(text, place):
    return text[place.offset : place.offset + place.length]


def test_a_second_try_begins_the_index_anew(server, schema, tmp_path, monkeypatch):
    _large(server, schema)
    real, tries = read_rows.Attempt.run, []

    def run(self, report):
        rows = real(self, report)
        tries.append(rows)
        if len(tries) == 1:
            raise DefinitionsChanged(["big"], waiting=False)
        return rows

    monkeypatch.setattr("core.database.dump.dump.Attempt.run", run)
    _, beside, summary = dump_with_index(tmp_path, schema)
    assert len(tries) == 2
    with open_dump_index(beside) as index:
        assert sum(one.rows for one in index.rows_of("big")) == summary.rows["big"]


def _read_whole(place):
    with open_dump_index(place) as index:
        for name in index.tables:
            list(index.rows_of(name))


def test_a_damaged_index_is_none(server, schema, tmp_path):
    _large(server, schema)
    _, beside, _ = dump_with_index(tmp_path, schema)
    whole = Path(beside).read_bytes()
    some = random.Random(5)
    cuts = [whole[: some.randrange(len(whole))] for _ in range(20)]
    torn = [whole.replace(b'"tables"', b'"tablet"'), whole[:-30] + b"9" + whole[-29:], b"", b"x\n"]
    for number, text in enumerate([*cuts, *torn]):
        place = tmp_path / f"torn-{number}"
        place.write_bytes(text)
        with pytest.raises(ValueError, match=r"it is|its |a line|Extra|Expecting"):
            _read_whole(place)
