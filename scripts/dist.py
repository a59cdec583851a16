# ruff: noqa: INP001, T201 - a script, run by `make dist`, and not a package
"""Make what is released, in dist/: wheel, sdist, one file that holds all, and the release's notes.

The single file is for the Python that makes it, and for machines like this one: some packages hold
libraries in C. The version is that of `core/__init__.py` everywhere.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from core import __version__

ROOT = Path(__file__).parent.parent
SHEBANG = b"#!/usr/bin/env -S python%d.%d -I\n"
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the same input makes the same file


def release_notes(version: str, changelog: str) -> str:
    """Return the section of a version, that of [Unreleased] where it has none yet."""
    sections = {
        part.partition("]")[0]: part.partition("\n")[2].strip()
        for part in f"\n{changelog}".split("\n## [")[1:]
    }
    return f"# magerewind {version}\n\n{sections.get(version) or sections['Unreleased']}\n"


def build(directory: Path) -> Path:
    """Build wheel and sdist; return the wheel."""
    for target in ("sdist", "wheel"):
        words = ["-m", "hatchling", "build", "-t", target, "-d", str(directory)]
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True)
    return directory / f"magerewind-{__version__}-py3-none-any.whl"


def collect(wheel: Path, packages: Path, *, lock: Path) -> None:
    """Install the locked dependencies and the wheel into a directory."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    pip += ["--disable-pip-version-check", "--target", str(packages)]
    if lock.stat().st_size:
        hashed = ["--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
        subprocess.run([*pip, *hashed], check=True)
    subprocess.run([*pip, str(wheel)], check=True)


def single_file(packages: Path, target: Path) -> None:
    """Write one file that is a zip file and a program."""
    files = sorted(path for path in packages.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(packages)} {len(content)}\n".encode() + content)
    build_id = f"{__version__}-{digest.hexdigest()[:16]}"
    python = sys.version_info[:2]
    start = (ROOT / "scripts" / "single_file.py").read_text(encoding="utf-8")
    start = start.replace("PYTHON = (0, 0)", f"PYTHON = {python!r}", 1)
    start = start.replace('BUILD = ""', f'BUILD = "{build_id}"', 1)
    with target.open("wb") as raw:
        raw.write(SHEBANG % python)
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("__main__.py", _MOMENT), start)
            for path in files:
                entry = zipfile.ZipInfo(f"site-packages/{path.relative_to(packages)}", _MOMENT)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    target.chmod(0o755)


def main(directory: Path = ROOT / "dist", lock: Path = ROOT / "requirements.lock") -> None:
    """Make all of it."""
    directory.mkdir(exist_ok=True)
    wheel = build(directory)
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    name = f"magerewind-{__version__}-cp{sys.version_info[0]}{sys.version_info[1]}-{platform}.pyz"
    with tempfile.TemporaryDirectory() as temporary:
        packages = Path(temporary, "site-packages")
        collect(wheel, packages, lock=lock)
        single_file(packages, directory / name)
    notes = release_notes(__version__, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    (directory / f"magerewind-{__version__}.md").write_text(notes, encoding="utf-8")
    for path in sorted(directory.iterdir()):
        print(f"{os.path.relpath(path)}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
