"""The whole list of a plan as lines of text, and that list as a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from core.archive.plan.summary import FilePlan, PlannedEntry
from core.durable import translate, write_all
from core.events import Kind
from core.text import numbers
from core.text.lines import TITLES
from core.text.printable import printable

_BUFFERED = 1 << 18


def entry_line(entry: PlannedEntry) -> str:
    """Return one line of the list of a plan."""
    sizes = [numbers.size(size) for size in (entry.size_now, entry.size_then) if size is not None]
    return f"  {entry.action.value:<8}{printable(entry.path)}  ({' -> '.join(sizes)})"


def entry_lines(plans: Mapping[Kind, FilePlan]) -> Iterator[str]:
    """Yield the whole list of a plan, kind by kind; memory stays flat."""
    for kind, files in plans.items():
        if files.differs:
            yield f"{TITLES[kind]}, every entry:"
            yield from map(entry_line, files.entries())


def write_list(plans: Mapping[Kind, FilePlan], path: str) -> int:
    """Write the whole list to a new file, 0600, and return how many lines it has.

    A file of that name is never replaced. Raises StorageError.
    """
    lines = 0
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise translate(error, f"making {path}") from error
    try:
        buffer = bytearray()
        for line in entry_lines(plans):
            lines += 1
            buffer += line.encode("utf-8", "surrogateescape") + b"\n"
            if len(buffer) > _BUFFERED:
                write_all(fd, bytes(buffer))
                buffer.clear()
        write_all(fd, bytes(buffer))
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(path)
        if isinstance(error, OSError):
            raise translate(error, f"writing {path}") from error
        raise
    finally:
        os.close(fd)
    return lines
