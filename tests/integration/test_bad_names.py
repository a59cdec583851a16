"""A rollback to no sound backup: refused in one line before the store is closed."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from tests.integration.commands import magerewind, names_of, untouched
from tests.long import few

INVALID = "The rollback file is invalid. Verify the file and try again."
MISSING = "The rollback file doesn't exist. Verify the file and try again."


@pytest.fixture
def before(shop):
    return sorted(os.listdir(shop.store.backups))


@pytest.fixture(scope="module")
def state(shop):
    return shop.state()


@pytest.fixture
def copy(shop):
    """Copy a backup to another name, without its manifest, changed; gone afterwards."""
    made = []

    def make(kind, change, *, manifest=False):
        source = Path(shop.store.backups) / getattr(shop.request, f"{kind}_file")
        target = source.with_name(f"1600000000{source.name[source.name.index('_') :]}")
        made.append(target)
        if manifest:
            there = source.with_name(f".{source.name}.manifest.json")
            beside = target.with_name(f".{target.name}.manifest.json")
            beside.write_text(there.read_text().replace(source.name, target.name))
            made.append(beside)
        target.write_bytes(change(source.read_bytes()))
        return target.name

    yield make
    for path in made:
        path.unlink()


def refused(shop, before, *words):
    said = magerewind(shop, "setup:rollback", "--yes", *words, code=1)
    assert said.out == ""
    assert "Traceback" not in said.err
    untouched(shop, before)
    return said.problem


def test_names_that_cannot_be(shop, before):
    code, media, db = shop.request.code_file, shop.request.media_file, shop.request.db_file
    for words, line in [
        (("-c", "../../etc/passwd"), f"{INVALID} (../../etc/passwd)"),
        (("-c", f"../backups/{code}"), f"{INVALID} (../backups/{code})"),
        (("-c", f"{shop.store.backups}/{code}"), f"{INVALID} ({shop.store.backups}/{code})"),
        (("-c", media), f"{INVALID} ({media})"),
        (("-m", code), f"{INVALID} ({code})"),
        (("-d", code), f"{INVALID} ({code})"),
        (("-c", f".{code}.manifest.json"), f"{INVALID} (.{code}.manifest.json)"),
        (("-d", "notes.txt"), f"{INVALID} (notes.txt)"),
        (("-d", "1700000000_db.sql"), f"{MISSING} (1700000000_db.sql)"),
        # All names are checked before anything, in one go.
        (("-c", code, "-m", media, "-d", "1700000000_db.sql"), f"{MISSING} (1700000000_db.sql)"),
        (("-c", ""), f"{INVALID} (an empty name)"),
    ]:
        problem = refused(shop, before, *words)
        assert problem[0] == line
        assert len(problem) <= 2
    assert refused(shop, before, "-d", db, "--code-file=a\x1b[31m\nb")[0] == (
        f"{INVALID} (a\\x1b[31m\\nb)"
    )


def test_a_name_that_is_a_link_or_a_directory(shop, before):
    backups = Path(shop.store.backups)
    (backups / "1600000001_filesystem.tgz").mkdir()
    (backups / "1600000002_db.sql").symlink_to("/etc/passwd")
    try:
        now = sorted(os.listdir(backups))
        for words in (("-c", "1600000001_filesystem.tgz"), ("-d", "1600000002_db.sql")):
            problem = refused(shop, now, *words)
            assert len(problem) <= 3, problem
    finally:
        (backups / "1600000001_filesystem.tgz").rmdir()
        (backups / "1600000002_db.sql").unlink()


def half(raw):
    return raw[: len(raw) // 2]


def one_bit(raw):
    return raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:]


def nothing(_raw):
    return b""


@pytest.mark.parametrize(
    ("kind", "change", "manifest"),
    few(
        [
            ("code", half, True),
            ("media", half, False),
            ("db", half, True),
            ("db", half, False),
            ("code", one_bit, True),
            ("media", one_bit, False),
            ("db", one_bit, True),
            ("media", nothing, False),
            ("db", nothing, False),
        ],
        0,
        3,
        6,
        7,
    ),
)
def test_a_file_that_is_cut_or_corrupt(shop, copy, kind, change, manifest):
    name = copy(kind, change, manifest=manifest)
    before = sorted(os.listdir(shop.store.backups))
    problem = refused(shop, before, f"--{kind}-file", name)
    assert any(name in line for line in problem), problem


def test_one_damaged_part_stops_all_parts(shop, state, copy):
    name = copy("db", lambda raw: raw[:-200])
    words = names_of(shop.request)[:4]
    problem = refused(shop, sorted(os.listdir(shop.store.backups)), *words, "-d", name)
    assert any(name in line for line in problem)
    assert shop.state() == state


def test_a_dump_that_is_not_a_whole_store_needs_partial(shop, copy):
    few = b"CREATE TABLE acme_partial (id INT PRIMARY KEY);\nINSERT INTO acme_partial VALUES (7);\n"
    name = copy("db", lambda _: few)
    before = sorted(os.listdir(shop.store.backups))
    problem = refused(shop, before, "-d", name)
    assert any("--partial" in line for line in problem), problem
    said = magerewind(shop, "setup:rollback", "--yes", "-d", name, "--partial", code=0)
    assert "[SUCCESS]: DB rollback completed successfully." in said.lines
    count = "SELECT COUNT(*) FROM core_config_data"
    assert int(shop.server.run(count, schema=shop.schema).split()[-1]) > 0
    assert shop.server.run("SELECT id FROM acme_partial", schema=shop.schema).split()[-1] == "7"
    magerewind(shop, "job:undo", "--yes", code=0)
    magerewind(shop, "job:discard", "--yes", code=0)


def test_an_old_compressed_dump_is_taken(shop):
    """`_db.gz` is the name that Magento 2.0 wrote."""
    source = Path(shop.store.backups) / shop.request.db_file
    target = source.with_name("1500000000_db.gz")
    with open(source, "rb") as plain, gzip.open(target, "wb", 1) as packed:
        shutil.copyfileobj(plain, packed)
    try:
        said = magerewind(shop, "setup:rollback", "--dry-run", "-d", target.name, code=0)
        assert "113 tables in the dump" in said.out + said.err
    finally:
        target.unlink()


@pytest.mark.long
def test_without_a_kind_or_an_answer(shop, before):
    said = magerewind(shop, "setup:backup", code=1)
    assert (said.out, said.problem[0]) == (
        "",
        "Not enough information provided to take backup.",
    )
    said = magerewind(shop, "setup:rollback", "-y", code=1)
    assert (said.out, said.problem[0]) == (
        "",
        "Not enough information provided to roll back.",
    )
    words = ("setup:rollback", *names_of(shop.request))
    said = magerewind(shop, *words, "-n", code=1)
    assert said.problem[0].endswith("no question may be put.")
    for answer in ("", "n\n", "\n", "perhaps\n"):
        said = magerewind(shop, *words, stdin=answer, code=1)
        question = "You are about to remove current code and/or database tables. Are you sure?[y/N]"
        assert question in said.out
        assert "Nothing was changed." in said.err
    untouched(shop, before)
    assert magerewind(shop, "setup:backup", "--everything").code == 2
    assert magerewind(shop, "setup:backup", "--code", "--level", "12").code == 2
