"""A store of two accounts: its owner's and the web server's, each with files of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from core.archive.plan.closed_directories import ACCESS, plain_acl, with_user
from core.magento.settings import DatabaseConnection, Secret
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.security.accounts import GROUP, OWNER, WEB, give

THIRD = 4713
"""An account that owns nothing in the store."""


def make_two_owners(root):
    """Make a store of OWNER, group GROUP, with directories and files of WEB in between."""
    settings = DatabaseConnection(
        name="default", schema="none", username="none", password=Secret("none"), host="127.0.0.1"
    )
    make_store(str(root), size=Size.SMALL, connection=settings)
    for entry in (Path(root) / "vendor").iterdir():
        if entry.name not in {"acme", "autoload.php", "composer"}:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    give(root, OWNER, GROUP)
    for directory, _, _ in os.walk(root):
        os.chmod(directory, 0o2775)
    _fill(Path(root))


def _fill(root):
    put(root / "generated/shared", uid=WEB, mode=0o2775)
    put(root / "generated/shared/of-web.php", uid=WEB, mode=0o644)
    put(root / "generated/shared/of-owner.php", mode=0o664)
    put(root / "generated/own", uid=WEB, mode=0o755)
    put(root / "generated/own/class.php", uid=WEB, mode=0o644)
    put(root / "generated/own/secret.php", uid=WEB, mode=0o600)
    put(root / "generated/own/guest.php", mode=0o640)
    put(root / "generated/own/deep", uid=WEB, mode=0o755)
    put(root / "generated/own/deep/deeper.php", uid=WEB, mode=0o644)
    put(root / "generated/own/of-owner", mode=0o755)
    put(root / "generated/own/of-owner/inside.php", mode=0o600)
    put(root / "generated/sticky", uid=WEB, mode=0o1777)
    put(root / "generated/sticky/of-web.php", uid=WEB, mode=0o644)
    put(root / "generated/sticky/of-owner.php", mode=0o644)
    put(root / "generated/closed", uid=WEB, mode=0o700)
    put(root / "generated/closed/secret.php", uid=WEB, mode=0o600)
    put(root / "generated/closed/guest.php", mode=0o600)
    put(root / "generated/closed/below", uid=WEB, mode=0o700)
    put(root / "generated/closed/below/last.php", uid=WEB, mode=0o400)
    put(root / "generated/link.php", uid=WEB, link="own/class.php")
    put(root / "generated/closed/link.php", uid=WEB, link="secret.php")
    put(root / "generated/two.php", uid=WEB, mode=0o644)
    os.link(root / "generated/two.php", root / "generated/twice.php")
    put(root / "generated/own/taken", mode=0o755)
    put(root / "generated/own/taken/same.php", mode=0o644)
    put(root / "generated/exchanged", uid=WEB, mode=0o755)
    put(root / "generated/exchanged/kept.php", uid=WEB, mode=0o644)
    put(root / "generated/exchanged/of-owner", mode=0o2775)
    put(root / "generated/exchanged/of-owner/kept.php", mode=0o664)
    put(root / "app/etc/of-owner.php", mode=0o600)
    put(root / "pub/media/upload", uid=WEB, mode=0o755)
    put(root / "pub/media/upload/album", uid=WEB, mode=0o2755)
    put(root / "pub/media/upload/album/four.jpg", uid=WEB, mode=0o644)
    put(root / "pub/media/upload/one.jpg", uid=WEB, mode=0o644)
    put(root / "pub/media/upload/two.jpg", uid=WEB, mode=0o600)
    put(root / "pub/media/upload/tree", uid=WEB, mode=0o755)
    put(root / "pub/media/upload/tree/three.jpg", uid=WEB, mode=0o644)
    os.setxattr(root / "generated/own/class.php", "user.note", b"kept")
    os.setxattr(root / "pub/media/upload", ACCESS, with_user(plain_acl(0o755), THIRD))


def put(path, *, uid=OWNER, gid=GROUP, mode=0o644, link=None, content=None):
    """Make a file, directory (no suffix) or link of an account."""
    if link is not None:
        os.symlink(link, path)
    elif "." in path.name:
        path.write_bytes(str(path.name).encode() * 9 if content is None else content)
    else:
        path.mkdir(exist_ok=True)
    os.lchown(path, uid, gid)
    if link is None:
        os.chmod(path, mode)
    moment = 1_600_000_000_000_000_000
    os.utime(path, ns=(moment, moment), follow_symlinks=False)


_CACHES = ("var", "pub/static")


def tree_of(root, *, without=_CACHES):
    """Return all that is to be restored: also times of entries but directories, and attributes."""
    found = {}
    for directory, names, files in os.walk(root):
        names[:] = [n for n in names if os.path.relpath(f"{directory}/{n}", root) not in without]
        for name in (".", *names, *files):
            path = os.path.normpath(os.path.join(directory, name))
            status = os.lstat(path)
            is_directory = os.path.isdir(path) and not os.path.islink(path)
            what = None
            if os.path.islink(path):
                what = os.readlink(path)
            elif not is_directory:
                what = Path(path).read_bytes()
            found[os.path.relpath(path, root)] = (
                status.st_uid,
                status.st_gid,
                oct(status.st_mode),
                None if is_directory else int(status.st_mtime),
                1 if is_directory else status.st_nlink,
                sorted((n, os.getxattr(path, n, follow_symlinks=False))
                       for n in os.listxattr(path, follow_symlinks=False)),
                what,
            )  # fmt: skip
    return found


def differences(one, other):
    """Return the paths that differ, with both sides."""
    return {
        path: (one.get(path), other.get(path))
        for path in one.keys() | other.keys()
        if one.get(path) != other.get(path)
    }


def damage(root):
    """Change, remove, add and chown things of both accounts, everywhere."""
    root = Path(root)
    for name in ("shared/of-web.php", "own/class.php", "own/secret.php", "own/guest.php",
                 "sticky/of-web.php", "sticky/of-owner.php", "closed/secret.php",
                 "closed/guest.php", "closed/below/last.php"):  # fmt: skip
        _overwrite(root / "generated" / name)
    shutil.rmtree(root / "generated/own/deep")
    shutil.rmtree(root / "generated/own/of-owner")
    put(root / "generated/own/new", uid=WEB, mode=0o755)
    put(root / "generated/own/new/later.php", uid=WEB, mode=0o600)
    put(root / "generated/closed/new", uid=WEB, mode=0o700)
    put(root / "generated/closed/new/later.php", mode=0o600)
    for name in ("link.php", "closed/link.php", "twice.php", "two.php"):
        (root / "generated" / name).unlink()
    os.chmod(root / "generated/sticky/of-web.php", 0o600)
    os.chmod(root / "generated/shared", 0o755)
    shutil.rmtree(root / "pub/media/upload/tree")
    _overwrite(root / "pub/media/upload/one.jpg")
    os.chown(root / "pub/media/upload/two.jpg", OWNER, GROUP)
    os.chown(root / "generated/own/taken", WEB, GROUP)
    os.chown(root / "generated/exchanged", OWNER, GROUP)
    os.chown(root / "generated/exchanged/kept.php", OWNER, GROUP)
    os.chown(root / "pub/media/upload/album", OWNER, GROUP)
    _overwrite(root / "app/etc/of-owner.php")
    (root / "index.php").unlink()


def _overwrite(path):
    status = path.stat()
    path.write_bytes(b"damaged")
    os.chown(path, status.st_uid, status.st_gid)
