"""Verification of real archives and dumps, made by the code that makes them."""

import gzip
import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from msgspec import structs

from core.archive.create.write_archive import write_archive
from core.archive.tar.header import HeaderReader
from core.archive.tree.selection import Selection, code_selection
from core.backups.catalog import Health, find_any_backup
from core.backups.edit_remarks import change_remarks
from core.backups.manifest import Manifest, write_manifest
from core.backups.place import open_backups
from core.backups.verification import verify_backup
from core.errors import Cancelled
from core.events import Kind
from core.magento.store import Store, find_store

NAME = "1763869000_filesystem.tgz"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    root = tmp_path / "store"
    (root / "app/etc").mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "bin/magento").write_text("#!/usr/bin/env php\n")
    (root / "app/etc/env.php").write_text("<?php return [];\n" * 1000)
    (root / "var/backups").mkdir(parents=True)
    return find_store(str(root), root=str(root))


def write(store: Store) -> Manifest:
    selection: Selection = code_selection(store)
    path = os.path.join(store.backups, NAME)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        summary = write_archive(selection, fd, level=None)
    finally:
        os.close(fd)
    manifest = Manifest(
        file_name=NAME,
        kind=Kind.CODE,
        timestamp=1763869000,
        size_bytes=summary.archive_bytes,
        sha256=summary.sha256,
        made_by="magerewind 0",
        host="h",
        root=store.root,
        created="",
        elapsed_s=1.0,
        verified=False,
        members=summary.members,
        content_bytes=summary.content_bytes,
    )
    write_manifest(open_backups(store.backups), manifest)
    return manifest


def flip(path: str, at: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


def test_a_sound_archive_becomes_verified(store: Store) -> None:
    manifest = write(store)
    result = verify_backup(find_any_backup(store.backups, NAME))
    assert result.sound
    assert result.against_manifest
    assert (result.items, result.sha256) == (manifest.members, manifest.sha256)
    assert find_any_backup(store.backups, NAME).health is Health.VERIFIED


def test_members_are_looked_at_once_and_every_byte_each_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write(store)
    first = verify_backup(find_any_backup(store.backups, NAME))
    monkeypatch.setattr(HeaderReader, "parse", None)
    reported: list[int] = []
    again = verify_backup(
        find_any_backup(store.backups, NAME),
        report=lambda done_bytes, _items, _current: reported.append(done_bytes),
    )
    assert (again.items, again.content_bytes) == (first.items, first.content_bytes)
    assert again.sound
    assert reported[-1] == manifest.size_bytes
    for at in (3, 4, 20, manifest.size_bytes // 2, manifest.size_bytes - 3):
        flip(os.path.join(store.backups, NAME), at)
        found = verify_backup(find_any_backup(store.backups, NAME), remember=False)
        assert found.problem, at
        flip(os.path.join(store.backups, NAME), at)
    assert verify_backup(find_any_backup(store.backups, NAME)).sound


def test_a_manifest_that_was_changed_is_held_against_the_members(store: Store) -> None:
    """A backup found sound must be accepted by a rollback."""
    write(store)
    verify_backup(find_any_backup(store.backups, NAME))
    known = find_any_backup(store.backups, NAME).manifest
    assert known is not None
    for wrong in (
        structs.replace(known, members=(known.members or 0) + 1),
        structs.replace(known, members=(known.members or 0) + 1, looked_at=""),
    ):
        write_manifest(open_backups(store.backups), wrong)
        result = verify_backup(find_any_backup(store.backups, NAME), remember=False)
        assert "its manifest says" in result.problem


def test_bytes_that_were_never_looked_at_are(store: Store) -> None:
    """A manifest vouches for the bytes; that they are an archive is for somebody to see once."""
    path = os.path.join(store.backups, NAME)
    manifest = write(store)
    with gzip.open(path, "wb") as out:
        out.write(b"no header" * 1000)
    with open(path, "rb") as file:
        content = file.read()
    digest = hashlib.sha256(content).hexdigest()
    write_manifest(
        open_backups(store.backups),
        structs.replace(manifest, sha256=digest, size_bytes=len(content)),
    )
    assert not verify_backup(find_any_backup(store.backups, NAME)).sound


def test_a_flipped_byte_is_found_and_remembered(store: Store) -> None:
    manifest = write(store)
    flip(os.path.join(store.backups, NAME), manifest.size_bytes // 2)
    result = verify_backup(find_any_backup(store.backups, NAME))
    assert not result.sound
    after = find_any_backup(store.backups, NAME)
    assert after.health is Health.DAMAGED
    assert after.problem == result.problem
    assert NAME not in result.problem, "who says it names the file"


def test_a_cut_is_found_by_the_size_alone(store: Store) -> None:
    manifest = write(store)
    os.truncate(os.path.join(store.backups, NAME), manifest.size_bytes - 1)
    result = verify_backup(find_any_backup(store.backups, NAME))
    assert f"its manifest says {manifest.size_bytes}" in result.problem


def test_what_was_restored_is_verified_again(store: Store) -> None:
    manifest = write(store)
    path = os.path.join(store.backups, NAME)
    flip(path, manifest.size_bytes // 2)
    verify_backup(find_any_backup(store.backups, NAME))
    flip(path, manifest.size_bytes // 2)
    assert verify_backup(find_any_backup(store.backups, NAME)).sound
    assert find_any_backup(store.backups, NAME).health is Health.VERIFIED


def test_a_foreign_archive_is_judged_by_its_structure(store: Store) -> None:
    name = "1763869000_filesystem_code.tgz"
    path = os.path.join(store.backups, name)
    subprocess.run(["tar", "-C", store.root, "-czf", path, "app", "bin"], check=True)
    result = verify_backup(find_any_backup(store.backups, name))
    assert result.sound
    assert not result.against_manifest
    assert find_any_backup(store.backups, name).health is Health.SOUND
    os.truncate(path, os.path.getsize(path) - 20)
    assert not verify_backup(find_any_backup(store.backups, name)).sound


@pytest.mark.parametrize(
    ("content", "sound"),
    [
        (b"CREATE TABLE `a` (`b` int);\nINSERT INTO `a` VALUES (1);\n-- Dump completed\n", True),
        (b"CREATE TABLE `a` (`b` int);\nINSERT INTO `a` VALUES ('cut", False),
        (b"\x1f\x8b\x08cut", False),
        (b"GRANT ALL ON *.* TO x;\n", False),
    ],
)
def test_a_dump_is_read_whole(store: Store, content: bytes, sound: bool) -> None:
    name = "1763869000_db.sql"
    Path(store.backups, name).write_bytes(content)
    result = verify_backup(find_any_backup(store.backups, name))
    assert result.sound is sound
    if sound:
        assert result.items == 1


def test_a_person_may_stop_it(store: Store) -> None:
    write(store)

    def stop(_bytes: int, _items: int, _current: str) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        verify_backup(find_any_backup(store.backups, NAME), report=stop)
    assert find_any_backup(store.backups, NAME).health is Health.UNVERIFIED


def test_a_mark_that_comes_while_a_backup_is_read_stays(store: Store) -> None:
    write(store)
    backup = find_any_backup(store.backups, NAME)

    def marked(_done: int, _items: int, _current: str) -> None:
        change_remarks(backup, lambda remarks: structs.replace(remarks, keep=True))

    assert verify_backup(backup, report=marked).sound
    found = find_any_backup(store.backups, NAME)
    assert (found.remarks.keep, found.health) == (True, Health.VERIFIED)


def test_a_file_that_was_exchanged_while_it_was_read_says_nothing_of_the_present_one(
    store: Store,
) -> None:
    write(store)
    backup = find_any_backup(store.backups, NAME)
    path = Path(store.backups, NAME)
    sound = path.read_bytes()
    path.write_bytes(sound[:-100] + bytes(100))

    def exchanged(_done: int, _items: int, _current: str) -> None:
        if path.read_bytes() != sound:
            path.with_suffix(".new").write_bytes(sound)
            path.with_suffix(".new").rename(path)

    assert not verify_backup(backup, report=exchanged).sound
    assert not find_any_backup(store.backups, NAME).problem
