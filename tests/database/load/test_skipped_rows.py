"""Rows that are passed over are counted as those that are looked at."""

from __future__ import annotations

import pytest

from core.database.load.offline_check import check_dump
from core.errors import StatementRefused
from tests.database.dumping import dump_to
from tests.database.odd_schemas import NEW
from tests.database.shop_flow import fill


def test_what_is_passed_over_is_counted(server, schema, tmp_path):
    fill(server, schema.schema, NEW)
    summary = dump_to(tmp_path / "d.sql", schema)
    whole = check_dump(str(tmp_path / "d.sql"), sha256=summary.sha256)
    for names in (whole.tables, whole.tables[:3], ("odd `name",), ("of no table",)):
        less = check_dump(str(tmp_path / "d.sql"), sha256=summary.sha256, passed_over=names)
        assert less == whole


def test_a_strangers_dump_is_looked_at_whole(server, schema, tmp_path):
    fill(server, schema.schema, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    dump_to(tmp_path / "d.sql", schema)
    text = (tmp_path / "d.sql").read_bytes().replace(b"VALUES (1)", b"VALUES (LOAD_FILE('x'))")
    (tmp_path / "d.sql").write_bytes(text)
    with pytest.raises(StatementRefused, match=r"LOAD_FILE"):
        check_dump(str(tmp_path / "d.sql"), passed_over=("t",))
