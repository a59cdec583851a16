"""Entries missing from an archive are removed only if the archive is known to be whole."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.commands import magerewind
from tests.long import some
from tests.oracles import tree_entries

NAME = "1700000000_filesystem.tgz"
MEDIA = "1700000000_filesystem_media.tgz"
VAR = ("--exclude=./var", "--exclude=*/var/*", "--exclude=pub/static", "--exclude=odd")


def pack(shop, name, *words):
    path = Path(shop.root) / "var/backups" / name
    subprocess.run(["tar", "czf", path, *words], check=True)
    return path


@pytest.fixture
def tidy(shop):
    """Remove the archives of a test, which lie beside those of the others."""
    yield
    for name in (NAME, MEDIA):
        (Path(shop.root) / "var/backups" / name).unlink(missing_ok=True)


def below(shop):
    return os.path.dirname(shop.root), os.path.basename(shop.root)


CODE = {
    "empty": (lambda _: ("-T", "/dev/null"), "holds nothing"),
    "only the root": (lambda shop: ("--no-recursion", "-C", shop.root, "."), "holds nothing"),
    "a leading folder": (
        lambda shop: (*VAR, "-C", *below(shop)),
        "below the folder {folder}/, not at its top",
    ),
    "two leading folders": (
        lambda shop: (*VAR, "-C", os.path.dirname(below(shop)[0]), "/".join(
            [os.path.basename(below(shop)[0]), below(shop)[1]])),
        "{folder}/, not at its top",
    ),
    "media": (lambda shop: ("-C", shop.root, "pub/media"), "holds no code of a store"),
    "one directory": (lambda shop: ("-C", shop.root, "app"), "without bin/magento, vendor"),
    "no vendor": (lambda shop: (*VAR, "--exclude=vendor", "-C", shop.root, "."), "without vendor"),
    "no env.php": (
        lambda shop: (*VAR, "--exclude=env.php", "-C", shop.root, "."),
        "has no app/etc/env.php, and the present one would be removed",
    ),
    "something else": (lambda _: ("-C", "/etc", "passwd"), "without bin/magento, vendor, app/etc"),
}  # fmt: skip


@pytest.mark.parametrize("what", some(CODE, "empty", "a leading folder", "no env.php", "media"))
def test_an_archive_that_is_no_whole_code_removes_nothing(what, shop, tidy):
    words, message = CODE[what]
    pack(shop, NAME, *words(shop))
    before = tree_entries(shop.root)
    folder = os.path.basename(shop.root)
    for option in ("--yes", "--dry-run" if what == "empty" else "--json"):
        words = ("setup:rollback", "-c", NAME, option, *(["--yes"] if option == "--json" else []))
        said = magerewind(shop, *words, code=1)
        assert message.format(folder=folder) in said.out + said.err, said
    assert tree_entries(shop.root) == before
    assert not shop.closed()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (lambda _: ("-T", "/dev/null"), "holds nothing"),
        (lambda shop: ("-C", shop.root, "app"), "holds no media of a store (it begins with app)"),
        (
            lambda shop: (
                "--exclude=*/app",
                "--exclude=odd",
                "--exclude=backups",
                "-C",
                *below(shop),
            ),
            "below the folder",
        ),
        (lambda shop: ("-C", shop.root + "/pub/media", "."), "holds no media of a store"),
    ],
)
def test_an_archive_without_media_removes_nothing(words, message, shop, tidy):
    pack(shop, MEDIA, *words(shop))
    before = tree_entries(shop.root)
    said = magerewind(shop, "setup:rollback", "-m", MEDIA, "--yes", code=1)
    assert message in said.err
    assert tree_entries(shop.root) == before


def test_a_part_replaces_what_it_has_with_partial(shop, tidy):
    pack(shop, NAME, "-C", shop.root, "app")
    before = tree_entries(shop.root)
    changed = Path(shop.root) / "app/etc/config.php"
    content = changed.read_bytes()
    later = Path(shop.root) / "app/later.php"
    changed.write_bytes(b"<?php return [];")
    later.write_bytes(b"<?php // newer than the archive")
    said = magerewind(shop, "setup:rollback", "-c", NAME, "--yes", "--partial")
    assert said.code == 0, said
    assert changed.read_bytes() == content
    assert later.exists()
    later.unlink()
    assert tree_entries(shop.root) == before
    magerewind(shop, "job:discard", "--yes", code=0)


def test_a_folder_at_the_top_is_refused_with_partial_too(shop, tidy):
    pack(shop, NAME, *VAR, "-C", *below(shop))
    said = magerewind(shop, "setup:rollback", "-c", NAME, "--yes", "--partial", code=1)
    assert "not at its top" in said.err
    assert not (Path(shop.root) / os.path.basename(shop.root)).exists()


def test_a_plan_that_removes_most_of_a_kind_says_so_in_capitals(shop, tidy):
    media = Path(shop.root) / "pub/media"
    few = next(path for path in sorted(media.rglob("*")) if path.is_file())
    pack(shop, MEDIA, "-C", shop.root, f"pub/media/{few.relative_to(media)}")
    said = magerewind(shop, "setup:rollback", "-m", MEDIA, "--dry-run", code=0)
    assert "THIS REMOVES " in said.err
    assert " LIVE ENTRIES OF MEDIA." in said.err
