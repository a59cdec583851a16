"""A journal is on disk when `append` returns, and a torn end of it is no record."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import durable
from core.database.schema.records import TablesStaging
from core.errors import StorageError
from core.events import Kind, Operation, Outcome
from core.journal import Journal, newest, read_journal
from core.operations.records import Begin, Committed, End, SwapBegun


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "journal.jsonl")


def test_records_come_back_in_order_with_odd_text(path):
    journal = Journal.create(path)
    journal.append("begin", names=["caf\udce9", "é", "\n"])
    journal.append("end")
    records = read_journal(path)
    assert [(record.seq, record.kind) for record in records] == [(0, "begin"), (1, "end")]
    assert records[0].payload == {"names": ["caf\udce9", "é", "\n"]}
    assert journal.has(End)
    assert not journal.has(Committed)
    journal.close()


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            Begin(
                operation=Operation.BACKUP, kinds=(Kind.CODE, Kind.DB), host="h", boot_id="b",
                pid=7, user="u", began_s=1.5, root="/shop",
            ),
            (
                b'[0, "begin", {"operation": "backup", "kinds": ["code", "db"], "host": "h", '
                b'"boot_id": "b", "pid": 7, "user": "u", "began_s": 1.5, "root": "/shop"}]'
            ),
        ),
        (SwapBegun(kind=Kind.MEDIA), b'[0, "swap-begin", {"kind": "media"}]'),
        (Committed(at_s=2.0), b'[0, "commit", {"at_s": 2.0}]'),
        (End(outcome=Outcome.DONE), b'[0, "end", {"outcome": "done"}]'),
        (
            TablesStaging(short="ab", schema="s", tables={"t": "_mrs_1"}),
            b'[0, "tables.staging", {"short": "ab", "schema": "s", "tables": {"t": "_mrs_1"}}]',
        ),
    ],
)  # fmt: skip
def test_a_typed_record_is_its_line_and_comes_back(path, record, line):
    """The bytes are a format: a job may be recovered by another version."""
    journal = Journal.create(path)
    journal.write(record)
    journal.close()
    with open(path, "rb") as file:
        assert file.read().partition(b" ")[2] == line + b"\n"
    assert newest(read_journal(path), type(record)) == record


@pytest.mark.parametrize(
    "payload", [{}, {"at_s": "1"}, {"at_s": None}, {"at_s": True}, {"at_s": [1]}]
)
def test_a_record_of_other_types_is_refused(path, payload):
    journal = Journal.create(path)
    journal.append("commit", **payload)
    with pytest.raises(StorageError, match="broken record commit"):
        journal.newest(Committed)
    journal.close()


def test_a_missing_journal_has_no_records(path):
    assert read_journal(path) == ()


def test_an_existing_journal_is_never_overwritten(path):
    Journal.create(path).close()
    with pytest.raises(StorageError):
        Journal.create(path)


@given(cut=st.integers(0, 400))
def test_any_prefix_is_a_valid_journal_and_can_be_resumed(tmp_path_factory, cut):
    directory = tmp_path_factory.mktemp("journal")
    path = str(directory / "journal.jsonl")
    journal = Journal.create(path)
    for number in range(6):
        journal.append("step", number=number, text="x" * 20)
    journal.close()
    content = (directory / "journal.jsonl").read_bytes()
    (directory / "journal.jsonl").write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    assert [record.payload["number"] for record in read_journal(path)] == list(range(whole))
    resumed = Journal.resume(path)
    resumed.append("after")
    resumed.close()
    assert [record.seq for record in read_journal(path)] == list(range(whole + 1))


def test_damage_before_the_end_is_an_error_not_a_shorter_journal(path):
    journal = Journal.create(path)
    for number in range(3):
        journal.append("step", number=number)
    journal.close()
    with open(path, "rb+") as file:
        file.seek(15)
        file.write(b"#")
    with pytest.raises(StorageError, match="damaged in line 1"):
        read_journal(path)


def test_each_record_is_flushed_before_append_returns(path, monkeypatch):
    calls = []
    real = os.fsync
    monkeypatch.setattr(durable.os, "fsync", lambda fd: (calls.append(fd), real(fd))[1])
    journal = Journal.create(path)
    created = len(calls)
    assert created == 1  # the directory
    journal.append("begin")
    assert len(calls) == created + 1
    journal.close()


def test_what_is_cut_off_stays_cut_off(path, monkeypatch):
    journal = Journal.create(path)
    journal.append("begin")
    journal.close()
    with open(path, "ab") as file:
        file.write(b"00000000 torn")
    lengths = []
    monkeypatch.setattr(durable.os, "fsync", lambda fd: lengths.append(os.fstat(fd).st_size))
    whole = os.path.getsize(path) - len(b"00000000 torn")
    Journal.resume(path).close()
    assert lengths == [whole]


def test_a_record_that_could_not_be_flushed_is_taken_back(path, monkeypatch):
    journal = Journal.create(path)
    journal.append("begin")
    answers = iter([OSError(5, "Input/output error"), None])

    def failing(fd):
        answer = next(answers)
        if answer is not None:
            raise answer

    with monkeypatch.context() as patched:
        patched.setattr(durable.os, "fsync", failing)
        with pytest.raises(StorageError, match="Input/output error"):
            journal.append("commit")
    assert not journal.broken
    assert [record.kind for record in read_journal(path)] == ["begin"]
    journal.append("opened")
    journal.close()
    assert [record.kind for record in read_journal(path)] == ["begin", "opened"]


def test_a_disk_that_stays_broken_leaves_the_journal_marked(path, monkeypatch):
    journal = Journal.create(path)
    journal.append("begin")

    def failing(fd):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(durable.os, "fsync", failing)
        with pytest.raises(StorageError):
            journal.append("commit")
    assert journal.broken
    journal.close()
