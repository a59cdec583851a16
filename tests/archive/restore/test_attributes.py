"""Properties of an entry besides its content: extended attributes, ACLs and its owner."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.archive.restore.stage import stage_files
from core.archive.restore.swap import swap_files
from core.archive.restore.write_entry import EntryMetadata, write_file
from tests.archive.trees import layout, plan, put, write

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_NOBODY_IN_PARTICULAR = 0xFFFFFFFF
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 1, 2, 4, 16, 32
ANOTHER = 33  # an account of a web server, say


def acl(*entries: tuple[int, int, int]) -> bytes:
    """Return an ACL as the kernel has it: (tag, permissions, number of the account)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


SHARED = acl(
    (_USER_OBJ, 7, _NOBODY_IN_PARTICULAR),
    (_USER, 7, ANOTHER),
    (_GROUP_OBJ, 5, _NOBODY_IN_PARTICULAR),
    (_MASK, 7, _NOBODY_IN_PARTICULAR),
    (_OTHER, 5, _NOBODY_IN_PARTICULAR),
)


def set_or_skip(path: str, name: str, value: bytes) -> None:
    """Set an extended attribute, where the file system has such things."""
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"no {name} on this file system: {error.strerror}")


def attributes(path: str) -> dict[str, bytes]:
    """Return the extended attributes of a path that a backup keeps."""
    return {
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in os.listxattr(path, follow_symlinks=False)
        if name.startswith(("user.", "system.posix_acl"))
    }


def test_attributes_and_acls_of_directories_come_back(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    for name in ("shared", "shared/in it", "noted"):
        os.mkdir(f"{base}/{name}")
        put(f"{base}/{name}/file")
    set_or_skip(base + "/noted", "user.note", b"\0text\xff")
    set_or_skip(base + "/shared", DEFAULT, SHARED)
    set_or_skip(base + "/shared", ACCESS, SHARED)
    paths = [
        os.path.join(top, name) for top, *both in os.walk(base) for some in both for name in some
    ]
    wanted = {path: (attributes(path), os.lstat(path).st_mode) for path in paths}
    summary = write(shop.code, tmp_path / "a.tgz")
    shutil.rmtree(base + "/shared")
    shutil.rmtree(base + "/noted")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    assert {path: (attributes(path), os.lstat(path).st_mode) for path in paths} == wanted


def test_the_default_acl_of_var_does_not_get_into_the_code(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    os.rmdir(shop.state)
    set_or_skip(shop.var, DEFAULT, SHARED)
    os.mkdir(shop.state)
    os.chmod(shop.state, 0o700)
    os.mkdir(base + "/lib")
    put(base + "/lib/file")
    put(base + "/file")
    summary = write(shop.code, tmp_path / "a.tgz")
    shutil.rmtree(base + "/lib")
    put(base + "/file", b"damaged")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    for path in ("/lib", "/lib/file", "/file"):
        assert attributes(base + path) == {}, path


NAMELESS = 54321


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_store_of_an_account_without_a_name_gets_its_files_back(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    put(base + "/replaced")
    put(base + "/gone")
    put(base + "/taken")
    os.symlink("/nowhere", base + "/link")
    for path in ("", "/replaced", "/gone", "/taken", "/link"):
        os.lchown(base + path, NAMELESS, NAMELESS)
    summary = write(shop.code, tmp_path / "a.tgz")
    for path in ("/replaced", "/gone", "/link"):
        os.unlink(base + path)
    put(base + "/replaced", b"by root, who mended it in a hurry")
    put(base + "/link", b"by root")
    os.lchown(base + "/taken", 0, 0)
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    for path in ("/replaced", "/gone", "/taken", "/link"):
        status = os.lstat(base + path)
        assert (status.st_uid, status.st_gid) == (NAMELESS, NAMELESS), path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_account_that_is_not_here_leaves_nothing_with_root(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    put(base + "/file")
    os.lchown(base + "/file", NAMELESS + 1, NAMELESS + 1)  # no account, and not the store's
    os.lchown(base, NAMELESS, NAMELESS)
    summary = write(shop.code, tmp_path / "a.tgz")
    os.unlink(base + "/file")
    put(base + "/file", b"by root")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    status = os.lstat(base + "/file")
    assert (status.st_uid, status.st_gid) == (NAMELESS, NAMELESS)


def as_member(uid: int, groups: list[int], work: Callable[[], None]) -> None:
    """Do some work in a child of an account that is in these groups; its own comes first."""
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            os.setgroups(groups)
            os.setresgid(groups[0], groups[0], groups[0])
            os.setresuid(uid, uid, uid)
            work()
            status = 0
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that other accounts can reach, which tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="magerewind-test-") as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_the_group_of_the_web_server_comes_back(open_place: Path) -> None:
    shop = layout(open_place / "shop")
    base = shop.root
    os.mkdir(base + "/generated")
    for path in ("/generated/gone", "/replaced", "/foreign", "/mode"):
        put(base + path)
    os.symlink("/nowhere", base + "/link")
    for top, directories, files in os.walk(base):
        for name in (".", *directories, *files):
            os.lchown(os.path.join(top, name), NAMELESS, ANOTHER)
    os.chmod(base + "/generated", 0o2775)
    os.lchown(base + "/foreign", NAMELESS, NAMELESS + 7)  # a group that the account is not in
    os.lchown(base + "/mode", NAMELESS, NAMELESS + 7)

    def work() -> None:
        summary = write(shop.code, open_place / "a.tgz")
        shutil.rmtree(base + "/generated")
        for path in ("/replaced", "/foreign", "/link"):
            os.unlink(base + path)
        put(base + "/replaced", b"damaged")
        os.chmod(base + "/mode", 0o600)
        swap_files(stage_files(plan(open_place / "a.tgz", shop, summary), job_id="j"))

    as_member(NAMELESS, [NAMELESS, ANOTHER], work)
    for path in ("/generated", "/generated/gone", "/replaced", "/link", "/foreign"):
        status = os.lstat(base + path)
        assert (status.st_uid, status.st_gid) == (NAMELESS, ANOTHER), path
    assert os.stat(base + "/mode").st_gid == NAMELESS + 7
    assert os.stat(base + "/generated").st_mode & 0o7777 == 0o2775


@pytest.mark.parametrize("exact", [False, True])
def test_an_ordinary_account_keeps_the_attributes_of_a_file_that_it_may_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    """Root may set them at any time, so the order shows the effect."""
    order: list[str] = []
    chmod, setxattr = os.fchmod, os.setxattr

    def changed(fd: int, mode: int) -> None:
        order.append("mode")
        chmod(fd, mode)

    def set_one(fd: int, name: bytes, value: bytes) -> None:
        order.append(name.decode())
        if name.startswith(b"user."):
            assert os.fstat(fd).st_mode & 0o200
            setxattr(fd, name, value)

    monkeypatch.setattr(os, "fchmod", changed)
    monkeypatch.setattr(os, "setxattr", set_one)
    fd = os.open(tmp_path, os.O_RDONLY)
    xattrs = {b"system.posix_acl_access": b"", b"user.origin": b"here"}
    how = EntryMetadata(-1, -1, 0o444, 0)
    write_file(fd, b"file", 1, (b"x",), how, xattrs=xattrs, flush=False, exact=exact)
    os.close(fd)
    assert order == ["user.origin", "mode", "system.posix_acl_access"]
    assert os.stat(tmp_path / "file").st_mode & 0o777 == 0o444
    assert os.getxattr(tmp_path / "file", b"user.origin") == b"here"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives capabilities")
def test_an_ordinary_account_is_told_of_capabilities_before_anything_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = layout(tmp_path / "shop")
    put(shop.root + "/able")
    put(shop.root + "/plain")
    os.setxattr(shop.root + "/able", "security.capability", struct.pack("<5I", 2 << 24, 1, 0, 0, 0))
    summary = write(shop.code, tmp_path / "a.tgz")
    os.unlink(shop.root + "/able")
    os.unlink(shop.root + "/plain")
    assert plan(tmp_path / "a.tgz", shop, summary).unrestorable == ()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("core.owned_files.why_foreign", lambda *_status, **_limits: "")
    told = plan(tmp_path / "a.tgz", shop, summary).unrestorable
    assert [one for one in told if "capabilities" in one] == ["able: capabilities"]
