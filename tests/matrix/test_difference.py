"""A rollback of what differs, on other servers: whole commands on a store."""

from __future__ import annotations

import re

import pytest

from tests.integration.commands import magerewind
from tests.shop import Shop

CHANGES = """
UPDATE core_config_data SET value = 'changed' LIMIT 3;
DELETE FROM catalog_product_entity ORDER BY entity_id LIMIT 2;
CREATE TABLE zz_new (a int PRIMARY KEY);
"""


@pytest.mark.parametrize("build", ["mysql", "mariadb"])
def test_what_differs_comes_back_and_is_the_same_then(each, build, tmp_path):
    server = each[build]
    shop = Shop.make(tmp_path / "store", server, f"difference_{build}")
    request = shop.back_up()
    before = _without_implied_sets(shop.state())
    server.run(CHANGES, schema=shop.schema)
    changed = shop.state()
    how = ("-d", request.db_file, "--yes", "--no-flush")
    magerewind(shop, "setup:rollback", *how, code=0)
    assert _without_implied_sets(shop.state()) == before
    said = magerewind(shop, "setup:rollback", *how, code=0)
    assert "Nothing differs from the backup" in said.out + said.err
    magerewind(shop, "job:undo", "--yes", "--no-flush", code=0)
    assert shop.state() == changed


def _without_implied_sets(state):
    """Return a state without the character sets that MySQL adds when it runs its own text."""
    return {
        name: re.sub(r" CHARACTER SET (\w+)(?= COLLATE \1_)", "", value)
        if isinstance(value, str)
        else value
        for name, value in state.items()
    }
