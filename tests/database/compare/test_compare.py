"""The comparison of live tables with a dump: a table is the same exactly where its rows are."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.database.dump import row_text
from core.errors import Cancelled
from tests.database.dumping import as_root
from tests.database.indexing import dump_with_index, open_dump_index, verdicts
from tests.database.odd_schemas import NEW
from tests.database.shop_flow import fill

_TABLES = """
CREATE TABLE numbers_ (id int NOT NULL PRIMARY KEY, v longtext, f float, b blob);
INSERT INTO numbers_ SELECT seq * 3, REPEAT(MD5(seq), 40), seq / 3, UNHEX(MD5(seq))
 FROM seq_1_to_2500;
CREATE TABLE texts (k varchar(40) NOT NULL, n int NOT NULL, v text, PRIMARY KEY (k, n));
INSERT INTO texts SELECT MD5(seq), seq, REPEAT(MD5(seq), 40) FROM seq_1_to_2500;
CREATE TABLE small (id int PRIMARY KEY, v varchar(20)); INSERT INTO small VALUES (1,'a'),(2,NULL);
CREATE TABLE nothing (id int PRIMARY KEY);
CREATE TABLE marked (id int PRIMARY KEY, v varchar(20)); INSERT INTO marked VALUES (1, x'01');
ANALYZE TABLE numbers_, texts;
"""
_SAME = dict.fromkeys(("numbers_", "texts", "small", "nothing"), "same") | {"marked": "unknown"}


@pytest.fixture
def dumped(server, schema, tmp_path):
    server.run(_TABLES, schema=schema.schema)
    _, beside, _ = dump_with_index(tmp_path, schema)
    return beside


def test_what_was_not_touched_is_the_same(dumped, schema):
    assert verdicts(dumped, schema) == (_SAME, "")


def test_an_index_of_an_earlier_version_is_as_good(server, schema, tmp_path, monkeypatch):
    """Earlier ones had rows joined as UTF-8; that is the same text for every type."""
    types = Path(__file__).parents[1] / "sql" / "types.sql"
    server.run(types.read_text(encoding="utf-8"), schema=schema.schema)
    _, beside, _ = dump_with_index(tmp_path, schema)
    now = verdicts(beside, schema)
    monkeypatch.setattr(row_text, "_COMMA", "','")
    assert verdicts(beside, schema) == now
    assert set(now[0].values()) == {"same"}


_CHANGES = (
    ("numbers_", "UPDATE {} SET v = CONCAT(v, 'x') WHERE id = 6000", "differs"),
    ("numbers_", "UPDATE {} SET f = f * 1.0000002 WHERE id = 6000", "differs"),
    ("numbers_", "UPDATE {} SET b = NULL WHERE id = 6000", "differs"),
    ("numbers_", "INSERT INTO {} VALUES (-5, NULL, 0, '')", "differs"),
    ("numbers_", "INSERT INTO {} VALUES (999999, NULL, 0, '')", "differs"),
    ("numbers_", "INSERT INTO {} VALUES (4, NULL, 0, '')", "differs"),
    ("numbers_", "DELETE FROM {} WHERE id = 3", "differs"),
    ("numbers_", "DELETE FROM {}", "differs"),
    ("numbers_", "UPDATE {} SET v = REPEAT('y', 9000000) WHERE id = 3", "differs"),
    ("texts", "INSERT INTO {} VALUES ('', 1, '')", "differs"),
    ("texts", "INSERT INTO {} VALUES ('zz', 1, '')", "differs"),
    ("texts", "DELETE FROM {} WHERE n = 17", "differs"),
    ("nothing", "INSERT INTO {} VALUES (1)", "differs"),
    ("small", "UPDATE {} SET v = 'NULL' WHERE id = 2", "differs"),
    ("small", "UPDATE {} SET v = '' WHERE id = 2", "differs"),
    ("small", "ALTER TABLE {} COMMENT = 'other'", "definition"),
    ("small", "ALTER TABLE {} ADD KEY v (v)", "definition"),
    ("small", "ALTER TABLE {} AUTO_INCREMENT = 50", "same"),
)


def test_what_changed_differs(server, schema, tmp_path):
    """Each change is made to a copy of its own."""
    server.run(_TABLES, schema=schema.schema)
    for number, (table, _, _) in enumerate(_CHANGES):
        name = f"{table}_{number}"
        server.run(
            f"CREATE TABLE {name} LIKE {table}; INSERT INTO {name} SELECT * FROM {table};"
            f"ANALYZE TABLE {name}",
            schema=schema.schema,
        )
    _, beside, _ = dump_with_index(tmp_path, schema)
    server.run(f"SET GLOBAL max_allowed_packet = {64 << 20}")
    for number, (table, change, _) in enumerate(_CHANGES):
        server.run(change.format(f"{table}_{number}"), schema=schema.schema)
    expected = {f"{table}_{n}": verdict for n, (table, _, verdict) in enumerate(_CHANGES)}
    assert verdicts(beside, schema) == ({**_SAME, **expected}, "")


def test_a_text_that_is_cut_is_not_the_same(dumped, schema, monkeypatch):
    """The rests of two texts after the cut are equal: only a warning tells."""
    monkeypatch.setattr("core.database.compare.compare.CUT_BYTES", 1000)
    found, _ = verdicts(dumped, schema)
    assert found["numbers_"] == found["texts"] == "differs"
    assert found["small"] == "same"


def test_a_dump_of_an_odd_schema(server, schema, tmp_path):
    fill(server, schema.schema, NEW)
    _, beside, summary = dump_with_index(tmp_path, schema)
    assert set(verdicts(beside, schema)[0].values()) == {"same"}
    assert set(verdicts(beside, as_root(schema))[0]) == summary.rows.keys()
    fill(server, schema.schema, "DELETE FROM `odd ``name` LIMIT 1; UPDATE history SET v = v + 1;")
    found, _ = verdicts(beside, schema)
    differing = {name for name, verdict in found.items() if verdict != "same"}
    assert differing == {"odd `name", "history"}


def test_without_rows_in_the_dump_nothing_is_the_same(server, schema, tmp_path):
    server.run(_TABLES, schema=schema.schema)
    _, beside, _ = dump_with_index(tmp_path, schema, strip=("small", "nothing"))
    found, _ = verdicts(beside, schema)
    assert (found["small"], found["nothing"]) == ("unknown", "unknown")


def test_another_server_is_said(dumped, schema):
    text = Path(dumped).read_bytes()
    assert b'"version":[10,11,' in text
    Path(dumped).write_bytes(text.replace(b'"version":[10,11,', b'"version":[10,12,'))
    found, reason = verdicts(dumped, schema)
    assert set(found.values()) == {"unknown"}
    assert reason.startswith("its rows were rendered by MariaDB 10.12.")


def test_a_cancel_ends_it(dumped, schema):
    def report(*_):
        raise Cancelled("Enough.")

    with pytest.raises(Cancelled, match="Enough"):
        verdicts(dumped, schema, report=report)


def test_a_table_that_is_gone_is_not_the_same(dumped, server, schema):
    server.run("DROP TABLE small", schema=schema.schema)
    assert verdicts(dumped, schema)[0]["small"] == "unknown"


def test_bounds_are_ordered_as_numbers(dumped):
    with open_dump_index(dumped) as index:
        bounds = [int(one.span.upto) for one in index.rows_of("numbers_")]
    assert len(bounds) > 3
    assert len(str(min(bounds))) < len(str(max(bounds)))
