"""Attacks by an archive: each is refused before anything is written."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.archive.restore.stage import remove_stage, stage_files
from core.archive.restore.swap import swap_files
from core.archive.tar.verify import verify_archive
from core.errors import DamagedBackup, HostileArchive, MagerewindError
from tests.archive.trees import Layout, layout, plan, put, tree_hash, write

Builder = Callable[[tarfile.TarFile], None]


def member(name: str, kind: bytes = tarfile.REGTYPE, **rest: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = 0o644
    for key, value in rest.items():
        setattr(info, key, value)
    return info


def build(path: Path, *infos: tarfile.TarInfo, form: int = tarfile.GNU_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=form) as tar:
        for info in infos:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return path


DIR, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
LONG = "d" * 247
DEEP = "/".join([LONG] * 8)

ZOO: dict[str, tuple[tarfile.TarInfo, ...]] = {
    "absolute path": (member("/etc/cron.d/x"),),
    "parent path (CVE-2007-4559)": (member("../x"),),
    "parent path inside": (member("a/../../x"),),
    "parent path that comes back": (member("a/../b"),),
    "component too long": (member("n" * 256),),
    "path too long": (member("/".join(["n" * 250] * 20_000)),),
    "link to an absolute path": (member("l", LINK, linkname="/etc/passwd"),),
    "link to the outside": (member("a", DIR), member("a/l", LINK, linkname="../../x")),
    "link that climbs through another (CVE-2025-4517)": (
        member("deep", DIR),
        member("deep/l", LINK, linkname=".."),
        member("out", LINK, linkname="deep/l/../.."),
    ),
    "link chain longer than PATH_MAX (CVE-2025-4330)": (
        member("a", LINK, linkname=DEEP + "/.." * 20),
        member("a/x"),
    ),
    "writing through a link": (member("l", LINK, linkname="app"), member("l/x")),
    "writing through a link to the outside (CVE-2025-4138)": (
        member("l", LINK, linkname=".."),
        member("l/x"),
    ),
    "a link made a directory afterwards (CVE-2025-45582)": (
        member("l", LINK, linkname="app"),
        member("l", DIR),
        member("l/x"),
    ),
    "a directory made a link afterwards": (
        member("l", DIR),
        member("l/x"),
        member("l", LINK, linkname="app"),
    ),
    "an implied directory made a link": (
        member("l/x"),
        member("l", LINK, linkname="app"),
        member("l/y"),
    ),
    "writing below a file": (member("f"), member("f/x")),
    "hard link to an absolute path": (member("h", HARD, linkname="/etc/passwd"),),
    "hard link to the outside": (member("h", HARD, linkname="../x"),),
    "hard link to nothing": (member("h", HARD, linkname="nothing"),),
    "hard link to a link (CVE-2024-12718)": (
        member("l", LINK, linkname="app"),
        member("h", HARD, linkname="l"),
    ),
    "hard link to what comes later": (member("h", HARD, linkname="z"), member("z")),
    "character device": (member("c", tarfile.CHRTYPE),),
    "block device": (member("b", tarfile.BLKTYPE),),
    "fifo": (member("p", tarfile.FIFOTYPE),),
    "unknown type": (member("q", b"Q"),),
    "duplicate of another type": (member("d"), member("d", DIR)),
    "set-user-id": (member("s", mode=0o4755),),
    "set-group-id": (member("s", mode=0o2755),),
    "set-user-id directory": (member("s", DIR, mode=0o4755),),
    "link without a target": (member("l", LINK, linkname=""),),
}


@pytest.mark.parametrize("infos", ZOO.values(), ids=ZOO.keys())
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_refused_before_anything_is_written(
    tmp_path: Path, infos: tuple[tarfile.TarInfo, ...], form: int
) -> None:
    shop = layout(tmp_path / "shop")
    os.mkdir(shop.root + "/app")
    archive = build(tmp_path / "a.tgz", *infos, form=form)
    before = tree_hash(str(tmp_path))
    with pytest.raises(HostileArchive):
        verify_archive(str(archive))
    with pytest.raises(HostileArchive) as refused:
        plan(archive, shop)
    assert "\n" not in refused.value.message
    after = tree_hash(str(tmp_path))
    assert before == after


def test_what_a_manifest_vouches_for_may_lead_out(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    os.symlink("/mnt/shared", shop.root + "/shared")
    summary = write(shop.code, tmp_path / "a.tgz")
    os.unlink(shop.root + "/shared")
    assert plan(tmp_path / "a.tgz", shop, summary).added == 1
    with pytest.raises(HostileArchive):
        plan(tmp_path / "a.tgz", shop)
    os.symlink("/mnt/shared", shop.root + "/shared")
    assert plan(tmp_path / "a.tgz", shop).differs == 0  # it is there already


def raw(name: bytes, *, size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[100:124] = b"0000644\0000000000\0000000000\0"[:24]
    block[124:136] = size
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[257:265] = b"ustar  \0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


ODD: dict[str, bytes] = {
    "negative size": raw(b"x", size=b"\xff" * 12) + bytes(1024),
    "absurd size": raw(b"x", size=b"\x80" + b"\xff" * 11) + bytes(1024),
    "negative PAX header (CVE-2025-8194)": raw(b"x", size=b"\xff" * 11 + b"\x00", kind=b"x")
    + bytes(1024),
    "empty long name": raw(b"././@LongLink", kind=b"L") + raw(b"x") + bytes(1024),
    "NUL in a long name": raw(b"././@LongLink", size=b"00000000007\0", kind=b"L")
    + b"app\0/x\0".ljust(512, b"\0")
    + raw(b"x")
    + bytes(1024),
    "nothing but a name": raw(b"././@LongLink", size=b"00000000004\0", kind=b"L")
    + b"abc\0".ljust(512, b"\0")
    + bytes(1024),
    "broken PAX record": raw(b"x", size=b"00000000012\0", kind=b"x")
    + b"99 path=abc\n".ljust(512, b"\0")
    + raw(b"x")
    + bytes(1024),
    "wrong checksum": raw(b"x")[:148] + b"000000\0 " + raw(b"x")[156:] + bytes(1024),
    "a number that is none": raw(b"x", size=b"zzzzzzzzzzz\0") + bytes(1024),
    "no end": raw(b"x"),
    "half an end": raw(b"x") + bytes(512),
    "something after the end": raw(b"x") + bytes(1024) + raw(b"y") + bytes(1024),
    "a cut block": raw(b"x") + bytes(1024) + bytes(100),
    "a link with content": raw(b"x", size=b"00000000012\0", kind=b"2") + bytes(1024),
    "no content": raw(b"x", size=b"00000001000\0"),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD.keys())
def test_odd_headers_are_refused(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "a.tgz"
    archive.write_bytes(gzip.compress(content))
    with pytest.raises(DamagedBackup):
        verify_archive(str(archive))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip at all" * 100,
        gzip.compress(bytes(1024)) + b"x",
        gzip.compress(bytes(1024)) + gzip.compress(bytes(1024)),
        gzip.compress(b"x" * 5000)[:-1],
        gzip.compress(random.Random(1).randbytes(5000))[:-8],
    ],
    ids=["empty", "no gzip", "trailing", "two members", "cut by one", "cut"],
)
def test_broken_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "a.tgz"
    archive.write_bytes(content)
    with pytest.raises(DamagedBackup):
        verify_archive(str(archive))


def test_bomb_is_refused(tmp_path: Path) -> None:
    """4 GiB of NUL in 4 MB; the size in the header is enough to refuse it."""
    archive = tmp_path / "a.tgz"
    with gzip.open(archive, "wb", compresslevel=1) as file:
        file.write(raw(b"x", size=b"40000000000\0"))
        file.write(bytes(1 << 20))
    with pytest.raises(HostileArchive, match="unpack"):
        verify_archive(str(archive))


def test_manifest_must_fit(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    with pytest.raises(DamagedBackup, match="checksum"):
        verify_archive(str(tmp_path / "a.tgz"), sha256="0" * 64)
    with pytest.raises(DamagedBackup, match="members"):
        verify_archive(str(tmp_path / "a.tgz"), sha256=summary.sha256, members=1)
    with pytest.raises(DamagedBackup, match="manifest"):
        verify_archive(str(tmp_path / "a.tgz"), allow_foreign=False)


def test_every_cut_and_flip_is_noticed(tmp_path: Path) -> None:
    """2,000 mutations: each is refused, or the content is unchanged."""
    shop = layout(tmp_path / "shop")
    rng = random.Random(7)
    for number in range(12):
        put(f"{shop.root}/f{number}", rng.randbytes(rng.randrange(250)))
    summary = write(shop.code, tmp_path / "a.tgz")
    whole = (tmp_path / "a.tgz").read_bytes()
    before = tree_hash(shop.root)
    target = tmp_path / "m.tgz"
    for number in range(1000):
        if number % 2:
            damaged = whole[: rng.randrange(len(whole))]
        else:
            flipped = bytearray(whole)
            flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            damaged = bytes(flipped)
        target.write_bytes(damaged)
        with pytest.raises(DamagedBackup):
            verify_archive(str(target), sha256=summary.sha256, members=summary.members)
        if number % 20 == 0:
            with pytest.raises(DamagedBackup):
                plan(target, shop, summary)
    assert tree_hash(shop.root) == before


def test_mutated_headers_never_write_outside(tmp_path: Path) -> None:
    """Flips inside the tar, under a fresh checksum: refused or harmless, never a crash."""
    shop = layout(tmp_path / "shop")
    rng = random.Random(11)
    os.mkdir(shop.root + "/d")
    put(shop.root + "/d/f", b"content")
    put(shop.root + "/g" + "n" * 150, b"more")
    os.symlink("d/f", shop.root + "/l")
    write(shop.code, tmp_path / "a.tgz")
    inside = gzip.decompress((tmp_path / "a.tgz").read_bytes())
    canary = tmp_path / "canary"
    canary.write_text("safe")
    target = tmp_path / "m.tgz"
    for _ in range(120):
        flipped = bytearray(inside)
        for _ in range(rng.randrange(1, 4)):
            flipped[rng.randrange(4096)] ^= 1 << rng.randrange(8)
        for start in range(0, 4096, 512):  # make the sums right again, so that more gets through
            block = flipped[start : start + 512]
            if block[257:262] == b"ustar":
                block[148:156] = b" " * 8
                flipped[start + 148 : start + 156] = b"%06o\0 " % sum(block)
        target.write_bytes(gzip.compress(bytes(flipped), 1))
        try:
            staged = stage_files(plan(target, shop), job_id="m")
        except MagerewindError:
            continue
        finally:
            assert canary.read_text() == "safe"
            assert sorted(os.listdir(tmp_path)) == ["a.tgz", "canary", "m.tgz", "shop"]
        remove_stage(staged.plan_path)


def with_attributes(name: str, size: int = 1, **attributes: str) -> tarfile.TarInfo:
    """Return a member with extended attributes, whose names have `__` for dots."""
    info = member(name, size=size)
    names = {key: key.replace("__", ".") for key in attributes}
    info.pax_headers = {f"SCHILY.xattr.{names[key]}": value for key, value in attributes.items()}
    return info


@pytest.mark.parametrize(
    "info",
    [
        with_attributes("a", user__one="v" * 70_000),
        with_attributes("a", **{"user__" + "n" * 300: "v"}),
        with_attributes("a", **{"user__\0": "v"}),
        with_attributes("a", security__capability="v"),
    ],
    ids=["a large value", "a long name", "a name with NUL", "capabilities"],
)
def test_attributes_that_no_file_of_a_store_can_have(
    shop: Layout, tmp_path: Path, info: tarfile.TarInfo
) -> None:
    build(tmp_path / "a.tgz", info, form=tarfile.PAX_FORMAT)
    with pytest.raises(HostileArchive):
        plan(tmp_path / "a.tgz", shop)


def test_attributes_that_are_not_kept_are_not_set(shop: Layout, tmp_path: Path) -> None:
    info = with_attributes("a", trusted__overlay__opaque="y", user__one="here")
    build(tmp_path / "a.tgz", info, form=tarfile.PAX_FORMAT)
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop), job_id="j"))
    assert os.listxattr(shop.root + "/a") == ["user.one"]


def test_attributes_count_for_a_bomb(
    shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.archive.tar.reader._BOMB_FLOOR", 1 << 20)
    infos = [with_attributes(f"a{number}", user__one="v" * 60_000) for number in range(400)]
    build(tmp_path / "a.tgz", *infos, form=tarfile.PAX_FORMAT)
    with pytest.raises(HostileArchive, match="far more"):
        plan(tmp_path / "a.tgz", shop)
    assert os.path.getsize(shop.state + "/plan") < 20 << 20


def test_many_extended_headers_before_one_member(shop: Layout, tmp_path: Path) -> None:
    record = b"%d comment=" % (4_000_000)
    body = record + b"c" * (4_000_000 - len(record) - 1) + b"\n"
    header = member("x", tarfile.XHDTYPE, size=len(body)).tobuf(tarfile.GNU_FORMAT)
    with gzip.open(tmp_path / "a.tgz", "wb") as file:
        for _ in range(60):
            file.write(header + body.ljust(-(-len(body) // 512) * 512, b"\0"))
        file.write(member("a").tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(HostileArchive, match="extended headers"):
        plan(tmp_path / "a.tgz", shop)
