"""A runner that writes down, in order, every act that decides the state after a crash.

Run in place of `python -m core`; MAGEREWIND_TRACE names the file it writes to. Records of the
journal, flushes, renames, swapped tables and the removal of the flag, each a line. The package is
taken from the checkout that this file is in. MAGEREWIND_DIES_AFTER=KIND:N kills the runner when the
Nth record of a kind is on disk; MAGEREWIND_TOGETHER lets no file or directory be flushed alone.
"""

import os
import re
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

TRACE = os.open(os.environ["MAGEREWIND_TRACE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def note(text):
    os.write(TRACE, text.encode("utf-8", "backslashreplace") + b"\n")


def place(path, dir_fd=None):
    path = os.fsdecode(path)
    if dir_fd is not None and not os.path.isabs(path):
        path = os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), path)
    return path


def before(owner, name, line):
    """Note `line(*arguments)` before a function is run, unless it gives nothing."""
    real = getattr(owner, name)

    def noted(*arguments, **keywords):
        text = line(*arguments, **keywords)
        if text:
            note(text)
        return real(*arguments, **keywords)

    setattr(owner, name, noted)


def flushed(fd):
    path = os.readlink(f"/proc/self/fd/{fd}")
    return f"flush {'directory' if os.path.isdir(path) else 'file'} {path}"


def removed(path, *, dir_fd=None):
    name = os.path.basename(os.fsdecode(path))
    return f"remove {name}" if name in {".maintenance.flag", "undo.json", "connection.json"} else ""


def moved(source, target, *, source_fd=None, target_fd=None, src_dir_fd=None, dst_dir_fd=None):
    old = place(source, source_fd or src_dir_fd)
    return f"rename {old} -> {place(target, target_fd or dst_dir_fd)}"


class Loads:
    """Notes modules that are loaded while the store is closed: their files may be gone by then."""

    count = False

    @staticmethod
    def heard(event, arguments):
        if event == "import" and Loads.count and not arguments[0].startswith("_"):
            note(f"load {arguments[0]}")


def main():
    from core import durable

    sys.addaudithook(Loads.heard)

    before(durable, "fsync", flushed)
    before(durable, "rename_noreplace", moved)
    before(os, "rename", moved)
    before(os, "unlink", removed)
    # Only now: the imports of these take their names from the wrapped module.
    from core.archive.restore import flush as flushing

    if os.environ.get("MAGEREWIND_TOGETHER"):
        flushing.FLUSHED_ONE_BY_ONE = 0

    from core.cli.main import run
    from core.database.server.connection import Connection
    from core.journal import Journal

    before(
        flushing.FileSystemFlush, "finish", lambda flush: f"flush file system {flushed(flush._fd)}"
    )
    before(Connection, "execute", swapped)
    append, seen = Journal.append, []
    dies = os.environ.get("MAGEREWIND_DIES_AFTER", ":0").split(":")

    def appended(journal, kind, /, **payload):
        record = append(journal, kind, **payload)
        note(f"record {kind}")
        seen.append(kind)
        if kind in {"close", "opened"}:
            Loads.count = kind == "close"
        if kind == dies[0] and seen.count(kind) == int(dies[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return record

    Journal.append = appended
    return run(sys.argv[1:])


def swapped(_connection, sql, *_):
    text = sql if isinstance(sql, str) else sql.decode("utf-8", "replace")
    return "swap tables" if re.match(r"\s*RENAME TABLE\b", text, re.IGNORECASE) else ""


if __name__ == "__main__":
    sys.exit(main())
