"""The demonstration: a sample store with a private MariaDB, and the application on it.

Without a terminal it walks through backup, list, damage and rollback, with the commands that an
administrator types, and judges the result by its own checksums of the store.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Final, TextIO

from core.magento.settings import DatabaseConnection, Secret
from core.program import command_of
from core.sample.checksums import Likeness, checksums_of_schema, checksums_of_tree, differences
from core.sample.damage import damage_files, damage_schema
from core.sample.database import fill_schema
from core.sample.server import PrivateServer
from core.sample.sizes import Size
from core.sample.store import make_store

_SCHEMA: Final = "shop"
_SHOWN: Final = 20  # differences
_LONGEST_ANSWER: Final = 256
_BACKUPS: Final = (
    ("--code-file", "_filesystem.tgz"),
    ("--media-file", "_filesystem_media.tgz"),
    ("--db-file", "_db.sql"),
)


def run(*, size: str, headless: bool, open_application: Callable[[str], int] | None) -> int:
    """Make a sample store, open the application on its root or walk through a rollback.

    Returns the exit code of the application, or 0 when the rollback restored exactly the backed up
    state and 1 when not. Store and server are removed at the end, also after a crash; at a terminal
    only when that was agreed to.
    """
    out = sys.stdout
    with tempfile.TemporaryDirectory(prefix="magerewind-demo-") as directory:
        root = os.path.join(directory, "store")
        with PrivateServer(removes=(directory,)) as server:
            settings = _make(root, server, Size(size), out)
            if headless or open_application is None or not _is_terminal():
                return _Walk(root=root, settings=settings, out=out).run()
            code = open_application(root)
            # After a signal, or without the terminal, no person can be asked.
            while code == 0 and _opens_again(root, out):
                code = open_application(root)
            with contextlib.suppress(OSError):  # the terminal may be gone
                _say(out, "Removing the sample store and its MariaDB ...")
            return code


def _opens_again(root: str, out: TextIO) -> bool:
    """Ask before the sample is deleted; return whether to open the application once more.

    The end of the input and Ctrl+C are no wish to keep anything: they delete.
    """
    _say(out, f"\nThe sample store is still there: {root}")
    while True:
        out.write("Delete it and its MariaDB? y deletes, Enter opens it again: ")
        out.flush()
        try:
            answer = sys.stdin.readline(_LONGEST_ANSWER)
        except KeyboardInterrupt:
            answer = ""
        if answer.strip().lower() in ("y", "yes") or not answer:
            return False
        if not answer.strip():
            return True


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _make(root: str, server: PrivateServer, size: Size, out: TextIO) -> DatabaseConnection:
    _say(out, f"Making a {size} sample store in {root}, with a MariaDB of its own")
    server.make_schema(_SCHEMA)
    fill_schema(server, _SCHEMA, size=size)
    settings = DatabaseConnection(
        name="default",
        schema=_SCHEMA,
        username="shop",
        password=Secret("shop"),
        socket=server.socket,
    )
    make_store(root, size=size, connection=settings)
    return settings


def _say(out: TextIO, text: str) -> None:
    print(text, file=out, flush=True)


class _Walk:
    """One walk through backup, damage and rollback of the store at `root`."""

    def __init__(self, *, root: str, settings: DatabaseConnection, out: TextIO) -> None:
        self._root = root
        self._settings = settings
        self._out = out

    def run(self) -> int:
        before = self._look("before")
        if self._command("setup:backup", "--code", "--media", "--db"):
            return self._failed("The backup failed.")
        self._command("info:backups:list")
        _say(self._out, "\nAn update goes wrong:")
        for line in (*damage_files(self._root), *damage_schema(self._settings)):
            _say(self._out, f"    {line}")
        damaged = differences(before, self._look("damaged"))
        _say(self._out, f"    {len(damaged)} things are no longer what they were")
        if not damaged:
            return self._failed("The damage did nothing, so that nothing would be shown.")
        if self._command("setup:rollback", *self._files(), "--yes"):
            return self._failed("The rollback failed.")
        return self._judge(differences(before, self._look("after")))

    def _look(self, when: str) -> Likeness:
        files = checksums_of_tree(self._root)
        objects = checksums_of_schema(self._settings)
        _say(
            self._out,
            f"\nLooked at the store {when}: {len(files)} files and directories,"
            f" {len(objects)} definitions and tables",
        )
        return {**files, **objects}

    def _command(self, *words: str) -> int:
        """Run a command as an administrator does, show its output, return its exit code."""
        _say(self._out, "\n$ magerewind " + " ".join(words))
        # Isolated: no directory of the store and no PYTHONPATH can come before the package.
        line = [*command_of("core"), *words]
        with subprocess.Popen(
            line,
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
        ) as child:
            for text in child.stdout or ():
                _say(self._out, f"    {text.rstrip()}")
        if child.returncode:
            _say(self._out, f"    (exit code {child.returncode})")
        return child.returncode

    def _files(self) -> list[str]:
        names = sorted(os.listdir(os.path.join(self._root, "var/backups")))
        return [
            f"{option}={name}"
            for option, ending in _BACKUPS
            for name in names
            if name.endswith(ending) and not name.startswith(".")
        ]

    def _judge(self, wrong: tuple[str, ...]) -> int:
        for line in wrong[:_SHOWN]:
            _say(self._out, f"    {line.encode('ascii', 'backslashreplace').decode()}")
        if wrong:
            return self._failed(f"{len(wrong)} things are not what they were before the damage.")
        if os.path.exists(os.path.join(self._root, "var/.maintenance.flag")):
            return self._failed("The store was left closed.")
        _say(
            self._out,
            "\nEvery file, link, mode, row and definition is what it was before the damage,"
            " and the store is open.",
        )
        return 0

    def _failed(self, text: str) -> int:
        _say(self._out, f"\nFAILED: {text}")
        return 1
