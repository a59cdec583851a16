"""The files that belong to a system: in the wheel, and where `make install` puts them."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core.cli.command_table import COMMANDS
from core.cli.completion import completion_script
from core.cli.man_page import escaped, man_page

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
