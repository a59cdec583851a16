"""Dumps that are compressed, ours and those of other programs, by whole commands."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess

import pytest

from core.events import Kind
from core.inflating import zstd
from core.operations.requests import BackupRequest, RollbackRequest
from tests.integration.commands import magerewind
from tests.long import few, some
from tests.oracles import schema_entries

ENDINGS = {"gzip": "sql.gz", "zstd": "sql.zst"}
UNPACK = {"gzip": ["gzip", "-dc"], "zstd": ["zstd", "-dcq"]}
LONG = zstd.CompressionParameter.window_log


def damage(shop):
    shop.server.run(
        "UPDATE core_config_data SET value = 'damaged'; CREATE TABLE later (id INT)",
        schema=shop.schema,
    )


def path_of(shop, name):
    return os.path.join(shop.store.backups, name)


@pytest.mark.parametrize("compress", some(ENDINGS, "zstd"))
def test_a_compressed_dump_is_a_backup_like_any(shop, compress):
    said = magerewind(shop, "setup:backup", "--db", f"--compress={compress}", code=0)
    (line,) = (one for one in said.lines if " filename: " in one)
    name = line.split(": ")[1].split()[0]
    assert name.partition("_")[2] == f"db.{ENDINGS[compress]}"
    row = magerewind(shop, "info:backups:list", "--json", code=0).objects[0]
    assert (row["file_name"], row["kind"], row["health"]) == (name, "db", "verified")
    text = subprocess.run([*UNPACK[compress], path_of(shop, name)], capture_output=True, check=True)
    assert (row["content_bytes"], row["compress"]) == (len(text.stdout), compress)
    assert row["size_bytes"] == os.path.getsize(path_of(shop, name)) < len(text.stdout) / 2
    verified = magerewind(shop, "info:backups:verify", name, code=0)
    assert f"{name} is sound, as its manifest says" in verified.err + verified.out
    plan = magerewind(shop, "setup:rollback", "-d", name, "--dry-run", "--json", code=0).objects[0]
    assert plan["database"]["content_bytes"] == len(text.stdout)
    before = schema_entries(shop.server, shop.schema)
    damage(shop)
    assert schema_entries(shop.server, shop.schema) != before
    magerewind(shop, "setup:rollback", "-d", name, "--yes", "--no-flush", code=0)
    assert schema_entries(shop.server, shop.schema) == before
    magerewind(shop, "job:discard", "--yes", code=0)
    magerewind(shop, "info:backups:delete", name, "--yes", code=0)
    assert not [one for one in os.listdir(shop.store.backups) if name in one]


def test_the_next_backup_is_estimated_by_the_last_one_of_its_compression(shop):
    name = shop.back_up((Kind.DB,), compress="zstd").db_file
    estimates = {}
    for compress in ("none", "zstd"):
        words = ("setup:backup", "--db", "--dry-run", "--json", f"--compress={compress}")
        estimates[compress] = magerewind(shop, *words, code=0).objects[0]["estimates"]["db"]
    size = os.path.getsize(path_of(shop, name))
    plain = estimates["none"]["file_bytes"]
    assert estimates["zstd"]["plain_bytes"] == plain == estimates["none"]["plain_bytes"]
    assert size <= estimates["zstd"]["file_bytes"] < 2 * size < plain
    magerewind(shop, "info:backups:delete", name, "--yes", code=0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--compress=bzip2",), "invalid choice: 'bzip2'"),
        (("--compress-level=3",), "A compression level needs --compress"),
        (("--compress=zstd", "--compress-level=20"), "A level of zstd is a number from 1 to 19."),
        (("--compress=gzip", "--compress-level=10"), "A level of gzip is a number from 0 to 9."),
        (("--compress=gzip", "--compress-level=-1"), "--compress-level"),
        (("--compress=gzip", "--names=magento"), "they take no compressed dump"),
    ],
)
def test_what_cannot_be_compressed_so_is_refused(shop, words, said):
    before = sorted(os.listdir(shop.store.backups))
    refused = magerewind(shop, "setup:backup", "--db", *words, code=2)
    assert said in refused.err
    assert sorted(os.listdir(shop.store.backups)) == before


@pytest.mark.parametrize("compress", some(ENDINGS, "gzip"))
def test_a_killed_one_leaves_nothing(shop, compress):
    before = sorted(os.listdir(shop.store.backups))
    request = BackupRequest(kinds=(Kind.DB,), compress=compress)
    summary, _ = shop.run(request, fault="journal:4:kill")
    assert summary.interrupted
    partial = [one for one in os.listdir(shop.store.backups) if one.endswith(".partial")]
    shop.recover()
    assert any(one.endswith(f"_db.{ENDINGS[compress]}.partial") for one in partial)
    assert sorted(os.listdir(shop.store.backups)) == before
    assert not shop.closed()


@pytest.fixture(scope="module")
def foreign(shop):
    """The present schema as `mariadb-dump` writes it."""
    words = [*shop.server.client(shop.schema)]
    words[0] = shutil.which("mariadb-dump") or shutil.which("mysqldump")
    return subprocess.run([*words, "--routines"], capture_output=True, check=True).stdout


PACKED = {
    "magento_2025-11-23_031640.sql.gz": gzip.compress,
    "db.sql.gz": lambda text: gzip.compress(text[:5000]) + gzip.compress(text[5000:]) + bytes(512),
    "1600000001_db_by_hand.zst": lambda text: zstd.compress(text, options={LONG: 27}),
    "shop.sql.zst": lambda text: (
        b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd.compress(text[:9]) + zstd.compress(text[9:])
    ),
    "shop.sql": bytes,
}


@pytest.mark.parametrize("name", some(PACKED, "shop.sql.zst"))
def test_dumps_of_others_are_listed_verified_and_rolled_back_to(shop, foreign, name):
    loads = name in {"magento_2025-11-23_031640.sql.gz", "shop.sql.zst"}
    path = path_of(shop, name)
    with open(path, "xb") as file:
        file.write(PACKED[name](foreign))
    os.utime(path, (1763000000, 1763000000))
    try:
        rows = magerewind(shop, "info:backups:list", "--json", code=0).objects
        (row,) = (one for one in rows if one["file_name"] == name)
        times = {"mag": 1763867800, "160": row["timestamp"]}
        assert (row["kind"], row["timestamp"]) == ("db", times.get(name[:3], 1763000000))
        assert f"| {name} " in magerewind(shop, "info:backups:list", code=0).out
        magerewind(shop, "info:backups:verify", name, code=0)
        if loads:
            before = schema_entries(shop.server, shop.schema)
            damage(shop)
            magerewind(shop, "setup:rollback", "-d", name, "--yes", "--no-flush", code=0)
            assert schema_entries(shop.server, shop.schema) == before
            magerewind(shop, "job:discard", "--yes", code=0)
        magerewind(shop, "info:backups:delete", name, "--yes", code=0)
        assert not os.path.lexists(path)
    finally:
        if os.path.lexists(path):
            os.unlink(path)


def bomb(make):
    """Return some megabytes that inflate to gibibytes."""
    return make(b" " * (64 << 20)) * 16


@pytest.mark.parametrize(
    ("name", "content", "said"),
    few(
        [
            ("a.sql.gz", lambda text: gzip.compress(text)[:-9], "cut or corrupt"),
            ("a.sql.gz", lambda text: gzip.compress(text) + b"more", "something follows its end"),
            ("a.sql.zst", lambda text: zstd.compress(text)[:-9], "cut or corrupt"),
            ("a.sql.zst", lambda text: zstd.compress(text) + b"more", "cut or corrupt"),
            ("a.sql.zst", lambda _: bomb(zstd.compress), "inflates to more than"),
            ("a.sql.zst", lambda _: b"XBSTCK01" + bytes(64), "physical backup"),
        ],
        1,
        2,
        4,
    ),
)
def test_a_broken_or_hostile_one_ends_in_one_line(shop, foreign, name, content, said):
    path = path_of(shop, name)
    with open(path, "xb") as file:
        file.write(content(foreign))
    try:
        before = sorted(os.listdir(shop.store.backups))
        for words in (("info:backups:verify", name), ("setup:rollback", "-d", name, "--yes")):
            refused = magerewind(shop, *words, code=1)
            lines = [one for one in refused.problem + refused.lines if said in one]
            assert len(lines) == 1, refused
            assert "Traceback" not in refused.err
        assert sorted(os.listdir(shop.store.backups)) == before
        assert not shop.closed()
    finally:
        os.unlink(path)


def test_a_request_for_a_compressed_dump_is_kept_and_read():
    from core.operations.equal_command import command_line
    from core.operations.requests import from_json, to_json

    request = BackupRequest(kinds=(Kind.DB,), compress="zstd", compress_level=9)
    assert from_json(to_json(request)) == request
    assert command_line(request) == (
        "magerewind setup:backup --db --compress=zstd --compress-level=9"
    )
    odd = json.loads(to_json(request)) | {"compress": "lz4"}
    with pytest.raises(Exception, match="lz4"):
        from_json(json.dumps(odd).encode())
    assert RollbackRequest(db_file="1_db.sql.zst").kinds == (Kind.DB,)
