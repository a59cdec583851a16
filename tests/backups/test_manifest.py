import json
import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.backups.manifest import Manifest, find_manifest, from_json, write_manifest
from core.backups.names import manifest_name
from core.backups.place import open_backups
from core.events import Kind, Warned

FULL = Manifest(
    file_name="1763869000_filesystem.tgz",
    kind=Kind.CODE,
    timestamp=1763869000,
    size_bytes=103_000_000,
    sha256="ab" * 32,
    made_by="magerewind 0.1.0",
    host="web1",
    root="/var/www/sh\udce9p",
    created="2025-11-23T03:36:40+00:00",
    elapsed_s=1.625,
    verified=True,
    magento_version="2.4.6",
    note="before the upgrade, señor",
    members=109_000,
    content_bytes=430_000_000,
    excluded=("var", "pub/static\udcff"),
    level=1,
    rows={"core_config_data": 12, "naïve": 0},
    warnings=(Warned(code="changed", message="1 file changed", names=("a\udcfe.php", "b")),),
)


def write(directory: Path, content: bytes) -> None:
    (directory / manifest_name(FULL.file_name)).write_bytes(content)


def test_a_manifest_comes_back_whole(tmp_path: Path) -> None:
    write_manifest(open_backups(str(tmp_path)), FULL)
    assert find_manifest(open_backups(str(tmp_path)), FULL.file_name).manifest == FULL


def test_a_manifest_is_for_its_owner_only(tmp_path: Path) -> None:
    write_manifest(open_backups(str(tmp_path)), FULL)
    (written,) = os.listdir(tmp_path)
    assert written == ".1763869000_filesystem.tgz.manifest.json"
    assert stat.S_IMODE(os.stat(tmp_path / written).st_mode) == 0o600


def test_unknown_fields_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    write_manifest(open_backups(str(tmp_path)), FULL)
    row = json.loads((tmp_path / manifest_name(FULL.file_name)).read_bytes())
    row["colour"] = "blue"
    write(tmp_path, json.dumps(row).encode())
    assert find_manifest(open_backups(str(tmp_path)), FULL.file_name).manifest == FULL


def test_a_missing_manifest_is_no_problem(tmp_path: Path) -> None:
    found = find_manifest(open_backups(str(tmp_path)), "1_db.sql")
    assert (found.manifest, found.problem) == (None, "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"file_name": "1763869000_filesystem.tgz"}',
        b"[" * 100_000,
    ],
)
def test_a_broken_manifest_is_none_with_a_reason(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, content)
    found = find_manifest(open_backups(str(tmp_path)), FULL.file_name)
    assert found.manifest is None
    assert found.problem.startswith("the manifest is damaged")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size_bytes", "many"),
        ("size_bytes", True),
        ("verified", "yes"),
        ("kind", "theme"),
        ("warnings", 7),
        ("rows", [1]),
        ("format", 99),
    ],
)
def test_a_manifest_with_a_wrong_value_is_not_used(
    tmp_path: Path, field: str, value: object
) -> None:
    write_manifest(open_backups(str(tmp_path)), FULL)
    row = json.loads((tmp_path / manifest_name(FULL.file_name)).read_bytes())
    row[field] = value
    write(tmp_path, json.dumps(row).encode())
    assert find_manifest(open_backups(str(tmp_path)), FULL.file_name).problem
    with pytest.raises(ValueError):
        from_json(json.dumps(row).encode())


def test_a_manifest_speaks_of_its_own_file_only(tmp_path: Path) -> None:
    write_manifest(open_backups(str(tmp_path)), replace(FULL, file_name="2_filesystem.tgz"))
    os.rename(
        tmp_path / manifest_name("2_filesystem.tgz"), tmp_path / manifest_name(FULL.file_name)
    )
    assert "another file" in find_manifest(open_backups(str(tmp_path)), FULL.file_name).problem


def test_a_link_in_place_of_a_manifest_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_manifest(open_backups(str(elsewhere)), FULL)
    name = manifest_name(FULL.file_name)
    (tmp_path / name).symlink_to(elsewhere / name)
    assert find_manifest(open_backups(str(tmp_path)), FULL.file_name).manifest is None
