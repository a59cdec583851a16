"""What counts as the same definition of a table; no server."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from core.database.dump.script import definition_fingerprint, definition_fingerprints
from core.database.schema.definitions import Table, Versioning

TABLE = Table(
    name="t", engine="InnoDB", columns=(), key=(), key_index="", rows=0, data_bytes=0, created="",
    collation="utf8mb4_bin", versioning=Versioning.NONE, create="",
)  # fmt: skip
PLAIN = "CREATE TABLE `t` (\n  `v` varchar(9) COLLATE utf8mb4_bin COMMENT '{comment}'\n)"


def fingerprint(create: str) -> str:
    return definition_fingerprint(replace(TABLE, create=create), "shop")


@pytest.mark.parametrize(
    ("added", "same"),
    [
        (" CHARACTER SET utf8mb4", True),  # MySQL adds it to a definition that was loaded
        (" CHARACTER SET utf8", False),
        (" CHARACTER SET utf8mb4 COMMENT 'x'", False),
    ],
)
def test_a_character_set_that_its_collation_has_is_no_difference(added, same):
    create = PLAIN.format(comment="a")
    other = create.replace(" COLLATE", f"{added} COLLATE")
    assert (fingerprint(create) == fingerprint(other)) is same
    # A dump of an older version has the fingerprint of the text itself.
    (_, older) = definition_fingerprints(replace(TABLE, create=other), "shop")
    assert older != fingerprint(other) or not same


@pytest.mark.parametrize("quoted", ["it''s", "\\'", "`", "a"])
def test_a_quoted_text_is_compared_as_it_is(quoted):
    words = f"{quoted} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    shorter = f"{quoted} COLLATE utf8mb4_bin"
    assert fingerprint(PLAIN.format(comment=words)) != fingerprint(PLAIN.format(comment=shorter))
