"""A store without a database, its backups, and the commands that look into them."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from core.archive.create.write_archive import write_archive
from core.archive.tree.selection import code_selection
from core.backups.manifest import Manifest, write_manifest
from core.backups.names import index_name
from core.backups.place import open_backups
from core.cli.main import run
from core.events import Kind
from core.magento.store import find_store

NAME = "1763869000_filesystem.tgz"
HOSTILE = "esc\x1b]0;x\x07\nline"


class Said(Struct, frozen=True):
    """The output of a command."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()


class Stream(io.TextIOWrapper):
    """A text stream over bytes in memory."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace")

    def bytes(self) -> bytes:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()


class Looking:
    """A store and its commands, run in this process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.backups = root / "var/backups"

    def run(self, *words: str) -> Said:
        streams = sys.stdin, sys.stdout, sys.stderr
        out, err = Stream(), Stream()
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(), out, err
        try:
            code = run([*words, "--root", str(self.root)])
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams
        return Said(code, out.bytes(), err.bytes().decode())

    def put(self, path: str, content: bytes, mode: int = 0o644) -> Path:
        made = self.root / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(content)
        made.chmod(mode)
        return made

    def back_up(self, name: str = NAME, *, indexed: bool = True) -> Manifest:
        """Write a backup of the code as a job does, with its index and manifest."""
        store = find_store(str(self.root), root=str(self.root))
        path, index = self.backups / name, self.backups / index_name(name)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        fd, index_fd = os.open(path, flags, 0o600), os.open(index, flags, 0o600)
        try:
            summary = write_archive(code_selection(store), fd, index_fd=index_fd)
        finally:
            os.close(fd)
            os.close(index_fd)
        manifest = Manifest(
            file_name=name, kind=Kind.CODE, timestamp=1763869000, host="h", root=store.root,
            size_bytes=summary.archive_bytes, sha256=summary.sha256, made_by="magerewind 0",
            created="", elapsed_s=1.0, verified=True, members=summary.members,
            content_bytes=summary.content_bytes,
            index_sha256=summary.index_sha256 if indexed else "",
        )  # fmt: skip
        if not indexed:
            index.unlink()
        with open_backups(str(self.backups)) as directory:
            write_manifest(directory, manifest)
        return manifest


def make_store(root: Path) -> Looking:
    """Return a small store with awkward names."""
    made = Looking(root)
    (root / "var/backups").mkdir(parents=True)
    made.put("bin/magento", b"#!/usr/bin/env php\n", 0o755)
    made.put("app/etc/env.php", b"<?php return ['db' => ['password' => 'hush']];\n", 0o600)
    made.put("app/etc/config.php", b"<?php return [];\n")
    made.put("app/code/A.php", b"<?php // A\n" * 50)
    made.put("app/code/binary.bin", bytes(range(256)) * 100)
    made.put(f"app/code/{HOSTILE}", b"text\x1b[31m red\n")
    made.put(os.fsdecode(b"app/code/\xff\xfe"), b"odd")
    made.put("vendor/large.bin", random.Random(1).randbytes(5 << 20))
    (root / "app/code/link").symlink_to("A.php")
    (root / "app/code/out").symlink_to("/etc/hostname")
    os.link(root / "app/code/A.php", root / "app/code/B.php")
    (root / "app/code/empty").mkdir(mode=0o750)
    os.utime(root / "app/code/A.php", (1_600_000_000, 1_600_000_000))
    return made


def foreign(shop: Looking, *words: str) -> str:
    """Have tar make a backup of the code, and return its name."""
    name = "1763869005_filesystem_code.tgz"
    subprocess.run(
        ["tar", "czf", shop.backups / name, *words, "--exclude=./var", "-C", shop.root, "."],
        check=True,
    )
    return name
