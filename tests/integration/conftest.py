"""A shop for each file of tests, with a backup of all its kinds."""

from __future__ import annotations

import itertools
import os
import re
import tempfile

import pytest

from tests.integration.backup_history import DAY, backups, copy_backup, own
from tests.shop import Shop

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shop(server, request):
    name = re.sub(r"\W", "_", request.module.__name__.rpartition(".")[2])
    # Not below pytest's own directory: no other account can look into that.
    with tempfile.TemporaryDirectory(prefix="magerewind-test-") as place:
        os.chmod(place, 0o755)
        made = Shop.make(os.path.join(place, "store"), server, f"{name}_{next(_numbers)}")
        made.request = made.back_up()
        yield made


from tests.integration.commands import ordinary, readable  # noqa: E402, F401 - fixtures


@pytest.fixture
def history(shop):
    """The set of the shop, and one of code and database a day before it for nine days."""
    before = set(os.listdir(backups(shop)))
    sets = [own(shop) - day * DAY for day in range(10)]
    for timestamp in sets[1:]:
        copy_backup(shop, shop.request.code_file, timestamp)
        copy_backup(shop, shop.request.db_file, timestamp)
    yield sets
    for name in set(os.listdir(backups(shop))) - before:
        (backups(shop) / name).unlink()
