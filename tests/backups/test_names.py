import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backups.names import (
    FOREIGN,
    Naming,
    manifest_name,
    new_name,
    parse_name,
    rollback_name,
)
from core.compression import OF_DUMPS, Compression
from core.errors import InvalidBackupName
from core.events import Kind


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Kind.CODE, "1763869000_filesystem.tgz"),
        (Kind.MEDIA, "1763869000_filesystem_media.tgz"),
        (Kind.DB, "1763869000_db.sql"),
    ],
)
def test_new_names_are_the_documented_ones(kind: Kind, name: str) -> None:
    assert new_name(1763869000, kind) == name
    assert rollback_name(name, kind).timestamp == 1763869000


@pytest.mark.parametrize(
    ("text", "kind", "variant", "label"),
    [
        ("1_filesystem.tgz", Kind.CODE, "filesystem", ""),
        ("1763869000_filesystem_code.tgz", Kind.CODE, "filesystem_code", ""),
        ("1763869000_filesystem_media.tgz", Kind.MEDIA, "filesystem_media", ""),
        ("1763869000_db.sql", Kind.DB, "db", ""),
        ("1763869000_db_before_upgrade.sql", Kind.DB, "db", "before_upgrade"),
        ("1763869000_db.gz", Kind.DB, "db", ""),
        ("1763869000_db_my_own_name.gz", Kind.DB, "db", "my_own_name"),
        ("1763869000_db.sql.gz", Kind.DB, "db", ""),
        ("1763869000_db.sql.zst", Kind.DB, "db", ""),
        ("1763869000_db_my_own_name.zst", Kind.DB, "db", "my_own_name"),
        ("1763869000_snapshot_weekly.tgz", None, "snapshot", "weekly"),
        ("1763869000_nomedia.tgz", None, "nomedia", ""),
        ("1763869000_media_x.tgz", None, "media", "x"),
    ],
)
def test_what_magento_writes_and_has_written_is_read(
    text: str, kind: Kind | None, variant: str, label: str
) -> None:
    name = parse_name(text)
    assert name is not None
    assert (name.kind, name.variant, name.label) == (kind, variant, label)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".sql",
        "-db.sql",
        "db.sql.bz2",
        "db.gz",
        "shöp.sql",
        "1763869000_db.sql\n",
        " 1763869000_db.sql",
        "1763869000_db.sqlx",
        "1763869000_db sql",
        "1763869000_filesystem_theme.tgz",
        "1763869000_filesystem.zip",
        "../1763869000_db.sql",
        "a/1763869000_db.sql",
        "=1763869000_db.sql",
        ".1763869000_db.sql.partial",
        "١٧٦٣٨٦٩٠٠٠_db.sql",
        "1763869000_db_a\x1b[2J.sql",
        "~tmp-1763869000.1.tar",
    ],
)
def test_anything_else_is_not_a_backup(text: str) -> None:
    assert parse_name(text) is None


@pytest.mark.parametrize(
    ("text", "kind", "hint"),
    [
        ("1763869000_db.sql", Kind.CODE, "DB backup, and a code backup is asked for"),
        ("1763869000_filesystem_media.tgz", Kind.CODE, "media backup"),
        ("1763869000_filesystem.tgz", Kind.DB, "code backup"),
        ("1763869000_snapshot.tgz", Kind.CODE, "several kinds"),
        ("../x", Kind.DB, "base name"),
        ("/etc/passwd", Kind.DB, "base name"),
        ("..", Kind.DB, "base name"),
        ("", Kind.DB, "base name"),
        ("a\0b", Kind.DB, "base name"),
        ("=1763869000_filesystem.tgz", Kind.CODE, "-c NAME"),
        (".1763869000_db.sql.partial", Kind.DB, "unfinished"),
        ("backup.dump", Kind.DB, "such as 1700000000_db.sql"),
        ("backup.sql.gz", Kind.CODE, "DB backup, and a code backup is asked for"),
    ],
)
def test_a_rollback_takes_the_name_of_its_kind_only(text: str, kind: Kind, hint: str) -> None:
    with pytest.raises(InvalidBackupName) as caught:
        rollback_name(text, kind)
    assert caught.value.message.startswith(
        "The rollback file is invalid. Verify the file and try again."
    )
    assert caught.value.hint is not None
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("magento.sql", 0),  # of n98-magerun2 db:dump, named after the schema
        ("magento_2025-11-23_031640.sql.gz", 1763867800),  # its --add-time=suffix
        ("2025-11-23_031640_magento.sql.zst", 1763867800),
        ("db.sql.gz", 0),  # of ddev export-db
        ("shop-20251123.sql", 1763856000),
        ("shop-20251123T031640Z.sql.zst", 1763867800),
        ("shop-20251399.sql", 0),
        ("1763869000-db.sql", 0),
        ("a.b.sql", 0),
    ],
)
def test_dumps_that_other_programs_have_named_are_read(text: str, time: int) -> None:
    name = rollback_name(text, Kind.DB)
    assert (name.kind, name.variant, name.timestamp) == (Kind.DB, FOREIGN, time)


def test_a_manifest_is_hidden_from_magento() -> None:
    # Magento's list takes the part of a name before its first dot: here, nothing.
    assert manifest_name("1_db.sql").partition(".")[0] == ""


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_none_and_never_a_path(text: str) -> None:
    name = parse_name(text)
    if name is not None:
        assert name.text == text
        assert "/" not in text
        assert text[0] not in ".-="


def test_magentos_names_differ_for_the_code_only() -> None:
    names = {kind: new_name(1, kind, Naming.MAGENTO) for kind in Kind}
    assert names.pop(Kind.CODE) == "1_filesystem_code.tgz"
    assert names == {kind: new_name(1, kind) for kind in (Kind.MEDIA, Kind.DB)}


@given(st.integers(0, 10**12 - 1), st.sampled_from(list(Kind)), st.sampled_from(OF_DUMPS))
def test_new_names_are_read_back(timestamp: int, kind: Kind, compress: Compression) -> None:
    name = parse_name(new_name(timestamp, kind, compress=compress))
    assert name is not None
    assert (name.timestamp, name.kind) == (timestamp, kind)
