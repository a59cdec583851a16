import hashlib
import os
from pathlib import Path

import pytest
from msgspec import structs

from core.backups.catalog import (
    Health,
    delete_backup,
    find_any_backup,
    find_backup,
    list_backups,
)
from core.backups.edit_remarks import find_set
from core.backups.index import open_index
from core.backups.manifest import Manifest, find_manifest, write_manifest
from core.backups.names import index_name, manifest_name, parse_name
from core.backups.place import open_backups
from core.backups.retention import Candidate, RetentionPolicy, SoundState, decide
from core.backups.unfinished import delete_partial, find_partial
from core.durable import partial_name
from core.errors import BackupNotFound, InvalidBackupName, StoreUnreadable
from core.events import Kind


def put(
    directory: Path,
    name: str,
    *,
    content: bytes = b"content",
    verified: bool | None = None,
    size: int | None = None,
    problem: str = "",
    note: str = "",
) -> None:
    (directory / name).write_bytes(content)
    parsed = parse_name(name)
    if verified is None or parsed is None or parsed.kind is None:
        return
    manifest = Manifest(
        file_name=name,
        kind=parsed.kind,
        timestamp=parsed.timestamp,
        size_bytes=len(content) if size is None else size,
        sha256="0" * 64,
        made_by="magerewind 0",
        host="h",
        root="/r",
        created="2025-11-23T03:36:40+00:00",
        elapsed_s=1.0,
        verified=verified,
        problem=problem,
        note=note,
    )
    write_manifest(open_backups(str(directory)), manifest)


def test_a_missing_directory_holds_nothing(tmp_path: Path) -> None:
    listing = list_backups(str(tmp_path / "backups"))
    assert (listing.backups, listing.sets, listing.unknown, listing.partial) == ((), (), (), ())


def test_sets_are_newest_first_and_in_the_order_of_work(tmp_path: Path) -> None:
    for name in ("200_db.sql", "200_filesystem_media.tgz", "200_filesystem.tgz", "1000_db.sql"):
        put(tmp_path, name)
    listing = list_backups(str(tmp_path))
    assert [[backup.name.text for backup in one.backups] for one in listing.sets] == [
        ["1000_db.sql"],
        ["200_filesystem.tgz", "200_filesystem_media.tgz", "200_db.sql"],
    ]
    assert listing.sets[1].size_bytes == 3 * len(b"content")
    assert listing.sets[1].of_kind(Kind.MEDIA) is listing.backups[2]
    assert listing.sets[0].of_kind(Kind.MEDIA) is None


def test_health_is_what_the_manifest_and_the_size_say(tmp_path: Path) -> None:
    put(tmp_path, "1_db.sql", verified=True)
    put(tmp_path, "2_db.sql", verified=False)
    put(tmp_path, "3_db.sql")
    put(tmp_path, "4_db.sql", verified=True, size=99)
    put(tmp_path, "5_db.sql", verified=False, problem="a checksum differs")
    put(tmp_path, "6_db.sql")
    (tmp_path / manifest_name("6_db.sql")).write_text("{")
    found = {
        backup.name.timestamp: (backup.health, backup.problem)
        for backup in list_backups(str(tmp_path)).backups
    }
    assert found[1] == (Health.VERIFIED, "")
    assert found[2] == (Health.UNVERIFIED, "")
    assert found[3] == (Health.UNVERIFIED, "")
    assert found[4] == (Health.DAMAGED, "the file has 7 bytes, and the manifest says 99")
    assert found[5] == (Health.DAMAGED, "a checksum differs")
    assert found[6][0] is Health.UNVERIFIED
    assert "damaged" in found[6][1]


def test_a_set_is_as_good_as_its_worst(tmp_path: Path) -> None:
    put(tmp_path, "1_db.sql", verified=True, note="before")
    put(tmp_path, "1_filesystem.tgz")
    (one,) = list_backups(str(tmp_path)).sets
    assert one.health is Health.UNVERIFIED
    assert one.note == "before"
    put(tmp_path, "1_filesystem.tgz", verified=True, size=1)
    assert list_backups(str(tmp_path)).sets[0].health is Health.DAMAGED


def test_nothing_is_hidden(tmp_path: Path) -> None:
    put(tmp_path, "1_db.sql", verified=True)
    put(tmp_path, "1_filesystem.tgz.part")
    put(tmp_path, ".2_db.sql.partial", content=b"half")
    (tmp_path / ".htaccess").touch()
    (tmp_path / "~tmp-1763869000.1.tar").touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "9_db.sql").symlink_to("/etc/passwd")
    (tmp_path / manifest_name("8_db.sql")).touch()  # its backup is gone
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"caf\xe9"))
    listing = list_backups(str(tmp_path))
    assert [backup.name.text for backup in listing.backups] == ["1_db.sql"]
    assert set(listing.unknown) == {
        "1_filesystem.tgz.part",
        "~tmp-1763869000.1.tar",
        "old/",
        "9_db.sql",
        manifest_name("8_db.sql"),
        "caf\udce9/",
    }
    assert [(one.file_name, one.size_bytes) for one in listing.partial] == [
        (".2_db.sql.partial", 4)
    ]


def test_a_directory_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("a file")
    with pytest.raises(StoreUnreadable, match="cannot be read: Not a directory"):
        list_backups(str(tmp_path / "backups"))


def test_a_backup_is_found_by_name_and_kind(tmp_path: Path) -> None:
    put(tmp_path, "1_db_before_upgrade.sql", verified=True)
    assert find_backup(str(tmp_path), "1_db_before_upgrade.sql", Kind.DB).health is Health.VERIFIED
    with pytest.raises(InvalidBackupName):
        find_backup(str(tmp_path), "1_db_before_upgrade.sql", Kind.CODE)
    with pytest.raises(BackupNotFound, match=r"^The rollback file doesn't exist\. Verify the file"):
        find_backup(str(tmp_path), "2_db.sql", Kind.DB)


def test_a_link_is_never_taken_for_a_backup(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    (tmp_path / "1_db.sql").symlink_to("x")
    with pytest.raises(BackupNotFound, match="not a regular file"):
        find_backup(str(tmp_path), "1_db.sql", Kind.DB)
    with pytest.raises(BackupNotFound):
        delete_backup(str(tmp_path), "1_db.sql")
    assert (tmp_path / "x").exists()


def test_deleting_takes_the_manifest_along_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, "1_db.sql", verified=True)
    put(tmp_path, "1_filesystem.tgz", verified=True)
    assert delete_backup(str(tmp_path), "1_db.sql") == len(b"content")
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["1_filesystem.tgz", manifest_name("1_filesystem.tgz")]
    )


@pytest.mark.parametrize("name", ["", ".", "..", "notes.txt", "sub/1_db.sql", ".1_db.sql.partial"])
def test_only_backups_can_be_deleted(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    put(tmp_path / "sub", "1_db.sql")
    put(tmp_path, "notes.txt")
    put(tmp_path, ".1_db.sql.partial")
    with pytest.raises(InvalidBackupName):
        delete_backup(str(tmp_path), name)
    assert len(os.listdir(tmp_path)) == 3


def test_an_unfinished_file_is_deleted_alone(tmp_path: Path) -> None:
    put(tmp_path, "1_db.sql", verified=True)
    put(tmp_path, ".1_db.sql.partial", content=b"half")
    assert find_partial(str(tmp_path), ".1_db.sql.partial").size_bytes == 4
    assert delete_partial(str(tmp_path), ".1_db.sql.partial") == 4
    assert sorted(os.listdir(tmp_path)) == sorted(["1_db.sql", manifest_name("1_db.sql")])
    with pytest.raises(BackupNotFound):
        delete_partial(str(tmp_path), ".1_db.sql.partial")


@pytest.mark.parametrize("name", ["", "1_db.sql", "notes.txt", "../.x.partial", ".sub/x.partial"])
def test_only_unfinished_files_are_deleted_as_such(tmp_path: Path, name: str) -> None:
    put(tmp_path, "1_db.sql")
    put(tmp_path, "notes.txt")
    with pytest.raises(InvalidBackupName):
        delete_partial(str(tmp_path), name)
    assert len(os.listdir(tmp_path)) == 2


def test_a_link_with_the_name_of_an_unfinished_file_stays(tmp_path: Path) -> None:
    put(tmp_path, "notes.txt")
    (tmp_path / ".1_db.sql.partial").symlink_to("notes.txt")
    (tmp_path / ".2_db.sql.partial").mkdir()
    for name in (".1_db.sql.partial", ".2_db.sql.partial"):
        with pytest.raises(BackupNotFound):
            delete_partial(str(tmp_path), name)
    assert len(os.listdir(tmp_path)) == 3


def test_kinds_that_come_together_are_listed_but_rolled_back_by_nobody(tmp_path: Path) -> None:
    put(tmp_path, "1_snapshot.tgz")
    assert find_any_backup(str(tmp_path), "1_snapshot.tgz").kind is None
    with pytest.raises(InvalidBackupName):
        find_backup(str(tmp_path), "1_snapshot.tgz", Kind.CODE)


def _with_index(directory: Path, content: bytes = b"an index", **changes: str) -> None:
    put(directory, "200_db.sql", verified=True)
    place = directory / index_name("200_db.sql")
    place.write_bytes(content)
    place.chmod(0o600)
    with open_backups(str(directory)) as held:
        manifest = find_manifest(held, "200_db.sql").manifest
        assert manifest is not None
        digest = changes.get("index_sha256", hashlib.sha256(content).hexdigest())
        write_manifest(held, structs.replace(manifest, index_sha256=digest))


def test_an_index_lies_and_goes_with_its_backup(tmp_path: Path) -> None:
    _with_index(tmp_path)
    (tmp_path / index_name("300_db.sql")).write_bytes(b"of no backup")
    assert list_backups(str(tmp_path)).unknown == (index_name("300_db.sql"),)
    delete_backup(str(tmp_path), "200_db.sql")
    assert sorted(os.listdir(tmp_path)) == [index_name("300_db.sql")]


def test_an_unfinished_index_is_part_of_its_unfinished_backup(tmp_path: Path) -> None:
    both = [partial_name("200_db.sql"), partial_name(index_name("200_db.sql"))]
    for name in both:
        (tmp_path / name).write_bytes(b"begun")
    assert [one.file_name for one in list_backups(str(tmp_path)).partial] == both[:1]
    delete_partial(str(tmp_path), both[0])
    assert os.listdir(tmp_path) == []
    (tmp_path / both[1]).write_bytes(b"left alone")
    assert [one.file_name for one in list_backups(str(tmp_path)).partial] == both[1:]


def test_an_index_is_believed_by_its_manifest_only(tmp_path: Path) -> None:
    _with_index(tmp_path)
    place = tmp_path / index_name("200_db.sql")

    def opened() -> int | str:
        return open_index(find_any_backup(str(tmp_path), "200_db.sql"))

    fd = opened()
    assert isinstance(fd, int)
    os.close(fd)
    place.chmod(0o604)
    assert "is open to other accounts" in str(opened())
    place.chmod(0o600)
    place.write_bytes(b"another index")
    assert opened() == "its index is not the one of its manifest"
    place.unlink()
    assert opened() == "its index is missing"
    place.symlink_to(tmp_path / "200_db.sql")
    assert "is a link" in str(opened())
    place.unlink()
    os.mkfifo(place, 0o600)
    assert "is a pipe" in str(opened())
    (tmp_path / manifest_name("200_db.sql")).unlink()
    assert opened() == "it has no manifest of ours"


def test_dumps_of_others_and_labelled_backups_are_sets_of_their_own(tmp_path: Path) -> None:
    ours = [f"{1_700_000_000}_{rest}" for rest in ("filesystem.tgz", "db.sql")]
    theirs = ["shop-2023-11-14_221320.sql", "other-2023-11-14_221320.sql.gz"]
    labelled = ["1700000000_db_before_launch.sql", "1700000000_filesystem_media_before_launch.tgz"]
    for name in (*ours, *theirs, *labelled):
        put(tmp_path, name)
    listing = list_backups(str(tmp_path))
    assert {one.timestamp for one in listing.sets} == {1_700_000_000}
    found = {one.key: {backup.name.text for backup in one.backups} for one in listing.sets}
    assert found == {
        "1700000000": {*ours},
        "1700000000_before_launch": {*labelled},
        theirs[0]: {theirs[0]},
        theirs[1]: {theirs[1]},
    }
    assert find_set(str(tmp_path), "1700000000").key == "1700000000"
    assert find_set(str(tmp_path), theirs[1]).key == theirs[1]
    for name in ours:
        delete_backup(str(tmp_path), name)
    with pytest.raises(InvalidBackupName, match="3 sets of backups are of the second") as refused:
        find_set(str(tmp_path), "1700000000")
    assert theirs[0] in str(refused.value.hint)


@pytest.mark.parametrize("time_s", [-99_999_999_999, 99_999_999_999_999])
def test_a_file_of_any_time_has_one_that_a_calendar_may_have(tmp_path: Path, time_s: int) -> None:
    put(tmp_path, "dump.sql")
    os.utime(tmp_path / "dump.sql", (time_s, time_s))
    (found,) = list_backups(str(tmp_path)).sets
    assert found.timestamp == (0 if time_s < 0 else 999_999_999_999)
    now_s = 1_700_000_000.0
    candidate = Candidate(id="a", time_s=found.timestamp, kinds={"db": SoundState.UNCHECKED})
    (decided,) = decide([candidate], RetentionPolicy(last=1, monthly=2), now_s=now_s)
    assert decided.keep
