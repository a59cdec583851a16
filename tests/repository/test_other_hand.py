"""Sets that another hand put into a repository, by a real restic and with our tags."""

import itertools
import json
import os
import subprocess
from pathlib import Path

import pytest
from msgspec import structs

from core.backups.manifest import Manifest
from core.errors import RepositoryError
from core.events import Kind
from core.repository.sets import PartManifest, SetManifest, manifest_of_set, read_holdings, to_json

FACTS = Manifest(
    file_name="x", kind=Kind.CODE, timestamp=0, sha256="0" * 64, size_bytes=10_000_000,
    made_by="x", host="h", root="/", created="2026-01-01T00:00:00Z", elapsed_s=1.0, verified=False,
)  # fmt: skip
_stamps = itertools.count(1600000000, 100)


class Hand:
    """Whoever has the key."""

    def __init__(self, remote):
        self.remote = remote
        self.stamp = next(_stamps)

    def backup(self, kind, *words, more="", **options):
        """Make a snapshot with our tags; return its id."""
        tags = f"--tag=magerewind,store=shop,set={self.stamp},kind={kind}{more}"
        environ = {
            "PATH": self.remote.path,
            "HOME": str(self.remote.place),
            "RESTIC_REPOSITORY": self.remote.url("off"),
            "RESTIC_PASSWORD_FILE": str(self.remote.password),
        }
        said = subprocess.run(
            ["restic", "backup", "--json", tags, *words],
            env=environ, capture_output=True, check=True, timeout=120, **options,
        ).stdout  # fmt: skip
        return json.loads(said.splitlines()[-1])["snapshot_id"]

    def manifest(self, content, **ids):
        """Make a set of these snapshots, whatever its manifest says."""
        named = "".join(f",{kind}={one}" for kind, one in ids.items())
        words = ("--stdin", "--stdin-filename=manifest.json")
        self.backup("manifest", *words, more=named, input=content)

    def made_of(self, kind, part, **more):
        """Return the manifest of a set with one part."""
        told = {"store": "shop", "timestamp": self.stamp, "made_by": "x", **more}
        return to_json(SetManifest(parts={kind: part}, **told))

    def run(self, *words, code):
        said = self.remote.run(*words, code=code)
        assert "Traceback" not in said.err
        assert "nexpected" not in said.err
        return said


@pytest.fixture
def hand(remote):
    remote.add_directory()
    return Hand(remote)


@pytest.fixture
def odd(tmp_path):
    """A tree with all that no backup of ours has, and what it leads to outside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "env.php").write_text("<?php return ['db' => ['connection' => ['default' => []]]];")
    tree = tmp_path / "tree"
    (tree / "app").mkdir(parents=True)
    (tree / "app/etc").symlink_to(outside)
    (tree / "pub").mkdir()
    (tree / "pub/index.php").write_text("<?php")
    (tree / "vendor").symlink_to("/etc")
    (tree / "rights").write_text("#!/bin/sh")
    (tree / "rights").chmod(0o6755)
    os.link(tree / "rights", tree / "again")
    (tree / "new\nline").write_text("x")
    Path(os.fsdecode(os.fsencode(tree) + b"/bad\xff")).write_text("y")
    os.mkfifo(tree / "pipe")
    if os.geteuid() == 0:
        os.mknod(tree / "device", 0o20666, os.makedev(1, 3))
    return tree


def test_what_no_backup_has_is_not_laid_down_and_nothing_outside_is_touched(hand, odd, tmp_path):
    code = hand.backup("code", ".", cwd=odd)
    links = {b"app/etc": os.fsencode(tmp_path / "outside"), b"vendor": b"/etc"}
    part = PartManifest(snapshot=code, facts=FACTS, odd=(b"bad\xff",), links=links)
    hand.manifest(hand.made_of(Kind.CODE, part), code=code)
    env = (tmp_path / "outside/env.php").read_bytes()
    root = tmp_path / "new"
    words = ("--root", str(root), "--password-file", str(hand.remote.password))
    said = hand.run("repo:bootstrap", hand.remote.url("off"), *words, "--db-name", "x", code=1)
    assert "app/etc" in said.err
    assert "left out; no backup of ours has any." in said.err + said.out
    assert (tmp_path / "outside/env.php").read_bytes() == env
    assert os.listdir(tmp_path / "outside") == ["env.php"]
    assert not {"pipe", "device"} & {*os.listdir(root)}
    assert os.lstat(root / "again").st_mode & 0o4000 == 0
    name = f"{hand.stamp}_filesystem.tgz"
    listed = hand.run("info:backups:files", name, "--from", "off", "--json", code=0).objects
    assert not {"pipe", "device"} & {row["path"] for row in listed if isinstance(row["path"], str)}


def test_a_snapshot_that_is_larger_than_its_manifest_says_is_not_fetched_whole(hand, tmp_path):
    (tmp_path / "tree").mkdir()
    with open(tmp_path / "tree/sparse", "wb") as file:
        file.truncate(1 << 30)
    code = hand.backup("code", ".", cwd=tmp_path / "tree")
    hand.manifest(hand.made_of(Kind.CODE, PartManifest(snapshot=code, facts=FACTS)), code=code)
    said = hand.run("repo:fetch", str(hand.stamp), "off", code=1)
    assert "holds more than the manifest of its set says" in said.err
    assert os.listdir(hand.remote.shop.store.backups) == []


def test_a_manifest_of_another_set_is_refused(hand, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/x").write_text("x")
    code = hand.backup("code", ".", cwd=tmp_path / "tree")
    good = PartManifest(snapshot=code, facts=FACTS)
    other = structs.replace(good, snapshot="e" * 64)
    hand.manifest(hand.made_of(Kind.CODE, good, store="other"), code=code)
    said = hand.run("info:backups:files", f"{hand.stamp}_filesystem.tgz", "--from", "off", code=1)
    assert "is one of another set" in said.err
    assert len(said.problem) <= 2
    snapshots = json.loads(hand.remote.restic("off", "snapshots", "--json"))
    (chosen,) = read_holdings(snapshots, "off").sets
    assert manifest_of_set(hand.made_of(Kind.CODE, good), chosen).parts[Kind.CODE] == good
    for content, message in (
        (b"{", "manifest of the set cannot be read"),
        (hand.made_of(Kind.CODE, good, timestamp=7), "is one of another set"),
        (hand.made_of(Kind.DB, good), "is one of another set"),
        (hand.made_of(Kind.CODE, other), "names other snapshots than its tags"),
    ):
        with pytest.raises(RepositoryError, match=message):
            manifest_of_set(content, chosen)
