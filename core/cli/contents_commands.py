"""The commands that look into a backup and take parts of it out: no job, and nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from core.cli.commands import CommandSession
from core.cli.contents_view import ContentsView, open_view
from core.cli.found_backup import found_backup
from core.contents.extract_target import Target
from core.contents.protocol import Extracted, NotExtracted
from core.errors import UsageError
from core.events import encode_text
from core.magento.store import Store
from core.text import numbers
from core.text.lines import error, success, warning
from core.text.printable import printable

_LOOKED_AT = 8000  # bytes in which a NUL tells a binary file, as git has it
_LONGEST_LINE = 1 << 20


@contextmanager
def _opened(session: CommandSession) -> Iterator[tuple[Store, ContentsView]]:
    store, line = session.store(), session.line
    width = shutil.get_terminal_size().columns
    size_bytes = 0

    def report(done_bytes: int, items: int, _current: str) -> None:
        done = f"{items} entries" if items and not done_bytes else numbers.size(done_bytes)
        if size_bytes and done_bytes:
            done = numbers.percent(done_bytes, size_bytes)
        session.console.progress(
            f"{printable(line.name)}: reading for its index  {done}", width=width
        )

    with ExitStack() as stack:
        found = stack.enter_context(
            found_backup(
                store,
                line.name,
                line.from_repository,
                settings=lambda: session.settings(store),
                environ=session.environ,
                report=report,
            )
        )
        size_bytes = found.backup.size_bytes
        view = stack.enter_context(
            open_view(found.backup, store, report, keep=not line.read_only, origin=found.origin)
        )
        session.console.end_progress()
        yield store, view


def files_command(session: CommandSession) -> int:
    """`info:backups:files`."""
    console = session.console
    with _opened(session) as (_, view):
        texts = (view.json if console.as_json else view.lines)(session.line.part)
        for text in texts:
            if not console.write_list(text):
                break  # the reader has gone
    return 0


def diff_command(session: CommandSession) -> int:
    """`info:backups:diff`."""
    line, console = session.line, session.console
    with _opened(session) as (_, view):
        made = view.difference_json if console.as_json else view.difference_lines
        for text in made(line.part, show_secrets=line.show_secrets, limit=line.limit):
            console.end_progress()
            if not console.write_list(text):
                break
    return 0


def show_command(session: CommandSession) -> int:
    """`info:backups:show`."""
    console = session.console
    if console.as_json:
        raise UsageError("info:backups:show writes the bytes of a part as they are, and no JSON.")
    with _opened(session) as (_, view):
        pieces = view.contents.show(session.line.part)
        if console.writes_to_terminal:
            pieces = _for_terminal(pieces, session.line.part)
        for piece in pieces:
            if not console.write_bytes(piece):
                break
    return 0


def _for_terminal(pieces: Iterator[bytes], part: str) -> Iterator[bytes]:
    """Yield text with control characters made visible. Raises UsageError for binary content."""
    first = next(pieces, b"")
    if b"\0" in first[:_LOOKED_AT]:
        raise UsageError(
            f"{printable(part)} is a binary file, and not for a terminal.",
            hint="Lead it into a file (> FILE), or use info:backups:extract.",
        )
    left = first
    for piece in pieces:
        head, newline, left = left.rpartition(b"\n")
        if len(left) > _LONGEST_LINE:
            head, left = head + newline + left, b""
        yield b"".join(map(_visible, head.splitlines()))
        left += piece
    yield b"".join(map(_visible, left.splitlines()))


def _visible(line: bytes) -> bytes:
    """Return a line as one that any terminal can show, and an end."""
    text = line.decode("utf-8", "surrogateescape")
    return "\t".join(map(printable, text.split("\t"))).encode("utf-8", "backslashreplace") + b"\n"


def extract_command(session: CommandSession) -> int:
    """`info:backups:extract`."""
    line, console = session.line, session.console
    files = size = left = 0
    with _opened(session) as (store, view):
        view.contents.require(line.parts)
        with Target(line.to, store) as target:
            for one in view.contents.extract(line.parts, target):
                if console.as_json:
                    console.print_json(_row(one))
                if isinstance(one, Extracted):
                    files += one.kind != "directory"
                    size += one.size
                    continue
                left += 1
                console.say(warning(f"{one.path} was not extracted: {one.reason}."))
    told = f"{numbers.counted(files, 'file')}, {numbers.size(size)}"
    if not left:
        console.say(success(f"Extracted to {line.to}: {told}."))
        return 0
    rest = f"{left} {'was' if left == 1 else 'were'} not extracted"
    done = f"Extracted to {line.to}: {told}" if files else f"Nothing was extracted to {line.to}"
    console.say(error(f"{done}; {rest}."))
    return 1


def _row(one: Extracted | NotExtracted) -> dict[str, Any]:
    row: dict[str, Any] = {"type": type(one).__name__, "path": encode_text(one.path)}
    if isinstance(one, Extracted):
        return {**row, "kind": one.kind, "size": one.size}
    return {**row, "reason": one.reason}
