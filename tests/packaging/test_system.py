"""The files that belong to a system: in the wheel, and where `make install` puts them."""

import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core import __version__
from core.cli.command_table import COMMANDS
from core.cli.completion import completion_script
from core.cli.man_page import escaped, man_page
from core.sample.sizes import Size
from core.sample.store import make_store

ROOT = Path(__file__).parents[2]
SHARED = {
    "share/man/man1/magerewind.1": man_page,
    "share/bash-completion/completions/magerewind": lambda: completion_script("bash"),
    "share/zsh/site-functions/_magerewind": lambda: completion_script("zsh"),
    "share/fish/vendor_completions.d/magerewind.fish": lambda: completion_script("fish"),
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    keep = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "tests", "screenshots")
    shutil.copytree(ROOT, source, ignore=keep)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (found,) = directory.glob("*.whl")
    return found


def test_the_wheel_has_them(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for place, make in SHARED.items():
            (name,) = [one for one in archive.namelist() if one.endswith(f".data/data/{place}")]
            assert archive.read(name).decode() == make()


@pytest.mark.long
def test_an_installation_has_them_below_its_prefix(wheel: Path, tmp_path: Path) -> None:
    none, prefix = tmp_path / "lock", tmp_path / "a prefix"
    none.touch()
    environ = {
        **os.environ,
        "MAGEREWIND_LOCK": str(none),
        "PIP_NO_INDEX": "1",
        "PIP_NO_COMPILE": "1",
    }
    command = [ROOT / "scripts/install.sh", prefix, wheel]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    for place, make in SHARED.items():
        assert (prefix / place).read_text() == make()
    # The dependencies are these tests' own.
    (packages,) = prefix.glob("lib/magerewind/lib/python*/site-packages")
    (packages / "these.pth").write_text("\n".join(p for p in sys.path if p.endswith("-packages")))
    command = [prefix / "bin/magerewind", "completion", "bash"]
    said = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)
    assert said.stdout == completion_script("bash")
    (prefix / "share/man/man1/other.1").touch()
    subprocess.run([ROOT / "scripts/uninstall.sh", prefix], check=True, capture_output=True)
    left = [path.relative_to(prefix) for path in prefix.rglob("*") if not path.is_dir()]
    assert left == [Path("share/man/man1/other.1")]
    done = subprocess.run([ROOT / "scripts/uninstall.sh", prefix], capture_output=True, check=False)
    assert (done.returncode, b"nothing was removed" in done.stderr) == (1, True)


def test_another_program_at_its_place_stays(tmp_path: Path) -> None:
    other = tmp_path / "lib/magerewind/file"
    other.parent.mkdir(parents=True)
    other.touch()
    done = subprocess.run(
        [ROOT / "scripts/install.sh", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "is something else" in done.stderr
    assert other.exists()


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
def test_the_page_of_the_manual_is_sound() -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-b", "-Tascii", "-P-cbou"],
        input=man_page(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    for command in COMMANDS:
        assert f"   {command.name}\n" in done.stdout
    assert "--compress-level N" in done.stdout
    assert "%%" not in done.stdout


def test_a_line_of_the_manual_is_shown_as_it_is() -> None:
    assert escaped(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert escaped("'it' a-b\\n") == "\\(aqit\\(aq a\\-b\\en"
    assert escaped("5 … é") == "5 ... \\[u00E9]"


DIST = runpy.run_path(str(ROOT / "scripts/dist.py"))
_PACKAGES = (
    "backports", "humanize", "isal", "msgspec", "platformdirs", "pymysql", "shtab", "tree_sitter",
    "tree_sitter_php",
)  # fmt: skip


@pytest.fixture(scope="module")
def single(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The single file, with the dependencies of these tests in place of fetched ones."""
    directory = tmp_path_factory.mktemp("single")
    packages = directory / "site-packages"
    packages.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages, [n for n in archive.namelist() if n[:4] in {"core", "tui/"}])
    for name in _PACKAGES:
        for place in map(Path, sys.path):
            if place.name.endswith("-packages") and (place / name).is_dir():
                shutil.copytree(place / name, packages / name)
                break
    target = directory / "magerewind"
    DIST["single_file"](packages, target)
    shutil.rmtree(packages)
    return target


class Host:
    """A machine with Python and the single file alone."""

    def __init__(self, single: Path, directory: Path) -> None:
        self.single = single
        self.root = directory / "shop"
        self.cache = directory / "cache"
        self.cache.mkdir()
        make_store(str(self.root), size=Size.SMALL)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-I", self.single, *words],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "MAGEREWIND_CACHE": str(self.cache)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def host(single: Path, tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(single, tmp_path_factory.mktemp("host"))


def test_the_single_file_backs_up_by_a_job_of_its_own(host: Host) -> None:
    assert host.run("--version").stdout == f"magerewind {__version__}\n"
    (place,) = host.cache.iterdir()
    assert (place.stat().st_mode & 0o777, place.name[: len(__version__)]) == (0o755, __version__)
    before = place.stat().st_mtime_ns
    backup = host.run("setup:backup", "--code", "--media")
    assert backup.returncode == 0, backup.stderr
    listed = host.run("info:backups:list", "--json")
    assert listed.stdout.count('"type": "Backup"') == 2
    assert [one.stat().st_mtime_ns for one in host.cache.iterdir()] == [before]


def test_the_single_file_runs_nothing_that_others_may_write(host: Host) -> None:
    mode = host.cache.stat().st_mode
    host.cache.chmod(0o777)
    done = host.run("--version")
    host.cache.chmod(mode)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{host.cache} is not a directory that this account alone may write to.\n"


def test_the_single_file_says_which_python_it_is_for() -> None:
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "scripts/single_file.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("This file is for Python 0.0, and this is Python 3.")
    assert len(done.stderr.splitlines()) == 2


def test_the_notes_of_a_release_are_its_part_of_the_changelog() -> None:
    changelog = "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [1.0.0] - 2026-01-01\n\n- old\n"
    assert DIST["release_notes"]("1.0.0", changelog) == "# magerewind 1.0.0\n\n- old\n"
    assert DIST["release_notes"]("1.1.0", changelog) == "# magerewind 1.1.0\n\n- new\n"
