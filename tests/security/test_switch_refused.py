"""Where root cannot be told whose store it is, or cannot become that account: one line, no work."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.accounts import (
    GROUP,
    OTHER,
    OWNER,
    WEB,
    Installation,
    as_root,
    clean,
    give,
    look_of,
    open_to_all,
)

pytestmark = as_root
ALL = ("info:store", "job:list", "job:recover", "setup:backup", "info:backups:list")


def refused(installation, root, *words, command="info:store", **more):
    """Run a command that must be refused, with nothing changed; return its output."""
    top = os.path.dirname(root)
    before = look_of(top)
    said = installation.run(command, *words, cwd="/", code=1, **more)
    assert look_of(top) == before
    assert said.out == ""
    assert len(said.problem) == 2, said
    return said.problem


@pytest.mark.parametrize("command", ALL)
def test_a_directory_that_others_may_write_to(installation, store_of, place, command):
    parent = os.path.join(place, "projects")
    os.mkdir(parent)
    root = store_of(OWNER, parent=parent)
    os.chown(parent, 0, GROUP)
    os.chmod(parent, 0o2775)
    assert refused(installation, root, "--root", root, command=command) == [
        f"Whose store this is cannot be told: others may write to {parent} (2775).",
        f"Name the account: --as {OWNER}",
    ]


@pytest.mark.parametrize("uid", [0, OWNER])
def test_a_directory_that_everybody_may_write_to(installation, store_of, place, uid):
    parent = os.path.join(place, "projects")
    os.mkdir(parent)
    root = store_of(uid, parent=parent)
    os.chmod(parent, 0o757)
    (message, _) = refused(installation, root, "--root", root)
    assert f"others may write to {parent} (757)." in message


def test_a_directory_of_somebody_else_on_the_way(installation, store_of, place):
    parent = os.path.join(place, "projects")
    os.mkdir(parent)
    root = store_of(OWNER, parent=parent)
    os.chown(parent, OTHER, OTHER)
    (message, hint) = refused(installation, root, "--root", root)
    assert message == f"Whose store this is cannot be told: {parent} belongs to {OTHER}."
    assert hint == f"Name the account: --as {OWNER}"
    os.chown(parent, OWNER, GROUP)
    installation.run("info:backups:list", "--root", root, code=0)
    os.chmod(parent, 0o1777)  # sticky helps for root's directories only
    refused(installation, root, "--root", root)


@pytest.mark.parametrize("owner", [0, OWNER, WEB])
def test_links_on_the_way(installation, store_of, place, owner):
    root = store_of(OWNER, name="release-2")
    link = os.path.join(place, "current")
    os.symlink("../" + os.path.basename(place) + "/release-2", link)
    os.lchown(link, owner, owner)
    if owner == WEB:
        (message, hint) = refused(installation, root, "--root", link)
        assert message == f"Whose store this is cannot be told: {link} is a link of www-data's."
        assert hint == f"Name the account: --as {OWNER}"
    else:
        said = installation.run("info:store", "--root", link)
        assert said.err.startswith(f"Working as {OWNER}, the owner of the store.\n")
        assert f"Root          {root}\n" in said.out
    installation.run("info:backups:list", "--root", link, "--as", str(OWNER), code=0)


def test_the_store_is_found_upwards_as_by_everybody(installation, store_of, place):
    root = store_of(OWNER)
    base = os.path.join(root, "vendor/magento/magento2-base")
    for name in ("app/etc", "pub"):
        os.makedirs(os.path.join(base, name))
    Path(base, "pub/index.php").write_text("<?php\n")
    for cwd in (root, base, f"{base}/app/etc"):
        said = installation.run("info:store", cwd=cwd)
        assert said.err.startswith(f"Working as {OWNER},")
        assert f"Root          {root}\n" in said.out
        installation.run("info:backups:list", "--as", str(OWNER), cwd=cwd, code=0)
    said = installation.run("info:store", cwd=place, code=1)
    assert "No Magento store in" in said.err
    assert installation.run("info:store", "--root", "store", cwd=place).code != 2


def test_a_store_of_nobody_known(installation, store_of):
    root = store_of(65534)
    assert installation.run("info:store", root=root, code=1).problem == [
        "The store's owner (65534) is no account of this machine."
    ]


def test_a_root_of_roots_with_contents_of_another(installation, store_of):
    root = store_of(OWNER)
    os.chown(root, 0, 0)
    said = installation.run("info:store", root=root)
    assert said.err.startswith(f"Working as {OWNER}, the owner of the store.\n")
    assert f"Owner         {OWNER}:www-data\n" in said.out


def test_a_root_of_roots_whose_configuration_lies_with_a_third(installation, store_of, place):
    """Who may make a link there must not choose whose rights the code beside it gets."""
    root = store_of(WEB)
    os.chown(root, 0, 0)
    elsewhere = os.path.join(place, "elsewhere")
    os.mkdir(elsewhere)
    os.chown(elsewhere, OTHER, OTHER)
    os.rename(f"{root}/app/etc", f"{root}/app/was")
    os.symlink(elsewhere, f"{root}/app/etc")
    os.lchown(f"{root}/app/etc", WEB, WEB)
    (message, hint) = refused(installation, root, "--root", root)
    assert message == f"Whose store this is cannot be told: {root}/app belongs to www-data."
    assert hint == "Name the account: --as ACCOUNT"


def test_all_is_roots(installation, store_of):
    root = store_of(0, 0)
    said = installation.run("info:backups:list", root=root, code=0)
    assert "Working" not in said.err
    installation.run("setup:backup", "--code", root=root, code=0)
    assert "root" in installation.run("job:list", root=root).out
    installation.run("info:backups:list", "--as", "root", root=root, code=0)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *[
            (name, "owner")
            for name in ("app/etc/env.php", "bin", "bin/magento", "var", "var/backups", "pub/media")
        ],
        ("app/etc/env.php", "group"),
        ("var", "all"),
        ("var", "root"),
    ],
)
def test_root_s_only_in_part(installation, store_of, name, how):
    root = store_of(0, 0)
    path = os.path.join(root, name)
    if how in ("owner", "root"):
        os.chown(path, WEB, WEB)
    else:
        os.chmod(path, {"group": 0o775, "all": 0o1777}[how])
    words = ("--as", "root") if how == "root" else ()
    (message, hint) = refused(installation, root, "--root", root, *words)
    assert message.startswith("Root does not work on a store that is root's only in part: ")
    assert path in message
    assert hint == "Name the account: --as ACCOUNT"


def test_media_elsewhere_must_be_roots_too(installation, store_of, place):
    root = store_of(0, 0)
    shutil.rmtree(f"{root}/pub/media")
    media = os.path.join(place, "media")
    os.mkdir(media)
    os.symlink(media, f"{root}/pub/media")
    installation.run("info:backups:list", root=root, code=0)
    os.chown(media, WEB, WEB)
    (message, _) = refused(installation, root, "--root", root)
    assert message.endswith(f"{media} belongs to www-data.")


@pytest.mark.parametrize("name", ["nobody-here", "-1", "4294967295", "9" * 30, "a\nb", "é"])
def test_an_account_that_is_none(installation, store_of, name):
    root = store_of(OWNER)
    said = installation.run("info:store", f"--as={name}", root=root, code=2)
    assert said.problem[0].startswith("There is no account ")


def test_as_somebody_else_only_what_he_may(installation, store_of):
    root = store_of(OWNER)
    os.chmod(root, 0o750)
    said = installation.run("info:store", "--as", str(OTHER), root=root, code=1)
    assert said.problem[0] == f"{OTHER} may not look into {root}: Permission denied."
    said = installation.run("info:store", "--as", str(OTHER), "--root", root, code=1)
    assert said.problem[0] == f"Cannot look into {root}: permission denied."
    assert said.problem[1] == f"Run it as {OWNER}, the owner of the store, or as root."


def test_a_directory_that_the_owner_cannot_pass(installation, store_of, place):
    parent = os.path.join(place, "closed")
    os.mkdir(parent)
    root = store_of(OWNER, parent=parent)
    os.chmod(parent, 0o700)
    (message, _) = refused(installation, root, "--root", root)
    assert message == f"{OWNER} cannot reach {root}: Permission denied."


def test_a_working_directory_that_is_gone(installation, place):
    gone = os.path.join(place, "gone")
    os.mkdir(gone)
    command = [
        "/bin/sh",
        "-c",
        'rmdir "$PWD"; exec "$@"',
        "sh",
        *installation.command("info:store"),
    ]
    said = installation.program(command, cwd=gone)
    assert said.stderr.startswith("The working directory does not exist any more.\n")


def test_a_root_without_the_right_to_become_anybody(installation, store_of):
    """As in a container without CAP_SETUID."""
    root = store_of(OWNER)
    command = [
        "setpriv", "--bounding-set=-setuid,-setgid", *installation.command("info:store")
    ]  # fmt: skip
    said = installation.program(command, root=root)
    assert said.stderr.splitlines() == [
        f"Root may not become {OWNER} here: Operation not permitted.",
        f"Start it as {OWNER}.",
    ]
    assert said.returncode == 1


@pytest.mark.parametrize("closed", [".", "store"])
def test_a_root_that_may_not_look_everywhere(installation, store_of, place, closed):
    """As on NFS with root_squash: the owner may pass where root may not."""
    parent = os.path.join(place, "export")
    os.mkdir(parent)
    root = store_of(OWNER, parent=parent)
    os.chown(parent, OWNER, GROUP)
    os.chmod(os.path.join(parent, closed), 0o750)
    squashed = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    command = [*squashed, *installation.command("info:store", "--root", root)]
    said = installation.program(command)
    assert said.stderr.startswith("Root may not look at ")
    assert said.stderr.endswith(": Permission denied.\nName the account: --as ACCOUNT\n")
    said = installation.program([*command, "--as", str(OWNER)])
    assert f"Root          {root}\n" in said.stdout


def test_borrowed_rights(installation, store_of):
    """Neither a set-user-id interpreter nor a wrapper lends this program its rights."""
    root = store_of(OWNER)
    before = look_of(root)
    for ids in ((OTHER, 0, 0), (OTHER, OWNER, OWNER)):
        command = installation.command("info:store")
        become = functools.partial(os.setresuid, *ids)
        said = installation.program(command, root=root, preexec_fn=become)
        assert said.stderr.splitlines()[0] == (
            "This program is not made to be run with the rights of its file."
        )
        assert said.returncode == 1
    assert look_of(root) == before


def test_an_installation_that_the_owner_cannot_read(store_of, place):
    root = store_of(OWNER)
    closed = os.path.join(place, "closed")
    if open_to_all(os.path.realpath(sys.executable)):
        os.mkdir(closed, 0o700)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", closed], check=True)
        site = next(Path(closed).glob("lib/python*/site-packages"))
        paths = [path for path in sys.path if path.endswith(("site-packages",))]
        (site / "all.pth").write_text("\n".join([*paths, str(Path(__file__).parents[2])]))
        os.chmod(closed, 0o700)
        python, part = f"{closed}/bin/python", closed
    else:
        python, part = sys.executable, None
    (message, hint) = refused(Installation(python), root, "--root", root)
    assert message.startswith(f"{OWNER} cannot read this installation: {part or '/'}")
    assert message.endswith(" is closed to it.")
    assert hint == "Install it for all: pipx install --global magerewind"


@pytest.mark.parametrize("how", ["module", "directory", "parent"])
def test_an_installation_that_others_may_change(installation, store_of, place, how):
    root = store_of(OWNER)
    checkout = os.path.join(place, "installed")
    for name in ("core", "tui"):
        shutil.copytree(
            Path(__file__).parents[2] / name, f"{checkout}/{name}",
            ignore=shutil.ignore_patterns("__pycache__"),
        )  # fmt: skip
    changed = {"module": "core/errors.py", "directory": "core/jobs", "parent": "."}[how]
    command = ["-c", "import sys; from core.cli.main import run; sys.exit(run())", "job:list"]
    command += ["--root", root]

    def start():
        return installation.program([installation.python, *command], cwd=checkout)

    assert "Working as" in start().stderr
    os.chmod(f"{checkout}/{changed}", 0o666 if how == "module" else 0o777)
    said = start()
    assert said.stderr.startswith("Root does not run an installation that others may change: ")
    assert said.stdout == ""
    os.chmod(f"{checkout}/{changed}", 0o644 if how == "module" else 0o755)
    os.chown(f"{checkout}/{changed}", OTHER, OTHER)
    assert "that others may change" in start().stderr


@pytest.mark.long
def test_the_demonstration_needs_no_door(installation):
    """It makes a store of root's own, where root works as root."""
    said = installation.run("demo", "--headless", environ=clean())
    assert said.code == 0, said
    assert "is what it was before the damage" in said.out
    assert "Working as" not in said.out


def test_nothing_of_the_store_is_opened_as_root(installation, store_of, place):
    """Not one name below the root, for reading or writing, before the account is another one."""
    root = store_of(OWNER)
    give(root, OWNER, GROUP)
    trace = os.path.join(place, "trace")
    command = [
        "strace", "-o", trace, "-e", "trace=open,openat,setresuid,creat,mkdir,unlink,rename",
        *installation.command("info:backups:list"),
    ]  # fmt: skip
    said = installation.program(command, root=root)
    assert said.returncode == 0, said
    before = Path(trace).read_text().partition(f"setresuid({OWNER}")[0].splitlines()
    touched = [line for line in before if root in line or '"store"' in line]
    assert touched
    assert all("O_PATH" in line or "ENOENT" in line for line in touched), touched
