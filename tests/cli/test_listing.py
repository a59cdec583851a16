import json
from pathlib import Path

import pytest

from core.backups.catalog import list_backups
from core.backups.manifest import Manifest, write_manifest
from core.backups.place import open_backups
from core.backups.remarks import NOTE_LIMIT
from core.cli.backup_request import refuse_long_note
from core.cli.listing import job_lines, listing_json, listing_lines
from core.cli.tables import table
from core.errors import UsageError
from core.events import Kind, Operation, Outcome
from core.jobs.listing import JobSummary

NOW = 1763869000.0 + 3 * 3600


def put(directory: Path, name: str, *, note: str | None = None) -> None:
    (directory / name).write_bytes(b"content")
    if note is not None:
        manifest = Manifest(
            file_name=name,
            kind=Kind.DB,
            timestamp=1763869000,
            size_bytes=7,
            sha256="",
            made_by="magerewind 0",
            host="h",
            root="/",
            created="",
            elapsed_s=1.0,
            verified=True,
            note=note,
        )
        write_manifest(open_backups(str(directory)), manifest)


def test_a_table_is_magentos() -> None:
    assert list(table(["A", "Bcd"], [["1", "x"], ["价格", "yy"]], right=frozenset({1}))) == [
        "+------+-----+",
        "| A    | Bcd |",
        "+------+-----+",
        "| 1    |   x |",
        "| 价格 |  yy |",
        "+------+-----+",
    ]


def test_an_empty_list_has_magentos_sentence(tmp_path: Path) -> None:
    assert list(listing_lines(list_backups(str(tmp_path)), NOW)) == ["No backup files found."]


def test_the_list_begins_as_magentos_and_says_more(tmp_path: Path) -> None:
    put(tmp_path, "1763869000_db.sql", note="before \x1b")
    put(tmp_path, "1763869000_filesystem.tgz")
    lines = list(listing_lines(list_backups(str(tmp_path)), NOW))
    assert lines[0] == f"Showing backup files in {tmp_path}."
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "Backup Filename",
        "Backup Type",
        "Date",
        "Age",
        "Size",
        "Health",
        "Note",
    ]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[4:6]]
    assert [(row[0], row[1], row[3], row[4], row[5], row[6]) for row in rows] == [
        ("1763869000_filesystem.tgz", "code", "3 hours ago", "7 Bytes", "unverified", ""),
        ("1763869000_db.sql", "db", "3 hours ago", "7 Bytes", "verified", "before \\x1b"),
    ]


def test_what_is_no_backup_is_named_at_the_end(tmp_path: Path) -> None:
    put(tmp_path, "1763869000_db.sql", note="")
    put(tmp_path, ".1_db.sql.partial")
    put(tmp_path, "evil\x1b]0;x\x07.txt")
    (tmp_path / "1763869000_db.sql").write_bytes(b"cut")
    lines = list(listing_lines(list_backups(str(tmp_path)), NOW))
    assert "Note" not in lines[2]
    assert lines[-3:] == [
        "1763869000_db.sql: the file has 3 bytes, and the manifest says 7",
        "Unfinished: .1_db.sql.partial (7 Bytes)",
        "Not backups: evil\\x1b]0;x\\x07.txt",
    ]


def test_json_has_every_entry_and_no_words(tmp_path: Path) -> None:
    put(tmp_path, "1763869000_db.sql", note="n")
    put(tmp_path, "caf\udce9")
    rows = [json.loads(json.dumps(row)) for row in listing_json(list_backups(str(tmp_path)))]
    assert rows[0]["type"] == "Backup"
    assert rows[0]["kind"] == "db"
    assert rows[0]["size_bytes"] == 7
    assert rows[0]["health"] == "verified"
    assert rows[1] == {
        "type": "UnknownFile",
        "file_name": {"text": "caf\\xe9", "b64": "Y2Fm6Q=="},
    }


def summary(**changes: object) -> JobSummary:
    values: dict[str, object] = {
        "job_id": "20261123-031500-1a2b",
        "operation": Operation.ROLLBACK,
        "kinds": (Kind.CODE, Kind.DB),
        "began_s": NOW - 60,
        "host": "web1",
        "user": "deploy\x1b",
        "pid": 1,
    }
    return JobSummary(**(values | changes))  # type: ignore[arg-type]


def test_jobs_are_listed_with_how_they_stand() -> None:
    lines = list(
        job_lines(
            (
                summary(running=True),
                summary(interrupted=True),
                summary(outcome=Outcome.DONE, elapsed_s=75.0, undo_kept=True, undo_bytes=10**6),
            ),
            NOW,
        )
    )
    assert "running" in lines[3]
    assert "INTERRUPTED" in lines[4]
    assert "done" in lines[5]
    assert "0:01:15" in lines[5]
    assert "1.0 MB" in lines[5]
    assert "deploy\\x1b@web1" in lines[3]
    assert list(job_lines((), NOW)) == ["No job has run on this store yet."]


def test_a_foreign_name_is_no_note_and_a_lone_manifest_belongs_to_a_backup(tmp_path: Path) -> None:
    put(tmp_path, "shop-2025-11-23_before_update.sql")
    put(tmp_path, ".1763869000_filesystem.tgz.manifest.json")
    put(tmp_path, ".1763869000_db.sql.index")
    put(tmp_path, ".x.index")
    lines = list(listing_lines(list_backups(str(tmp_path)), NOW))
    assert "Note" not in lines[2]
    left = ".1763869000_db.sql.index, .1763869000_filesystem.tgz.manifest.json"
    assert lines[-2:] == [f"Left of backups that are not here: {left}", "Not backups: .x.index"]
    rows = list(listing_json(list_backups(str(tmp_path))))
    assert [row["left_of"] for row in rows if "left_of" in row] == [
        "1763869000_db.sql",
        "1763869000_filesystem.tgz",
    ]


def test_a_long_note_is_refused_and_makes_no_table_wide(tmp_path: Path) -> None:
    for text in (None, "n" * NOTE_LIMIT):
        refuse_long_note(text)
    with pytest.raises(UsageError, match="at most 1000 letters; this one has 1001"):
        refuse_long_note("n" * (NOTE_LIMIT + 1))
    put(tmp_path, "1763869000_db.sql", note="a" * 500 + "z" * 500)  # of an older version
    lines = list(listing_lines(list_backups(str(tmp_path)), NOW))
    assert max(map(len, lines)) < 280
    assert any("aaa...zzz" in line for line in lines)
