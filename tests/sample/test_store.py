"""The sample store: the shape that the rest of the tests rely on."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import zlib

import pytest

from core.magento.settings import DatabaseConnection, Secret
from core.sample.sizes import Size
from core.sample.store import VERSION, make_store, write_env


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    target = tmp_path_factory.mktemp("sample") / "store"
    make_store(str(target), size=Size.SMALL)
    return os.fsencode(target)


def walk(root: bytes):
    for folder, directories, files in os.walk(root):
        for name in directories + files:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, root), os.lstat(path)


def tree_hash(root: bytes) -> str:
    digest = hashlib.sha256()
    for name, status in sorted(walk(root)):
        digest.update(name + b"\0%o\0" % status.st_mode)
        path = os.path.join(root, name)
        if stat.S_ISLNK(status.st_mode):
            digest.update(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            with open(path, "rb") as source:
                digest.update(source.read() + b"%d" % status.st_mtime_ns)
    return digest.hexdigest()


def test_same_seed_same_store_under_any_umask(root, tmp_path):
    before = os.umask(0o077)
    try:
        make_store(str(tmp_path / "again"), size=Size.SMALL)
    finally:
        os.umask(before)
    assert tree_hash(os.fsencode(tmp_path / "again")) == tree_hash(root)


def test_another_seed_another_store(root, tmp_path):
    make_store(str(tmp_path / "other"), size=Size.SMALL, seed=2)
    assert tree_hash(os.fsencode(tmp_path / "other")) != tree_hash(root)


def test_small_has_about_3000_files_in_fewer_directories(root):
    entries = [status for _, status in walk(root)]
    files = sum(stat.S_ISREG(status.st_mode) for status in entries)
    assert 2_800 < files < 3_300
    assert sum(stat.S_ISDIR(status.st_mode) for status in entries) < files


def test_names_are_as_odd_as_real_ones(root):
    names = [name for name, _ in walk(root)]
    assert sum(len(name) >= 100 for name in names) > 300
    assert max(len(name) for name in names) >= 200
    text = b"\n".join(names)
    for piece in (b" ", b"$", b"&", b"'", b'"', b"\\", b"\xff", "漢".encode()):
        assert piece in text
    with pytest.raises(UnicodeDecodeError):
        text.decode()


def test_links_of_each_sort(root):
    folder = os.path.join(root, b"pub/media/odd")
    assert os.path.isfile(os.path.join(folder, b"link to file"))
    assert os.path.isdir(os.path.join(folder, b"link to directory"))
    assert not os.path.exists(os.path.join(folder, b"link dangling"))
    assert os.readlink(os.path.join(folder, b"link absolute")).startswith(b"/")
    assert os.path.samefile(
        os.path.join(folder, b"first name.txt"), os.path.join(folder, b"second name.txt")
    )


def test_pictures_are_pictures(root):
    kinds = set()
    for name, status in walk(os.path.join(root, b"pub/media/catalog")):
        if not stat.S_ISREG(status.st_mode):
            continue
        with open(os.path.join(root, b"pub/media/catalog", name), "rb") as source:
            content = source.read()
        if name.endswith(b".png"):
            start = content.index(b"IDAT")
            length = int.from_bytes(content[start - 4 : start], "big")
            lines = zlib.decompress(content[start + 4 : start + 4 + length])
            assert len(lines) % 65 == 0
            kinds.add("png")
        else:
            assert content[:4] == b"\xff\xd8\xff\xe0"
            assert content[-2:] == b"\xff\xd9"
            kinds.add("jpg")
    assert kinds == {"png", "jpg"}


def test_composer_names_the_version(root):
    with open(os.path.join(root, b"composer.json")) as source:
        assert json.load(source)["version"] == VERSION


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not on this machine")
def test_configuration_is_php(root, tmp_path):
    password = 'it\'s \\ "odd" \N{SNOWMAN}'
    connection = DatabaseConnection(
        name="default",
        schema="shop",
        username="me",
        password=Secret(password),
        socket="/run/x y/s",
        table_prefix="m2_",
    )
    target = tmp_path / "app" / "etc"
    target.mkdir(parents=True)
    write_env(str(tmp_path), connection)
    script = "echo json_encode((include $argv[1])['db']);"
    done = subprocess.run(
        ["php", "-r", script, str(target / "env.php")], capture_output=True, check=True
    )
    db = json.loads(done.stdout)
    assert db["table_prefix"] == "m2_"
    assert db["connection"]["default"]["host"] == "/run/x y/s"
    assert db["connection"]["default"]["password"] == password
    console = os.path.join(root, b"bin/magento")
    assert (
        VERSION.encode()
        in subprocess.run([console, "--version"], capture_output=True, check=True).stdout
    )
    subprocess.run(["php", console, "cache:flush"], capture_output=True, check=True)
