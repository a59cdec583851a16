"""Directories that other accounts can reach, an installation that they can read, and their stores.

Pytest's own directory is closed to all but the account that runs it.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path

import pytest

from tests.security.accounts import GROUP, OWNER, Victim, give
from tests.shop import Shop

_numbers = itertools.count(1)


def _place():
    return tempfile.TemporaryDirectory(prefix="magerewind-test-", dir="/tmp")


@pytest.fixture
def place():
    """A fresh directory of root's that everybody can look into."""
    with _place() as place:
        os.chmod(place, 0o755)
        yield place


@pytest.fixture
def victim(place):
    """A directory of root's that nothing may touch."""
    return Victim(place)


@pytest.fixture(scope="module")
def owned(server):
    """A shop with a database; all of its files belong to an account without a name, group 33."""
    Path(server.socket).parent.chmod(0o711)
    with _place() as place:
        os.chmod(place, 0o755)
        shop = Shop.make(os.path.join(place, "store"), server, f"security_{next(_numbers)}")
        give(shop.root, OWNER, GROUP)
        yield shop


@pytest.fixture
def store_of(place):
    """Make small stores without a database: `store_of(uid, gid)` gives them to that account."""

    def make(uid, gid=GROUP, *, parent=place, name="store"):
        root = os.path.join(parent, name)
        for directory in ("bin", "app/etc", "vendor/magento", "pub/media", "var/backups"):
            os.makedirs(os.path.join(root, directory))
        for name, content in (
            ("bin/magento", "#!/usr/bin/env php\n"),
            ("pub/index.php", "<?php\n"),
            ("pub/media/one.jpg", "one\n"),
            ("app/etc/env.php", "<?php return ['install' => ['date' => 'x']];\n"),
        ):
            Path(root, name).write_text(content)
        give(root, uid, gid)
        return root

    return make
