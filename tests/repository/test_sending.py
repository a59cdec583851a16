"""Sets are sent to repositories of each sort: whole, without a secret, and never half."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from core.archive.tar.reader import ArchiveReader
from core.events import Kind
from core.inflating import zstd
from core.repository import calls
from core.repository.restic import Restic
from core.repository.sending import send_stream
from core.repository.settings import Repository
from tests.integration.commands import as_root
from tests.repository.conftest import RCLONE, free_port, serving
from tests.waiting import until


def local_members(shop, name):
    """The members of an archive: path, type and size."""
    path = os.path.join(shop.store.backups, name)
    with ArchiveReader(path, trusted=True, report=lambda *_: None) as reader:
        return {member.name: member.size for member in reader}


def tree_of(directory):
    """The entries below a directory: path and size of files."""
    found = {}
    for above, directories, names in os.walk(os.fsencode(directory)):
        for name in (*directories, *names):
            path = os.path.join(above, name)
            status = os.lstat(path)
            size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            found[os.path.relpath(path, os.fsencode(directory))] = size
    return found


def test_a_wrong_key_a_dead_server_and_a_wrong_password_end_at_once(remote, s3, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(keys.read_text().replace("SECRETKEY", "OTHERKEY99"))
    said = remote.run("repo:list", "cloud", code=1)
    assert "signature" in said.err
    assert "OTHERKEY99" not in said.err
    keys.write_text(keys.read_text().replace("OTHERKEY99", "SECRETKEY"))
    remote.password.write_text("battery staple")
    said = remote.run("setup:backup", "--code", "--to", "cloud", code=1)
    assert "The password does not open the repository cloud." in said.err
    s3.kill()
    s3.wait()
    said = remote.run("setup:backup", "--code", "--to", "cloud", code=1)
    assert "gave no answer" in said.err
    assert "refused" in said.err
    assert not remote.shop.closed()


def test_the_selection_is_the_archive_s(remote, tmp_path):
    """restic takes the entries of our own archive: exclusions, odd names, links alike."""
    remote.add_directory()
    root = Path(remote.shop.root)
    odd = root / "app/odd"
    odd.mkdir()
    for name in ("a[1].txt", "$HOME", "b*.txt", "tail ", "new\nline", "{a,b}", "**", "~"):
        (odd / name).write_text(name)
        (odd / f"{name}.left").mkdir()
        (odd / f"{name}.left" / "inside").write_text("left out")
    Path(os.fsdecode(os.fsencode(odd) + b"/bad\xff\xe2\x82")).write_text("no UTF-8")
    os.mkfifo(odd / "fifo")
    (odd / "link").symlink_to("nowhere")
    os.link(odd / "$HOME", odd / "second")
    try:
        remote.run(
            "setup:backup", "--code", "--media", "--to", "off,local",
            "--exclude", "app/odd/*.left", "--exclude", "**/vendor/acme",
        )  # fmt: skip
    finally:
        shutil.rmtree(odd)
    (one,) = remote.sets()
    for kind, name in ((Kind.CODE, "filesystem"), (Kind.MEDIA, "filesystem_media")):
        out = tmp_path / kind.value
        remote.restic("off", "restore", one["snapshots"][kind], "--target", str(out))
        members = local_members(remote.shop, f"{one['timestamp']}_{name}.tgz")
        prefix = b"pub/media/" if kind is Kind.MEDIA else b""
        restored = {prefix + path: size for path, size in tree_of(out).items()}
        members = {name: size for name, size in members.items() if name.startswith(prefix)}
        assert restored.keys() == members.keys() - {prefix.rstrip(b"/")}
        for path, size in restored.items():  # a second name of a file has no size in a tar
            assert size == members[path] or (members[path] == 0 and b"second" in path)
    assert os.lstat(tmp_path / "code/app/odd/second").st_nlink == 2


def test_sftp_and_an_append_only_server(remote, tmp_path):
    data = tmp_path / "sftp"
    shutil.copytree(remote.template, data / "shop")
    shutil.copytree(remote.template, tmp_path / "rest")
    options = [f"sftp.command={RCLONE} serve sftp --stdio {data}"]
    remote.add("ssh", "sftp:nobody@nowhere:/shop", options=options)
    port = free_port()
    words = ("restic-rest-server", "--append-only", "--no-auth", "--path", str(tmp_path / "rest"))
    server = shutil.which(words[0], path=remote.path)
    with serving(server, *words[1:], "--listen", f"127.0.0.1:{port}", port=port):
        remote.add("rest", f"rest:http://127.0.0.1:{port}/", append_only=True)
        words = ("--media", "--db", "--compress", "zstd", "--to", "ssh,rest,local")
        said = remote.run("setup:backup", *words)
        (one,) = remote.sets("ssh")
        assert "is complete in ssh." in said.out
        assert "is complete in rest." in said.out
        (two,) = remote.sets("rest")
        assert (one["timestamp"], one["complete"]) == (two["timestamp"], True)
        # The dump is compressed here, and plain there.
        remote.run("repo:fetch", "latest", "rest", "--db")
        plain, packed = (
            Path(remote.shop.store.backups, f"{one['timestamp']}_db.sql{ending}")
            for ending in ("", ".zst")
        )
        assert plain.read_bytes() == zstd.decompress(packed.read_bytes())


def test_one_repository_that_fails_keeps_the_set_from_no_other(remote, tmp_path):
    remote.add_directory("good")
    remote.add("none", str(tmp_path / "none"))
    said = remote.run("setup:backup", "--media", "--to", "none,good,local", code=1)
    assert "is complete in good." in said.out
    assert "There is no repository" in said.err
    assert "var/backups is complete" in said.err
    assert [name for name in os.listdir(remote.shop.store.backups) if "media" in name]


def test_a_server_that_refuses_is_no_missing_repository(remote, tmp_path):
    """Its hint would make another repository, where the keys are wrong."""
    shutil.copytree(remote.template, tmp_path / "rest")
    (tmp_path / "rest/.htpasswd").write_text("shop:$2y$05$" + "a" * 53 + "\n")
    port = free_port()
    server = shutil.which("restic-rest-server", path=remote.path)
    words = ("--path", str(tmp_path / "rest"), "--listen", f"127.0.0.1:{port}")
    with serving(server, *words, port=port):
        remote.add("rest", f"rest:http://127.0.0.1:{port}/")
        said = remote.run("repo:list", "rest", code=1)
    assert "does not let itself be opened" in said.err
    assert "401" in said.err
    assert "repo:init" not in said.err


def test_nothing_of_a_dump_that_ended_early_is_kept(remote, restic_path):
    remote.add_directory()
    place = remote.place / "off"
    opened = Restic(
        Repository(name="off", url=str(place), password_file=str(remote.password)),
        environ={"PATH": restic_path},
        cache=str(remote.place / "cache"),
    )

    def produce(fd):
        os.write(fd, b"INSERT" * 50_000)
        raise RuntimeError("the server went away")

    with pytest.raises(RuntimeError, match="went away"):
        send_stream(opened, produce, name="db.sql", host="h", tags=("magerewind",))
    assert opened.snapshots() == []


def test_a_call_that_says_nothing_ends(remote, tmp_path, monkeypatch):
    """A server that takes a request and never answers costs a limit of time, not a night."""
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin/restic"
    slow.write_text('#!/bin/sh\n[ "$1" = version ] && echo restic 0.18.0 && exit\nsleep 600\n')
    slow.chmod(0o755)
    opened = Restic(
        Repository(name="off", url="/x", password_file=str(remote.password)),
        environ={"PATH": f"{slow.parent}:/usr/bin:/bin"},
    )
    monkeypatch.setattr(calls, "_GRACE_S", 0.1)
    call = opened.call(("cat", "config"), limits=calls.CallLimits(idle_s=0.3))
    with pytest.raises(calls.RepositoryUnreachable, match="gave no answer"):
        list(call.lines())


OLD = """#!/bin/sh
case " $* " in
*" init "*)
    echo "created restic repository c3b378ff52 at $RESTIC_REPOSITORY"
    exit 0 ;;
*" version "*)
    echo restic 0.14.0 compiled with go1.19
    exit 0 ;;
esac
echo "Fatal: unable to open config file: stat /x/config: no such file or directory" >&2
echo "Is there a repository at the following location?" >&2
echo "$RESTIC_REPOSITORY" >&2
exit 1
"""  # its words


def test_an_old_restic_is_named_with_its_cure(remote, tmp_path):
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin/restic"
    old.write_text(OLD)
    old.chmod(0o755)
    remote.add_directory()
    path = f"{old.parent}:/usr/bin:/bin"
    said = remote.run("setup:backup", "--code", "--to", "off", code=1, path=path)
    assert re.search("There is no repository at .*\\nmagerewind repo:init off makes", said.err)
    said = remote.run("repo:init", "off", path=path)
    assert "Made the repository off (id c3b378ff52)." in said.err
    said = remote.run("repo:list", code=1, path=f"{old.parent}:/usr/bin:/bin")
    assert "is restic 0.14.0; 0.17.1 or newer is needed" in said.err
    assert "Debian 13" in said.err
    (tmp_path / "empty").mkdir()
    said = remote.run("repo:list", code=1, path=str(tmp_path / "empty"))
    assert re.search("no restic on this machine.*\n.*Local backups need none", said.err)


@pytest.mark.parametrize(
    ("mode", "content", "message"),
    [
        (0o644, "secret", "can be read by every account"),
        (0o620, "secret", "can be changed by other accounts"),
        (0o600, "\n", "is empty"),
    ],
)
def test_a_password_that_others_know_or_that_is_none_is_refused(remote, mode, content, message):
    remote.add_directory()
    remote.password.write_text(content)
    remote.password.chmod(mode)
    said = remote.run("repo:list", code=1)
    assert message in said.err


def test_a_repository_is_made_once_and_its_sheet_printed_again(remote, tmp_path):
    remote.add("new", str(tmp_path / "new"))
    for _ in range(2):
        sheet = remote.run("repo:init", "new").out
        assert f"Address:   {tmp_path}/new" in sheet
        assert "restic restore ID-OF-KIND-CODE-OR-MEDIA --target /srv/shop" in sheet
        assert "correct horse" not in sheet
    assert remote.sets("new") == []


def test_a_server_that_is_full_is_one_line(remote, tmp_path):
    port = free_port()
    shutil.copytree(remote.template, tmp_path / "rest")
    server = shutil.which("restic-rest-server", path=remote.path)
    words = ("--no-auth", "--path", str(tmp_path / "rest"), "--max-size", "20000")
    with serving(server, *words, "--listen", f"127.0.0.1:{port}", port=port):
        remote.add("rest", f"rest:http://127.0.0.1:{port}/")
        said = remote.run("setup:backup", "--code", "--to", "rest", code=1)
    assert "There is no room in the repository rest: " in said.err
    assert not remote.shop.closed()


@pytest.mark.crash
@as_root
def test_two_hosts_on_one_repository(remote):
    """What a dead machine locked stays locked; each store has its own sets."""
    place = remote.add_directory()
    environ = {"PATH": remote.path, "HOME": str(remote.place), "RESTIC_REPOSITORY": str(place),
               "RESTIC_PASSWORD_FILE": str(remote.password)}  # fmt: skip
    words = "hostname other-machine; exec restic backup --stdin --host magerewind-other"
    other = subprocess.Popen(
        ["unshare", "--uts", "sh", "-c", words], env=environ, stdin=subprocess.PIPE
    )
    until(lambda: list((place / "locks").iterdir()), "the other machine takes no lock")
    other.kill()
    other.communicate()
    remote.run("setup:backup", "--media", "--to", "off")
    (one,) = remote.sets()
    said = remote.run("repo:forget", "off", "--keep-last", "1", "--prune", "--yes", code=1)
    assert "Somebody else works on the repository off" in said.err
    assert len(list((place / "locks").iterdir())) == 1
    remote.config.write_text(remote.config.read_text().replace("[stores.shop]", "[stores.two]"))
    assert remote.sets() == []
    stamp = str(one["timestamp"])
    said = remote.run("setup:rollback", "--set", stamp, "-m", "--from", "off", code=1)
    assert "holds no set" in said.err
