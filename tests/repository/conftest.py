"""A shop with repositories of each sort: a directory, S3, a REST server, SFTP.

All servers are real ones and listen on the loopback: rclone (of the development group) serves S3
and SFTP, Debian's restic-rest-server the rest. `scripts/restic.sh` gets restic and that server.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.integration.commands import magerewind
from tests.shop import Shop
from tests.waiting import until

RCLONE = str(Path(sys.executable).parent / "rclone")
KEYS = ("ACCESSKEY123", "SECRETKEY123456")
NEEDED = (0, 17, 1)
_numbers = itertools.count(1)


def _places():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    yield os.path.join(
        os.environ.get("MAGEREWIND_RESTIC") or f"{cache}/magerewind/restic", "usr/bin"
    )
    found = shutil.which("restic")
    if found:
        yield os.path.dirname(found)


def restic_directory():
    """Return the directory of a restic that is new enough, None where there is none."""
    for place in _places():
        with contextlib.suppress(OSError):
            said = subprocess.run(
                [os.path.join(place, "restic"), "version"],
                capture_output=True, text=True, check=False, timeout=20,
            ).stdout  # fmt: skip
            version = re.match(r"restic (\d+)\.(\d+)\.(\d+)", said)
            if version and tuple(map(int, version.groups())) >= NEEDED:
                return place
    return None


@pytest.fixture(scope="session")
def restic_path():
    """The search path with a restic that is new enough."""
    place = restic_directory()
    if place is None:
        pytest.skip("no restic 0.17.1 or newer: scripts/restic.sh gets one")
    return f"{place}:{os.environ['PATH']}"


PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def template(restic_path, tmp_path_factory):
    """An empty repository whose key is cheap to derive; tests copy it.

    restic makes a key as expensive as the machine is fast, half a second for each call. One that is
    stopped most of the time finds the machine slow.
    """
    place = tmp_path_factory.mktemp("template")
    (place / "password").write_text(PASSWORD)
    process = subprocess.Popen(
        ["restic", "init", "--repo", str(place / "made")],
        env={
            "PATH": restic_path,
            "HOME": str(place),
            "RESTIC_PASSWORD_FILE": str(place / "password"),
        },
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.06)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.004)
    assert process.returncode == 0
    return place / "made"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def serving(*words, port):
    """Run a server until it is no longer needed."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port), f"{words[0]} does not listen")
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port):
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


class Remote:
    """A shop and its configuration of repositories; each test makes the ones that it needs."""

    def __init__(self, shop, place, path, template):
        self.template = template
        self.shop = shop
        self.place = Path(place)
        self.path = path
        self.config = self.place / "config.toml"
        self._repositories = {}
        self.password = self.place / "password"
        self.password.write_text(f"{PASSWORD}\n")
        self.password.chmod(0o600)
        self._write()

    def add(self, name, url, **more):
        """Put a repository into the configuration."""
        self._repositories[name] = {"url": url, "password_file": str(self.password), **more}
        self._write()

    def url(self, name):
        return self._repositories[name]["url"]

    def add_directory(self, name="off", **more):
        """Add a repository that is there already."""
        shutil.copytree(self.template, self.place / name)
        self.add(name, str(self.place / name), **more)
        return self.place / name

    def _write(self):
        lines = ["[stores.shop]", f'root = "{self.shop.root}"']
        for name, table in self._repositories.items():
            lines.append(f"[repositories.{name}]")
            for key, value in table.items():
                text = str(value).lower() if isinstance(value, bool) else repr(value)
                lines.append(f"{key} = {text}")
        self.config.write_text("\n".join(lines) + "\n")
        self.config.chmod(0o600)

    def run(self, *words, code=0, path=None, **more):
        """Run a command with this configuration."""
        environ = {"PATH": path or self.path, **more}
        return magerewind(
            self.shop, "--config", str(self.config), *words, environ=environ, code=code
        )

    def restic(self, name, *words):
        """Run restic as a person would, without us; return its output."""
        done = subprocess.run(
            ["restic", *words],
            env={
                "PATH": self.path,
                "HOME": str(self.place),
                "RESTIC_REPOSITORY": self._repositories[name]["url"],
                "RESTIC_PASSWORD_FILE": str(self.password),
                **self.environ(name),
            },
            capture_output=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    def environ(self, name):
        file = self._repositories[name].get("env_file")
        if file is None:
            return {}
        return dict(line.split("=", 1) for line in Path(file).read_text().splitlines())

    def sets(self, name="off"):
        said = self.run("repo:list", name, "--json")
        return [row for row in said.objects if row["type"] == "RemoteSet"]

    def unfinished(self, name="off"):
        said = self.run("repo:list", name, "--json")
        return [row for row in said.objects if row["type"] == "UnfinishedSnapshot"]


@pytest.fixture(scope="module")
def shop(server, restic_path):
    with tempfile.TemporaryDirectory(prefix="magerewind-test-") as place:
        os.chmod(place, 0o755)
        schema = f"repository_{next(_numbers)}"
        yield Shop.make(os.path.join(place, "store"), server, schema)


@pytest.fixture
def remote(shop, restic_path, tmp_path, template):
    return Remote(shop, tmp_path, restic_path, template)


@pytest.fixture
def s3(remote):
    """Add a repository `cloud` on a real S3 server."""
    port = free_port()
    keys = remote.place / "keys"
    keys.write_text(f"AWS_ACCESS_KEY_ID={KEYS[0]}\nAWS_SECRET_ACCESS_KEY={KEYS[1]}\n")
    keys.chmod(0o600)
    data = remote.place / "s3"
    shutil.copytree(remote.template, data / "bucket/shop")
    words = (RCLONE, "serve", "s3", str(data), "--addr", f"127.0.0.1:{port}")
    with serving(*words, "--auth-key", ",".join(KEYS), port=port) as process:
        remote.add("cloud", f"s3:http://127.0.0.1:{port}/bucket/shop", env_file=str(keys))
        yield process


@pytest.fixture
def rest(remote):
    """The address of a real REST server that takes nothing back."""
    port = free_port()
    shutil.copytree(remote.template, remote.place / "rest")
    server = shutil.which("restic-rest-server", path=remote.path)
    words = ("--append-only", "--no-auth", "--path", str(remote.place / "rest"))
    with serving(server, *words, "--listen", f"127.0.0.1:{port}", port=port):
        yield f"rest:http://127.0.0.1:{port}/"
