"""Small real roots to try the store's parts on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator

import pytest

from core.magento.store import Store, find_store

OWNER = 65534  # nobody: the owner of a store in tests that are run as root


def fill(root: str, env_php: bytes = b"<?php return [];\n") -> None:
    """Make the marks of a root, and a configuration."""
    for directory in ("bin", "app/etc", "vendor/magento", "pub/media", "var/backups"):
        os.makedirs(os.path.join(root, directory))
    for name, content in (
        ("bin/magento", b"#!/usr/bin/env php\n"),
        ("pub/index.php", b"<?php\n"),
        ("app/etc/env.php", env_php),
    ):
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)


def give_away(root: str) -> None:
    """As root, give a root to another account, but for env.php: root obeys its own only."""
    if os.geteuid() == 0:
        for directory, _, names in os.walk(root):
            for path in (directory, *(os.path.join(directory, name) for name in names)):
                if not path.endswith("app/etc/env.php"):
                    os.chown(path, OWNER, OWNER, follow_symlinks=False)


@pytest.fixture
def root() -> Iterator[str]:
    """The root of a small store that its owner can reach: pytest's own directory is root's only."""
    top = os.path.realpath(tempfile.mkdtemp(prefix="magerewind-test-"))
    os.chmod(top, 0o755)
    root = os.path.join(top, "shop")
    os.mkdir(root)
    fill(root)
    give_away(root)
    yield root
    shutil.rmtree(top)


@pytest.fixture
def store(root: str) -> Store:
    """The small store."""
    return find_store(root)


@pytest.fixture
def configure(root: str) -> Callable[[bytes | str], None]:
    """Put a text in env.php, keeping its owner."""

    def put(text: bytes | str) -> None:
        with open(os.path.join(root, "app/etc/env.php"), "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    return put
