"""A note is written anew into a manifest, and nothing else of it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from core.backups.catalog import find_any_backup
from core.backups.edit_remarks import change_remarks
from core.backups.manifest import Manifest, write_manifest
from core.backups.place import open_backups
from core.errors import BackupNotFound
from core.events import Kind

NAME = "1700000000_filesystem.tgz"


@pytest.fixture
def directory(tmp_path: Path) -> str:
    path = tmp_path / "var/backups"
    path.mkdir(parents=True)
    (path / NAME).write_bytes(b"12345")
    manifest = Manifest(
        file_name=NAME,
        kind=Kind.CODE,
        timestamp=1_700_000_000,
        size_bytes=5,
        sha256="0" * 64,
        made_by="magerewind 0.1.0",
        host="web01",
        root="/var/www/shop",
        created="2023-11-14T22:13:20Z",
        elapsed_s=1.0,
        verified=True,
        note="old",
        excluded=("a*",),
    )
    with open_backups(str(path)) as place:
        write_manifest(place, manifest)
    return str(path)


@pytest.mark.parametrize("note", ["before the update", "", "a\nb\x1b[31m \udce9", "ü" * 2000])
def test_only_the_note_is_another_one(directory: str, note: str) -> None:
    backup = find_any_backup(directory, NAME)
    assert backup.manifest is not None
    change_remarks(backup, lambda remarks: structs.replace(remarks, note=note))
    after = find_any_backup(directory, NAME).manifest
    assert after == structs.replace(backup.manifest, note=note)


def test_a_backup_that_was_deleted_is_said(directory: str) -> None:
    backup = find_any_backup(directory, NAME)
    (Path(directory) / f".{NAME}.manifest.json").unlink()
    (Path(directory) / NAME).unlink()
    with pytest.raises(BackupNotFound):
        change_remarks(backup, lambda remarks: structs.replace(remarks, note="x"))
