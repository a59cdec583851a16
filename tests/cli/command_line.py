"""The commands as an administrator runs them: other processes, in the root of a sample store."""

import os
import subprocess
import sys
from pathlib import Path

MAGEREWIND = [sys.executable, "-I", "-m", "core"]
ENVIRON = {key: value for key, value in os.environ.items() if not key.startswith("MAGENTO_DC_")}


PLAIN = {key: value for key, value in os.environ.items() if not key.startswith(("MAGE", "XDG_"))}


def run_plain(*words: str, cwd: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-I", "-m", "core", *words],
        cwd=cwd,
        env={**PLAIN, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "unexpected error" not in done.stderr
    return done


class Shop:
    """A sample store, and the output and traces of its commands."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.backups = root / "var/backups"
        self.flag = root / "var/.maintenance.flag"

    def run(
        self, *words: str, stdin: str = "", cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*MAGEREWIND, *words],
            cwd=cwd or self.root,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            env=ENVIRON,
            check=False,
        )

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*MAGEREWIND, *words],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRON,
        )

    def names(self, ending: str) -> list[str]:
        if not self.backups.is_dir():
            return []
        return sorted(
            name
            for name in os.listdir(self.backups)
            if name.endswith(ending) and not name.startswith(".")
        )

    def unfinished(self) -> list[str]:
        return [name for name in os.listdir(self.backups) if name.endswith(".partial")]
