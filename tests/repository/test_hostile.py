"""Listings of whoever has the repository: nothing leads out, all ends in one clear line."""

import json
import os
import sys

import pytest

from core.backups.manifest import Manifest
from core.errors import HostileArchive, RepositoryError
from core.events import Kind
from core.repository import listing
from core.repository.listing import list_tree
from core.repository.sets import (
    MANIFEST,
    PartManifest,
    SetManifest,
    from_json,
    read_holdings,
    to_json,
)

NODE = {
    "name": "a", "type": "file", "path": "/a", "uid": 0, "gid": 0, "size": 1, "mode": 420,
    "mtime": "2026-01-01T00:00:00.5Z", "inode": 5, "message_type": "node",
}  # fmt: skip


def node(**more):
    return json.dumps(NODE | more).encode()


def listed(*lines, prefix=b""):
    class Given:
        def lines(self, *_words, **_limits):
            return iter(lines)

    part = PartManifest(snapshot="a" * 64, facts=None, prefix=prefix)
    return list(list_tree(Given(), part, prefix))


@pytest.mark.parametrize(
    "path",
    [
        "/../x", "/a/../../x", "/./x", "/", "//etc/passwd", "/a\0b", "/missing/x",
        "/" + "n" * 300, "/" + "/".join("d" * 100_000),
    ],
)  # fmt: skip
def test_a_path_that_no_walk_has_is_refused(path):
    with pytest.raises(HostileArchive) as refused:
        listed(node(path=path))
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 500


def test_nothing_is_below_a_file_or_a_link_or_comes_twice():
    directory = node(path="/d", type="dir")
    assert len(listed(directory, node(path="/d/x"), node(path="/e"))) == 3
    assert listed(node(path="/a\nb"))[0].path == b"a\nb"
    for lines in (
        (node(path="/f"), node(path="/f/x")),
        (directory, node(path="/d/x"), node(path="/d/x")),
        (node(path="/b"), node(path="/a")),
        (directory, node(path="/e"), node(path="/d/x")),
    ):
        with pytest.raises(HostileArchive):
            listed(*lines)


@pytest.mark.parametrize(
    "line",
    [
        b"[]", b"null", b"1", b'"x"', b"[" * 200_000, b'{"a":', node(size=-5), node(size=10**300),
        node(size="1"), node(size=True), node(mode=10**30), node(mode=-1), node(uid=10**30),
        node(inode=10**40), node(mtime="0000-00-00T00:00:00Z"), node(mtime=5),
        node(path="/l", type="symlink"), json.dumps(NODE).replace("1,", "Infinity,").encode(),
        b'{"message_type": "node", "type": "file"}',
        node(path="/a").replace(b'"/a"', b'"/\\ud800"'),
    ],
)  # fmt: skip
def test_a_line_of_other_types_is_one_clear_line(line):
    with pytest.raises(RepositoryError) as refused:
        listed(line)
    assert "\n" not in refused.value.message


def test_a_listing_without_end_ends(monkeypatch):
    monkeypatch.setattr(listing, "_MOST_ENTRIES", 1000)
    with pytest.raises(HostileArchive, match="more than 1,000 entries"):
        listed(*(node(path=f"/{number:06}") for number in range(1002)))


@pytest.mark.parametrize(
    "tags", [5, {"a": 1}, ["magerewind", ["x"]], None, ["magerewind", "set=²"]]
)
def test_a_snapshot_with_other_tags_is_nobody_s(tags):
    rows = [{"id": "a" * 64, "tags": tags, "summary": 1, "paths": 1, "time": 7}]
    assert read_holdings(rows, "off").sets == ()


BROKEN = (
    {"prefix": "Li4v"}, {"prefix": "L2V0Yy8="}, {"odd": 5}, {"links": []}, {"facts": 1},
    {"mode": "x"}, {"index": "eJw="}, {"snapshot": "../x"},
)  # fmt: skip
FAKE = """#!{python}
import sys
word = sys.argv[1]
if word == "version":
    print("restic 0.18.0 compiled with go")
elif word == "snapshots":
    print(open({place!r} + "/snapshots").read())
elif word == "dump":
    sys.stdout.write(open({place!r} + "/manifest").read())
elif word == "ls":
    for line in open({place!r} + "/ls"):
        sys.stdout.write(line)
"""


def test_the_commands_take_no_hostile_listing(remote, tmp_path):
    """A program that only says what it is told, in place of restic."""
    place = tmp_path / "fake"
    place.mkdir()
    (place / "restic").write_text(FAKE.format(python=sys.executable, place=str(place)))
    (place / "restic").chmod(0o755)
    remote.add("off", "/nowhere")
    code, first = "c" * 64, "d" * 64
    tags = ["magerewind", "store=shop", "set=1700000000"]
    rows = [
        {"id": code, "tags": [*tags, "kind=code"], "time": "2026-01-01T00:00:00Z"},
        {
            "id": first,
            "tags": [*tags, f"kind={MANIFEST}", f"code={code}"],
            "time": "2026-01-01T00:00:01Z",
        },
    ]
    facts = Manifest(
        file_name="x", kind=Kind.CODE, timestamp=1700000000, size_bytes=1, sha256=code,
        made_by="x", host="h", root="/", created="2026-01-01T00:00:00Z", elapsed_s=1.0,
        verified=False,
    )  # fmt: skip
    whole = SetManifest(
        store="shop", timestamp=1700000000, made_by="x",
        parts={Kind.CODE: PartManifest(snapshot=code, facts=facts)},
    )  # fmt: skip
    manifest = json.loads(to_json(whole))
    part = manifest["parts"]["code"]
    (place / "snapshots").write_text(json.dumps(rows))
    path = f"{place}:{os.environ['PATH']}"
    words = ("info:backups:files", "1700000000_filesystem.tgz", "--from", "off")
    for broken in BROKEN:
        row = json.dumps({**manifest, "parts": {"code": part | broken}})
        with pytest.raises(RepositoryError, match="manifest of the set cannot be read"):
            from_json(row.encode())
    (place / "manifest").write_text(row)
    said = remote.run(*words, path=path, code=1)
    assert "manifest of the set cannot be read" in said.err
    assert len(said.problem) <= 2
    (place / "manifest").write_bytes(to_json(whole))
    (place / "snapshots").write_text(json.dumps(rows))
    for hostile in (node(path="/../x"), b"[]", node(path="/f/x")):
        (place / "ls").write_bytes(node() + b"\n" + hostile + b"\n")
        assert len(remote.run(*words, path=path, code=1).problem) <= 2
    (place / "ls").write_bytes(node() + b"\n")  # nothing of the refused ones was kept
    assert remote.run(*words, path=path).out.split()[-1] == "a"
