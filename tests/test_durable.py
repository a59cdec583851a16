"""Files that must survive: the order of write, fsync, rename and fsync of the directory."""

import errno
import os

import pytest

from core import durable
from core.durable import PartialFile, partial_file, rename_noreplace, write_file
from core.errors import DiskFull, ForeignState, StorageError


class Recorder:
    """Notes the calls that decide the state after a crash, in order."""

    def __init__(self, monkeypatch):
        self.calls = []
        for name in ("write", "fsync", "rename"):
            self._wrap(monkeypatch, name)
        real = durable.rename_noreplace

        def noreplace(source, target, **keywords):
            self.calls.append("rename")
            return real(source, target, **keywords)

        monkeypatch.setattr(durable, "rename_noreplace", noreplace)

    def _wrap(self, monkeypatch, name):
        real = getattr(os, name)

        def recorded(*arguments, **keywords):
            what = name
            if name == "fsync" and os.path.isdir(f"/proc/self/fd/{arguments[0]}"):
                what = "fsync directory"
            self.calls.append(what)
            return real(*arguments, **keywords)

        monkeypatch.setattr(durable.os, name, recorded)


def test_write_file_flushes_before_it_renames_and_the_directory_after(tmp_path, monkeypatch):
    recorder = Recorder(monkeypatch)
    write_file(str(tmp_path / "result.json"), b"{}")
    assert recorder.calls == ["write", "fsync", "rename", "fsync directory"]
    assert (tmp_path / "result.json").read_bytes() == b"{}"
    assert os.stat(tmp_path / "result.json").st_mode & 0o777 == 0o600


def test_a_directory_is_flushed_with_its_mode_and_then_its_name(tmp_path, monkeypatch):
    flushed = []
    real = os.fsync

    def noted(fd):
        flushed.append(os.readlink(f"/proc/self/fd/{fd}"))
        return real(fd)

    monkeypatch.setattr(durable.os, "fsync", noted)
    durable.make_directory(str(tmp_path / "jobs"))
    assert flushed == [str(tmp_path / "jobs"), str(tmp_path)]
    assert os.stat(tmp_path / "jobs").st_mode & 0o777 == 0o700


def test_a_partial_file_gets_its_name_only_by_commit(tmp_path, monkeypatch):
    recorder = Recorder(monkeypatch)
    with partial_file(str(tmp_path), "1_db.sql") as partial:
        os.write(partial.fd, b"rows")
        assert os.listdir(tmp_path) == [".1_db.sql.partial"]
        partial.commit()
    assert recorder.calls == ["write", "fsync", "rename", "fsync directory"]
    assert os.listdir(tmp_path) == ["1_db.sql"]


def test_an_error_removes_the_partial_file(tmp_path):
    with pytest.raises(RuntimeError), partial_file(str(tmp_path), "1_db.sql"):
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_commit_never_replaces_a_backup(tmp_path):
    (tmp_path / "1_db.sql").write_bytes(b"old")
    with pytest.raises(StorageError), partial_file(str(tmp_path), "1_db.sql") as partial:
        partial.commit()
    assert (tmp_path / "1_db.sql").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["1_db.sql"]


def test_a_failed_flush_is_final(tmp_path, monkeypatch):
    def failing(fd):
        raise OSError(errno.EIO, "Input/output error")

    partial = PartialFile(str(tmp_path), "1_db.sql")
    monkeypatch.setattr(durable.os, "fsync", failing)
    with pytest.raises(StorageError, match="Input/output"):
        partial.commit()
    partial.abandon()
    assert os.listdir(tmp_path) == []


def refuse_to_remove(monkeypatch):
    """Let the directory behave as an append-only one, which even root cannot remove files from."""

    def refusing(path, **_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)

    monkeypatch.setattr(durable.os, "unlink", refusing)


def test_what_cannot_be_removed_does_not_hide_what_went_wrong(tmp_path, monkeypatch):
    refuse_to_remove(monkeypatch)
    with pytest.raises(RuntimeError, match="the cause"), partial_file(str(tmp_path), "1_db.sql"):
        raise RuntimeError("the cause")


def test_what_cannot_be_removed_is_named(tmp_path, monkeypatch):
    refuse_to_remove(monkeypatch)
    path = tmp_path / ".1_db.sql.partial"
    message = f"^Failed while removing {path}: Operation not permitted$"
    with pytest.raises(StorageError, match=message):
        PartialFile(str(tmp_path), "1_db.sql").abandon()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_apart(tmp_path, monkeypatch, code):
    def failing(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(durable.os, "write", failing)
    with pytest.raises(DiskFull):
        write_file(str(tmp_path / "result.json"), b"{}")
    monkeypatch.undo()
    assert os.listdir(tmp_path) == []


def test_rename_never_buries_what_has_the_name(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(FileExistsError):
        rename_noreplace(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "b"
    rename_noreplace(str(tmp_path / "a"), str(tmp_path / "c"))
    assert sorted(os.listdir(tmp_path)) == ["b", "c"]


def test_rename_without_the_kernels_help_still_never_buries(tmp_path, monkeypatch):
    class Refusing:
        @staticmethod
        def renameat2(*_):
            durable.ctypes.set_errno(errno.EINVAL)
            return -1

    monkeypatch.setattr(durable, "_libc", Refusing)
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        rename_noreplace(str(tmp_path / "a"), str(tmp_path / "b"))
    rename_noreplace(str(tmp_path / "a"), str(tmp_path / "c"))
    assert sorted(os.listdir(tmp_path)) == ["b", "c"]


def test_links_in_the_place_of_a_new_file_are_not_followed(tmp_path):
    (tmp_path / "victim").write_text("safe")
    (tmp_path / ".1_db.sql.partial").symlink_to(tmp_path / "victim")
    with pytest.raises(StorageError):
        PartialFile(str(tmp_path), "1_db.sql")
    assert (tmp_path / "victim").read_text() == "safe"


def test_a_directory_is_not_taken_from_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(ForeignState, match="link is a link: nothing of it is used"):
        durable.make_directory(str(tmp_path / "link"))
