"""A difference and a whole rollback give the same schema and the same rows, after any edits.

Random tables, keys among them (cycles too), triggers, rows; random edits before, and while the
rollback runs: between any two of its steps. `make crash` tries many more cases.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.database.swap.undo import drop_aside
from core.errors import ConnectionFailed
from tests.database.differing import Difference, pointing_aside, state
from tests.database.indexing import dump_with_index
from tests.database.schema_oracle import differences
from tests.database.shop_flow import fill
from tests.shop import connection_to

_NUMBERS = itertools.count(1)
CASES = int(os.environ.get("MAGEREWIND_DIFFERENCE_CASES", "4"))
NAMES = ("t0", "t1", "t2", "t3")
KINDS = ("int", "varchar(20)", "decimal(8,2)", "datetime", "blob", "float")
ACTIONS = ("", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON UPDATE CASCADE")
VALUES = {
    "int": ("0", "-7", "NULL", "2147483647"),
    "varchar(20)": ("''", "'NULL'", "NULL", "'it''s'", "x'01'", "'é\\n'"),
    "decimal(8,2)": ("0", "-1.5", "NULL"),
    "datetime": ("'2024-02-29 00:00:00'", "NULL"),
    "blob": ("x'00ff'", "''", "NULL"),
    "float": ("0.1", "16777216", "NULL", "-0"),
}

tables = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(("", "PK", "UNIQUE"))), min_size=4, max_size=4
)
keys = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(ACTIONS)),
    max_size=5,
    unique_by=lambda one: one[:2],
)
triggers = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
rows = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(1, 9), st.integers(0, 5), st.integers(1, 9)),
    max_size=16,
)
edits = st.lists(
    st.tuples(
        st.sampled_from(
            ("insert", "update", "delete", "link", "add key", "truncate", "new", "gone")
        ),
        st.sampled_from(NAMES),
        st.integers(1, 9),
        st.integers(0, 5),
    ),
    max_size=5,
)


def _make(server, schema, tables, keys, triggers, rows):
    text = ["SET foreign_key_checks = 0;"]
    kinds = {}
    for name, (kind, unique) in zip(NAMES, tables, strict=True):
        kinds[name] = kind
        links = "".join(f", to_{target} int" for source, target, _ in keys if source == name)
        own = "PRIMARY KEY" if unique != "UNIQUE" else "NOT NULL UNIQUE"
        constraints = "".join(
            f", CONSTRAINT K_{source}_{target} FOREIGN KEY (to_{target}) REFERENCES {target} (id)"
            f"{action}"
            for source, target, action in keys
            if source == name
        )
        text.append(f"CREATE TABLE {name} (id int {own}, v {kind}{links}{constraints});")
    text += [
        f"CREATE TRIGGER {name}_x AFTER UPDATE ON `{name}` FOR EACH ROW"
        f" INSERT INTO said (v) VALUES ('{name}');"
        for name in triggers
    ]
    text.append("CREATE TABLE said (id int AUTO_INCREMENT PRIMARY KEY, v varchar(20));")
    for name, number, value, link in rows:
        choice = VALUES[kinds[name]]
        targets = [target for source, target, _ in keys if source == name]
        links = "".join(f", to_{target} = {link}" for target in targets)
        literal = choice[value % len(choice)]
        text.append(f"INSERT IGNORE INTO {name} SET id = {number}, v = {literal}{links};")
    fill(server, schema.schema, "\n".join(text))  # so that triggers are the account's own
    return kinds


def _edit(server, schema, kinds, edit):
    what, name, number, value = edit
    choice = VALUES[kinds[name]]
    literal = choice[value % len(choice)]
    statements = {
        "insert": f"INSERT IGNORE INTO {name} (id, v) VALUES ({number + 9}, {literal})",
        "update": f"UPDATE {name} SET v = {literal} WHERE id = {number}",
        "delete": f"DELETE FROM {name} WHERE id = {number}",
        "link": f"UPDATE IGNORE {name} SET id = id + 20 WHERE id = {number}",
        "add key": f"ALTER TABLE {name} ADD KEY more_{value} (id)",
        "truncate": f"DELETE FROM {name}",
        "new": f"CREATE TABLE IF NOT EXISTS extra_{value} (id int)",
        "gone": f"SET foreign_key_checks = 0; DROP TABLE IF EXISTS {name}",
    }
    with contextlib.suppress(ConnectionFailed):  # a key, or a lock, or the table is gone
        waits = "SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1;"
        server.run(f"{waits} {statements[what]}", schema=schema.schema)


def _keys_sorted(portrait):
    """Return a portrait whose tables have their keys in one order.

    Where another session dropped a parent table with its checks off, the server makes the key that
    the orphaned constraint needs at another place. The order of keys means nothing to a store.
    """
    return {
        what: tuple(
            sorted(one.rstrip(",") for one in text.split("\n")) if "CREATE" in str(text) else text
            for text in found
        )
        if what.startswith("TABLE ")
        else found
        for what, found in portrait.items()
    }


# A case takes seconds: one that fails is small enough as it is.
@settings(max_examples=CASES, phases=(Phase.explicit, Phase.generate))
@given(tables, keys, triggers, rows, edits, edits, edits)
def test_a_difference_comes_to_what_a_whole_rollback_does(
    server, tables, keys, triggers, rows, early, open_, late
):
    name = f"property{next(_NUMBERS)}"
    server.make_schema(name)
    schema = connection_to(server, name)
    with tempfile.TemporaryDirectory() as place:
        kinds = _make(server, schema, tables, keys, triggers, rows)
        dumped = dump_with_index(place, schema)
        original = state(schema)
        for edit in early:
            _edit(server, schema, kinds, edit)
        with Difference(schema, place, dumped) as job:
            job.plan().stage()
            for edit in open_:
                _edit(server, schema, kinds, edit)
            before = state(schema)
            job.lock_kept()
            for edit in late[:1]:
                _edit(server, schema, kinds, edit)
            job.swap()
            job.forward()
        assert differences(original, state(schema)) == {}
        assert pointing_aside(server, schema) == ""
        with Difference(schema, place, dumped, job_id="20261123-031501-aaaa", undone=job) as undo:
            undo.plan().stage().lock_kept().swap()
            undo.forward()
        if not late:
            assert differences(_keys_sorted(before), _keys_sorted(state(schema))) == {}
        assert pointing_aside(server, schema) == ""
        drop_aside(schema, undo.definitions)
    server.run(f"DROP DATABASE {name}")
