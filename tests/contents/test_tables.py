"""Looking into dumps by whole commands: lists, statements of one table, comparisons row by row."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backups.catalog import find_any_backup
from core.contents.cells import columns_in, rows_in, value_of
from core.contents.secret_columns import secret_cells
from core.contents.table_differences import TableDifferences
from core.contents.table_pages import TablePages
from core.contents.table_rows import NotComparable
from core.contents.tables import DumpContents, file_name
from core.database.dump.row_text import ValueForm, render_row
from core.errors import Cancelled
from core.events import Kind
from core.inflating import zstd
from tests.contents.looking import Looking
from tests.long import few
from tests.shop import Shop

ROWS = r"""
CREATE TABLE big (id BIGINT PRIMARY KEY, v VARCHAR(200), b VARBINARY(40));
INSERT INTO big SELECT seq * 3, CONCAT('it''s ', seq, REPEAT('\\é\n', seq % 20)),
  UNHEX(SHA1(seq)) FROM seq_1_to_12000;
CREATE TABLE coded (code VARCHAR(40) PRIMARY KEY, n INT);
INSERT INTO coded SELECT CONCAT(CHAR(97 + seq % 26), seq), seq FROM seq_1_to_9000;
CREATE TABLE loose (a INT, b VARCHAR(9)); INSERT INTO loose VALUES (1,'x'),(1,'x'),(2,'y'),(3,NULL);
CREATE TABLE `odd/na``me.` (id INT PRIMARY KEY, e ENUM('a','it''s'), f FLOAT, t BIT(9), j JSON);
INSERT INTO `odd/na``me.` VALUES (1,'it''s',0.5,b'101','{"a":1}'),(2,NULL,-0.25,NULL,NULL);
CREATE TABLE empty (id INT PRIMARY KEY);
CREATE VIEW seen AS SELECT id FROM big;
CREATE TRIGGER big_in BEFORE INSERT ON big FOR EACH ROW BEGIN SET NEW.v = 'a;b'; SET @x = 1; END;
ANALYZE TABLE big, coded;
"""
OURS = {"none": bytes, "gzip": bytes, "zstd": bytes}


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory):
    made = Shop.make(tmp_path_factory.mktemp("look") / "store", server, "look_inside")
    server.run("DELIMITER ;;\n" + ROWS.replace(";\n", ";;\n") + "DELIMITER ;", schema=made.schema)
    return made


@pytest.fixture(scope="module")
def dumps(shop):
    """Dumps of the same rows: ours in each compression, and another program's."""
    made = {way: shop.back_up((Kind.DB,), compress=way).db_file for way in OURS}
    words = [*shop.server.client(shop.schema)]
    words[0] = shutil.which("mariadb-dump") or shutil.which("mysqldump")
    text = subprocess.run([*words, "--hex-blob"], capture_output=True, check=True).stdout
    for name, pack in (
        ("n98.sql", bytes),
        ("db.sql.gz", gzip.compress),
        ("a.sql.zst", zstd.compress),
    ):
        with open(os.path.join(shop.store.backups, name), "wb") as file:
            file.write(pack(text))
        made[name] = name
    return made


@pytest.fixture
def look(shop):
    return Looking(Path(shop.root))


WAYS = [*OURS, "n98.sql", "db.sql.gz", "a.sql.zst"]


@pytest.mark.parametrize("way", few(WAYS, 0, 4))
def test_parts_are_listed_with_what_they_hold(look, dumps, way):
    rows = [
        json.loads(line)
        for line in look.run("info:backups:files", dumps[way], "--json").out.splitlines()
    ]
    parts = {(row["kind"], row["name"]): row for row in rows}
    assert parts["table", "big"]["rows"] == 12_000
    assert parts["table", "odd/na`me."]["rows"] == 2
    assert parts["table", "empty"]["rows"] == 0
    assert ("view", "seen") in parts
    assert ("table", "seen") not in parts
    assert parts["trigger", "big_in"]["table"] == "big"
    text = look.run("info:backups:files", dumps[way], "big").out
    assert "12,000 rows" in text
    assert "trigger big_in" in text
    assert "`v` varchar(200)" in text


@pytest.mark.parametrize("way", few(WAYS, 1, 3))
def test_a_table_can_be_loaded_alone(look, shop, dumps, way, tmp_path):
    names = ("big", "coded", "odd/na`me.", "loose", "empty")
    done = look.run("info:backups:extract", dumps[way], *names, "--to", str(tmp_path / "out"))
    assert done.code == 0, done
    files = sorted(os.listdir(tmp_path / "out"))
    assert files == sorted(map(file_name, names))
    assert all(stat.S_IMODE((tmp_path / "out" / one).stat().st_mode) == 0o600 for one in files)
    server = shop.server
    server.run("DROP DATABASE IF EXISTS alone; CREATE DATABASE alone CHARACTER SET utf8mb4")
    for name in names:
        text = (tmp_path / "out" / file_name(name)).read_bytes()
        assert look.run("info:backups:show", dumps[way], name).raw == text
        subprocess.run(server.client("alone"), input=text, check=True, capture_output=True)
        quoted = name.replace("`", "``")
        sums = [
            server.run(f"CHECKSUM TABLE `{quoted}`", schema=one).split()[-1]
            for one in ("alone", shop.schema)
        ]
        assert sums[0] == sums[1], name
    assert "big_in" in server.run("SHOW TRIGGERS", schema="alone")
    assert "CREATE" in look.run("info:backups:show", dumps[way], "seen").out
    again = look.run("info:backups:extract", dumps[way], "big", "--to", str(tmp_path / "out"))
    assert (again.code, "exists already" in again.err) == (1, True)


def test_an_index_is_made_again_and_kept_where_that_is_allowed(look, shop, dumps):
    name = dumps["gzip"]
    path = os.path.join(shop.store.backups, f".{name}.index")
    os.chmod(path, 0o644)  # as after a copy: not believed, and better than one without digests
    whole = Path(path).read_bytes()
    first = look.run("info:backups:files", name).out
    assert Path(path).read_bytes() == whole
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(b"x")
    assert look.run("info:backups:files", name, "--read-only").out == first
    assert Path(path).read_bytes()[:1] == b"x"
    assert "big" in first
    assert look.run("info:backups:files", name).out == first
    assert Path(path).read_bytes()[:1] == b"m"


EDITS = """
UPDATE big SET v = 'now\\x1b[2J' WHERE id IN (3, 30000);
DELETE FROM big WHERE id IN (300, 36000);
INSERT INTO big VALUES (-5, 'first', NULL), (61, 'between', X'00FF'), (999999, 'last', '');
DELETE FROM coded WHERE code = 'z25'; UPDATE coded SET n = -1 WHERE code LIKE 'a26%';
INSERT INTO coded VALUES ('', 0), ('zzzz', 1);
DELETE FROM loose WHERE a = 1 LIMIT 1; INSERT INTO loose VALUES (2, 'y');
UPDATE `odd/na``me.` SET e = 'a' WHERE id = 2;
INSERT INTO empty VALUES (7);
ALTER TABLE cms_block ADD COLUMN nice INT; CREATE TABLE later (id INT);
SET foreign_key_checks = 0; DROP TABLE cms_page;
UPDATE core_config_data SET value = '0:3:c2VjcmV0c2VjcmV0' LIMIT 1;
UPDATE admin_user SET password = 'hash-of-now';
"""


@pytest.fixture(scope="module")
def edited(shop, dumps):
    shop.server.run("SET @@session.sql_mode = ''; " + EDITS, schema=shop.schema)
    return dumps


def totals(look, name, table):
    rows = look.run("info:backups:diff", name, table, "--json", "--limit=1000").out.splitlines()
    last = json.loads(rows[-1])
    return tuple(last[key] for key in ("comes_back", "only_now", "changed")), [
        json.loads(row) for row in rows[:-1]
    ]


@pytest.mark.parametrize("way", ["none", "zstd", "db.sql.gz"])
def test_rows_are_compared_by_their_key(look, shop, edited, way):
    name = edited[way]
    coded = int(shop.server.run("SELECT SUM(n = -1) FROM coded", schema=shop.schema).split()[-1])
    counts, rows = totals(look, name, "big")
    assert counts == (2, 3, 2)
    signs = {row["key"]["id"]: row["sign"] for row in rows}
    assert signs == {"3": "~", "30000": "~", "300": "+", "36000": "+", "-5": "-", "61": "-",
                     "999999": "-"}  # fmt: skip
    (between,) = (row for row in rows if row["key"]["id"] == "61")
    assert (between["then"], between["now"]["b"]) == (None, {"hex": "00FF"})
    assert [row["changed"] for row in rows if row["sign"] == "~"] == [["v"], ["v"]]
    assert totals(look, name, "coded")[0] == (1, 2, coded)
    assert totals(look, name, "loose")[0] == (1, 1, 0)
    assert totals(look, name, "odd/na`me.")[0] == (0, 0, 1)
    assert totals(look, name, "empty")[0] == (0, 1, 0)
    text = look.run("info:backups:diff", name, "big", "--limit=2").out
    assert "\x1b" not in text
    assert "The first 2 of 7 differences" in text
    assert "Rows: 2 would come back, 3 only now, 2 changed, 11,996 the same." in text


@pytest.mark.parametrize("way", ["zstd", "db.sql.gz"])
def test_tables_are_compared(look, edited, way):
    rows = look.run("info:backups:diff", edited[way], "--json").out.splitlines()
    tables = {row["name"]: row for row in map(json.loads, rows) if row["type"] == "TableDifference"}
    states = {name: row["state"] for name, row in tables.items() if row["state"] != "same"}
    assert states == {
        "big": "changed", "coded": "changed", "loose": "changed", "odd/na`me.": "changed",
        "empty": "changed", "cms_block": "definition", "cms_page": "missing", "later": "extra",
        "core_config_data": "changed", "admin_user": "changed",
        **{name: "changed" for name in states if name.endswith("_cl")},
        **{name: "changed" for name in states if name == "acme_measure"},  # FLOAT of mariadb-dump
    }  # fmt: skip
    assert tables["big"]["rows"] == {"comes_back": 2, "only_now": 3, "changed": 2, "same": 11_996}
    definition = look.run("info:backups:diff", edited[way], "cms_block").out
    assert "-`nice` int(11) DEFAULT NULL" in definition


@pytest.mark.parametrize("way", ["zstd", "db.sql.gz"])
def test_pages_of_a_table_stand_beside_the_live_rows(shop, edited, way):
    backup = find_any_backup(shop.store.backups, edited[way])
    with (
        DumpContents(backup) as dump,
        TableDifferences(dump, shop.store, environ=os.environ) as live,
    ):
        counted = {}
        for table in ("big", "coded", "odd/na`me.", "empty"):
            pages, comparison = TablePages(dump, dump.index.tables[table]), live.rows(table)
            found = []
            for first in range(0, max(1, pages.count), 700):
                found += pages.beside(comparison, first, 700)
            counted[table] = tuple(sum(one.sign == sign for one in found) for sign in "+-~")
            keys = [comparison.key_of(one.then or one.now) for one in found]
            if table == "big":
                assert keys == sorted(keys, key=lambda key: int(key[0]))
            assert len(set(keys)) == len(keys)
            assert pages.rows(pages.count - 1, 5)[-1:] == pages.rows(0, 12_000)[-1:]
            every = [comparison.shared(row) for row in pages.rows(0, 12_000)]
            assert [one.then for one in found if one.then is not None] == every
        coded = shop.server.run("SELECT SUM(n = -1) FROM coded", schema=shop.schema).split()[-1]
        assert counted == {"big": (2, 3, 2), "coded": (1, 2, int(coded)), "odd/na`me.": (0, 0, 1),
                           "empty": (0, 1, 0)}  # fmt: skip
        pages, comparison = TablePages(dump, dump.index.tables["loose"]), live.rows("loose")
        with pytest.raises(NotComparable):
            pages.beside(comparison, 0, 10)
        assert len(pages.rows(0, 10)) == 4
        known = list(live.standings(stop=lambda: False))
        last = {one.name: one for one in known}
        assert {one.name for one in known[: len(last)]} == last.keys()
        states = {name: one.state.value for name, one in last.items()}
        assert (states["cms_page"], states["later"]) == ("missing", "extra")
        assert (last["empty"].rows_then, last["empty"].rows_now) == (0, 1)
        if way == "zstd":
            assert (states["big"], states["cms_block"]) == ("changed", "definition")
            assert states["store_website"] == "same"
        with pytest.raises(Cancelled):
            list(live.standings(stop=lambda: True))


def test_secrets_are_masked_unless_asked_for(look, edited):
    shown = {
        (table, more): look.run("info:backups:diff", edited["none"], table, *more).out
        for table in ("admin_user", "core_config_data")
        for more in ((), ("--json",), ("--show-secrets",))
    }
    for (table, more), text in shown.items():
        secret = "hash-of-now" if table == "admin_user" else "c2VjcmV0"
        assert (secret in text) == (more == ("--show-secrets",)), (table, more)
        assert ("****" in text) == (more != ("--show-secrets",)), (table, more)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("files", "none", "nowhere"), "There is no nowhere in"),
        (("show", "none", "nowhere"), "There is no nowhere in"),
        (("diff", "none", "nowhere"), "There is no nowhere in"),
        (("diff", "none", "seen"), "seen is no table"),
        (("diff", "none", "big", "--limit=x"), "a whole number is expected"),
        (("show", "none", "../x\x1b"), "There is no"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(look, edited, words, said):
    command, way, *rest = words
    done = look.run(f"info:backups:{command}", edited[way], *rest)
    assert done.code != 0
    assert said in done.err
    assert "\x1b" not in done.err


@given(st.lists(st.lists(st.none() | st.binary(max_size=9), min_size=3, max_size=3), min_size=1))
def test_rows_are_read_back_as_they_were_rendered(rows):
    forms = [(ValueForm.TEXT, b""), (ValueForm.HEX, b"X"), (ValueForm.HEX, b"_latin2 X")]
    text = b"),(".join(render_row(row, forms) for row in rows)
    statement = b"INSERT INTO `t` (`a`,`b``c`,`d`) VALUES (" + text + b");\n"
    assert list(rows_in(statement)) == [tuple(row) for row in rows]
    assert columns_in(statement) == ("a", "b`c", "d")


def test_literals_of_other_programs_are_read():
    literals = {
        b"NULL": None, b"null": None, b"'a''b'": b"a'b", b"0x4142": b"AB", b"x'41'": b"A",
        b"b'101'": b"\x05", b"b'100000001'": b"\x01\x01",
        b"_binary 'a\\0b'": b"a\0b", b"-1.50": b"-1.50", b"'\\%'": b"\\%",
        b'"q"': b"q", b"N'x'": b"N'x'",
    }  # fmt: skip
    assert {one: value_of(one) for one in literals} == literals
    assert list(rows_in(b"INSERT INTO t VALUES (1, NOW(), 'a)(,') , ( 2,'x',3 ) ;")) == [
        (b"1", b"NOW()", b"a)(,"),
        (b"2", b"x", b"3"),
    ]
    assert list(rows_in(b"INSERT INTO t VALUES ('a\\');", escapes=False)) == [(b"a\\",)]


def test_secrets_are_told_by_table_column_and_form():
    assert secret_cells("m2_admin_user", {"password": b"x", "email": b"y"}, "m2_") == {"password"}
    assert secret_cells("x", {"api_key": b"1", "note": b"0:3:YWJjZGVmZ2g="}) == {"api_key", "note"}
    row = {"path": b"payment/x/merchant_secret", "value": b"plain"}
    assert secret_cells("core_config_data", row) == {"value"}
    assert (
        secret_cells("core_config_data", {"path": b"web/url", "value": b"http://x"}) == frozenset()
    )


def test_names_of_files_lead_nowhere():
    names = {"a": "a.sql", "../x": "%2E.%2Fx.sql", ".hidden": "%2Ehidden.sql", "a\nb": "a%0Ab.sql"}
    assert {name: file_name(name) for name in names} == names
