"""A shop for each file of tests, with a backup of all its kinds."""

from __future__ import annotations

import itertools
import os
import re
import tempfile

import pytest

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
