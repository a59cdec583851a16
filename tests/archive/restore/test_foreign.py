"""Archives of other programs: any order, no manifest, any known type of member."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from core.archive.plan.plan_files import plan_files
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import (
    swap_files,
)
from core.errors import DamagedBackup, HostileArchive
from tests.archive.trees import (
    Layout,
    damage,
    layout,
    plan,
    put,
    tree_hash,
)


def foreign(path: Path, shop: Layout, *, command: tuple[str, ...] = ()) -> Path:
    subprocess.run(
        ["tar", "czf", str(path), "--sort=inode", "--exclude=./var", "--exclude=./pub/media",
         "--exclude=./pub/static", "--exclude=./node_modules", "--exclude=./.git", *command,
         "-C", shop.root, "."], check=True,
    )  # fmt: skip
    return path


def test_archives_of_other_tars_in_any_order(shop: Layout, tmp_path: Path) -> None:
    for path in tree_hash(shop.root):
        whole = os.fsencode(shop.root) + b"/" + path
        if os.path.islink(whole):
            os.unlink(whole)  # links out are not taken from archives of unknown make
    before = tree_hash(shop.root)
    archive = foreign(tmp_path / "a.tgz", shop)
    assert plan(archive, shop).differs == 0
    damage(shop.root, random.Random(3))
    staged = stage_files(plan(archive, shop), job_id="j")
    swap_files(staged)
    after = tree_hash(shop.root)
    kept = {os.fsencode(name) for name in staged.plan.kept}
    assert {p: look for p, look in after.items() if p not in kept} == before


def test_attributes_of_an_archive_in_any_order_come_back(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    for path in ("app", "app/a.php", "app/b.php"):
        if path == "app":
            os.mkdir(f"{shop.root}/app")
        else:
            put(f"{shop.root}/{path}")
        os.setxattr(f"{shop.root}/{path}", b"user.name", path.encode())
    names = ["app/b.php", "app/a.php", "app"]
    command = ["tar", "--xattrs", "--xattrs-include=user.*", "--no-recursion", "-czf"]
    subprocess.run([*command, tmp_path / "a.tgz", "-C", shop.root, *names], check=True)
    shutil.rmtree(shop.root + "/app")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop), job_id="j"))
    for path in names:
        assert os.getxattr(f"{shop.root}/{path}", b"user.name") == path.encode()


@pytest.mark.parametrize("now", [None, b"now another"])
def test_hard_links_of_an_archive_of_a_directory(tmp_path: Path, now: bytes | None) -> None:
    """Names begin with `./` there, and the names that links have of files do as well."""
    shop = layout(tmp_path / "shop")
    app = shop.root + "/app"
    os.mkdir(app)
    put(app + "/a.php", b"the old content")
    os.link(app + "/a.php", app + "/b.php")
    subprocess.run(["tar", "-czf", tmp_path / "a.tgz", "-C", shop.root, "./app"], check=True)
    os.unlink(app + "/a.php")
    os.unlink(app + "/b.php")
    if now is not None:
        put(app + "/a.php", now)
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop), job_id="j"))
    for name in ("/a.php", "/b.php"):
        assert Path(app + name).read_bytes() == b"the old content"
    assert os.stat(app + "/a.php").st_ino == os.stat(app + "/b.php").st_ino


def test_a_foreign_archive_with_an_absurd_time_is_taken(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    with tarfile.open(tmp_path / "a.tgz", "w:gz", format=tarfile.GNU_FORMAT) as archive:
        for name, moment in (("late", 1 << 80), ("early", -(1 << 80))):
            info = tarfile.TarInfo(name)
            info.mtime = moment
            archive.addfile(info)
    planned = plan_files(str(tmp_path / "a.tgz"), shop.code, shop.state + "/p")
    swap_files(stage_files(planned, job_id="j"))
    assert {"early", "late"} <= set(os.listdir(shop.root))


def magento_archive(path: Path, entries: list[tuple[str, bytes | None, int]]) -> Path:
    """Return an archive as Magento's Tar.php writes it: its magic, long names without NUL."""

    def block(name: bytes, mode: int, size: int, kind: bytes) -> bytes:
        head = name[:100].ljust(100, b"\0") + b"%07o\0" % mode + b"\0" * 16
        head += b"%011o\0%011o\0" % (size, 1_600_000_000) + b" " * 8 + kind + b"\0" * 100
        head += b"ustar " + b" \0" + b"\0" * 64 + b"\0" * 16
        head = head.ljust(512, b"\0")
        return head[:148] + b"%06o\0 " % sum(head) + head[156:]

    out = io.BytesIO()
    for name, content, mode in entries:
        raw = name.encode() + (b"/" if content is None else b"")
        if len(raw) > 100:
            out.write(block(b"././@LongLink", 0o644, len(raw), b"L"))
            out.write(raw.ljust(-(-len(raw) // 512) * 512, b"\0"))
        size = len(content or b"")
        out.write(block(raw, mode, size, b"5" if content is None else b"0"))
        out.write((content or b"").ljust(-(-size // 512) * 512, b"\0"))
    out.write(bytes(512 * 12))
    path.write_bytes(gzip.compress(out.getvalue(), 9))
    return path


def test_archives_that_magento_made(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    long = "vendor/" + "long-name-" * 12 + ".php"
    archive = magento_archive(
        tmp_path / "a.tgz",
        [
            ("app", None, 0),
            ("app/a.php", b"<?php 1;", 0o644),
            ("vendor", None, 0o755),
            (long, b"<?php 2;", 0o640),
            ("pub", None, 0o755),
            ("new/deep/f.php", b"3", 0o600),
        ],
    )
    os.makedirs(base + "/app")
    os.chmod(base + "/app", 0o2770)
    put(base + "/app/a.php", b"damaged")
    put(base + "/pub/static.php", b"Magento's own backup loses this")
    put(base + "/.gitignore", b"and this")
    put(base + "/superfluous.php")
    os.symlink("app", base + "/link-that-magento-loses")
    planned = plan(archive, shop)
    swap_files(stage_files(planned, job_id="j"))
    assert Path(base, "app/a.php").read_bytes() == b"<?php 1;"
    assert Path(base, long).read_bytes() == b"<?php 2;"
    assert Path(base, "new/deep/f.php").read_bytes() == b"3"
    assert stat.S_IMODE(os.stat(base + "/app").st_mode) == 0o2770  # no mode known: kept
    assert not os.path.exists(base + "/superfluous.php")
    for kept in ("pub/static.php", ".gitignore", "link-that-magento-loses"):
        assert os.path.lexists(f"{base}/{kept}")
    assert set(planned.kept) == {"pub/static.php", ".gitignore", "link-that-magento-loses"}
    assert [warning.code for warning in planned.warnings] == ["kept"]


def test_the_last_of_several_members_counts(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        for content in (b"old", b"new"):
            info = tarfile.TarInfo("f")
            info.size = 3
            tar.addfile(info, io.BytesIO(content))
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop), job_id="j"))
    assert Path(shop.root, "f").read_bytes() == b"new"


def test_members_of_other_parts_are_left(shop: Layout, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        for name in ("pub/media/a.jpg", "var/x", "app/.magerewind-x/y"):
            tar.addfile(tarfile.TarInfo(name))
    planned = plan(tmp_path / "a.tgz", shop)
    assert planned.skipped == 3
    assert planned.added == 0


_SPARSE_FORMS = {
    "old": ["tar", "--sparse", "--format=gnu"],
    "0.0": ["tar", "--sparse", "--format=posix", "--sparse-version=0.0"],
    "0.1": ["tar", "--sparse", "--format=posix", "--sparse-version=0.1"],
    "1.0": ["tar", "--sparse", "--format=posix", "--sparse-version=1.0"],
    "bsdtar": ["bsdtar", "--format=pax", "--read-sparse"],
}


def with_holes(path: str, places: list[int], size: int) -> None:
    """Make a file of 8 KiB at each place and holes around them."""
    with open(path, "wb") as file:
        for place in places:
            file.seek(place)
            file.write(b"%8d" % place * 1024)
        file.truncate(size)


@pytest.mark.parametrize("form", _SPARSE_FORMS)
def test_sparse_members_of_other_tars_come_back(form: str, tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    os.makedirs(shop.root + "/app", exist_ok=True)
    rng = random.Random(form)
    places = sorted(rng.sample(range(0, 30 << 20, 1 << 16), 60))
    with_holes(shop.root + "/app/many", places, 30 << 20)
    with_holes(shop.root + "/app/small", [1 << 16], 1 << 18)
    with_holes(shop.root + "/app/" + "long" * 40, [0, 1 << 20], 2 << 20)
    with_holes(shop.root + "/app/none", [], 3 << 20)
    put(shop.root + "/app/last.php", b"<?php behind the holes")
    archive = tmp_path / "a.tgz"
    subprocess.run(
        [*_SPARSE_FORMS[form], "-czf", str(archive), "--exclude=./var", "--exclude=./pub/media",
         "--exclude=./pub/static", "-C", shop.root, "."], check=True,
    )  # fmt: skip
    before = tree_hash(shop.root)
    assert plan(archive, shop).differs == 0
    for name in ("many", "small", "long" * 40, "none", "last.php"):
        put(shop.root + "/app/" + name, b"damaged")
    swap_files(stage_files(plan(archive, shop), job_id="j"))
    assert tree_hash(shop.root) == before
    assert os.stat(shop.root + "/app/none").st_blocks == 0


def _old_sparse(pieces: list[tuple[int, int]], size: int, content: bytes) -> bytes:
    """Return an archive of one member in GNU's old sparse form, its map as given."""
    entries = b"".join(b"%011o\0%011o\0" % piece for piece in pieces)
    header = tarfile.TarInfo("app/holes").tobuf(tarfile.GNU_FORMAT)
    header = header[:124] + b"%011o\0" % len(content) + header[136:156] + b"S" + header[157:386]
    header += entries.ljust(97, b"\0") + b"%011o\0" % size
    header = header.ljust(512, b"\0")
    total = sum(header[:148]) + 256 + sum(header[156:])
    header = header[:148] + b"%06o\0 " % total + header[156:]
    return header + content + bytes(-len(content) % 512) + bytes(1024)


@pytest.mark.parametrize(
    ("pieces", "size", "content"),
    [
        ([(0, 512), (256, 512)], 4096, bytes(1024)),
        ([(1024, 512), (0, 512)], 4096, bytes(1024)),
        ([(4096, 512)], 4096, bytes(512)),
        ([(0, 512)], 4096, bytes(1024)),
        ([(0, 512)], 1 << 40, bytes(512)),
        ([(0, 512)], 1 << 32, bytes(512)),
    ],
)
def test_impossible_sparse_members_are_refused(
    pieces: list[tuple[int, int]], size: int, content: bytes, tmp_path: Path
) -> None:
    shop = layout(tmp_path / "shop")
    archive = tmp_path / "a.tgz"
    archive.write_bytes(gzip.compress(_old_sparse(pieces, size, content)))
    with pytest.raises((DamagedBackup, HostileArchive)):
        plan(archive, shop)
