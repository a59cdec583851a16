"""Writes lines: narration to stdout, all else to stderr, coloured where that is wanted.

Output that cannot be written is dropped, since a job must never suffer from its watcher. A terminal
that is gone (a closed pipe, a hang-up) is no error; any other reason, such as a full disk, is kept
until it is reported. The meaning of the lines is not known here.
"""

from __future__ import annotations

import errno
import io
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TextIO

from core.text.lines import Line, Style, error
from core.text.printable import folded, printable

PROGRESS_S: Final = 0.25  # often enough to read as live, and cheap on a slow link
_GONE: Final = frozenset({errno.EPIPE, errno.EIO})  # no reader is left, or the terminal hung up
_COLOURS: Final[Mapping[Style, str]] = {
    Style.SUCCESS: "32",
    Style.WARNING: "33",
    Style.ERROR: "37;41",  # white on red, as Magento's own
}


def wants_colour(stream: TextIO, *, ansi: bool | None, environ: Mapping[str, str]) -> bool:
    """Return whether lines for this stream are coloured: asked for, or a terminal that can."""
    if ansi is not None:
        return ansi
    if environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb":
        return False
    return _is_terminal(stream)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _encodable(stream: TextIO) -> TextIO:
    """Make a stream write line by line, with escapes for characters its encoding lacks."""
    if isinstance(stream, io.TextIOWrapper):
        with suppress(OSError, ValueError):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    return stream


class ClosedStream(io.StringIO):
    """Stands for a stream that was closed before this process began: nothing can be written."""

    def write(self, text: str) -> int:
        """Raise OSError for any text."""
        if text:
            raise _closed()
        return 0


def _closed() -> OSError:
    return OSError(errno.EBADF, "it is closed")


class _Nowhere(io.StringIO):
    """Takes everything and keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


class Console:
    """The three streams of a command. `quiet` lets only errors through."""

    def __init__(
        self,
        *,
        stdin: TextIO,
        stdout: TextIO,
        stderr: TextIO,
        environ: Mapping[str, str],
        ansi: bool | None = None,
        quiet: bool = False,
        as_json: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._progress_s = -PROGRESS_S
        self._stdin = stdin
        self._streams = {True: _encodable(stdout), False: _encodable(stderr)}
        self._colour = {
            narration: wants_colour(stream, ansi=ansi, environ=environ)
            for narration, stream in self._streams.items()
        }
        self.quiet = quiet
        self.as_json = as_json
        usable = environ.get("TERM", "dumb") != "dumb"
        self.shows_progress = usable and not (quiet or as_json) and _is_terminal(stderr)
        self._progress = ""
        self._lost = ""  # why stdout could not be written

    def say(self, *lines: Line) -> None:
        """Print lines where they belong. With JSON on stdout, the narration is left out."""
        for line in lines:
            if line.style is not Style.ERROR and self.quiet:
                continue
            if line.is_narration and self.as_json:
                continue
            # Messages that Magento has too stay word for word; all else is folded, and never cut.
            width = None if line.is_narration else self._width()
            for text in [line.text] if width is None else folded(line.text, width):
                self._write(text, line.style, narration=line.is_narration)

    def _width(self) -> int | None:
        """Return the columns of the terminal that shows errors, None where it is none."""
        if not _is_terminal(self._streams[False]):
            return None
        with suppress(OSError, ValueError):
            return os.get_terminal_size(self._streams[False].fileno()).columns or None
        return None

    def print(self, *texts: str) -> None:
        """Print a requested text, such as a list, on stdout. The text must be safe already."""
        if self.quiet:
            return
        for text in texts:
            self._write(text, Style.PLAIN, narration=True)

    @property
    def writes_to_terminal(self) -> bool:
        """Whether stdout is a terminal that a person sees."""
        return _is_terminal(self._streams[True])

    def write_list(self, text: str) -> bool:
        """Print lines of a long list, already safe; return False once the reader is gone."""
        self.end_progress()
        if not self.quiet or self.as_json:
            self._emit(True, f"{text}\n")
        return not isinstance(self._streams[True], _Nowhere)

    def write_bytes(self, content: bytes) -> bool:
        """Write bytes to stdout as they are; return False once the reader is gone."""
        self.end_progress()
        stream = self._streams[True]
        raw = getattr(stream, "buffer", None)
        if isinstance(stream, ClosedStream) and content:
            self._lose(_closed())
        if raw is None or self.quiet:
            return False
        try:
            raw.write(content)
            raw.flush()
        except (OSError, ValueError) as failure:
            self._lose(failure)
        return not isinstance(self._streams[True], _Nowhere)

    def print_json(self, value: Mapping[str, Any]) -> None:
        """Print one JSON value as one line of ASCII on stdout."""
        self._emit(True, f"{json.dumps(value, ensure_ascii=True)}\n")

    def progress(self, text: str, *, width: int) -> None:
        """Show how far the work has come in a line that the next one replaces; not too often."""
        now_s = self._clock()
        if not self.shows_progress or text == self._progress:
            return
        if now_s - self._progress_s < PROGRESS_S:
            return
        self._progress_s = now_s
        self._progress = text
        self._emit(False, f"\r\x1b[2K{printable(text)[: max(0, width - 1)]}")

    def end_progress(self) -> None:
        """Take the line of progress away."""
        if self._progress:
            self._progress = ""
            self._emit(False, "\r\x1b[2K")

    def ask(self, question: str) -> bool:
        """Ask on stdout, read the answer from stdin; only an answer that begins with y is a yes."""
        self.end_progress()
        self._emit(True, f"{printable(question)}[y/N] ")
        with suppress(OSError, ValueError):
            self._streams[True].flush()
        try:
            answer = self._stdin.readline()
        except (OSError, ValueError):
            answer = ""
        if not (answer.endswith("\n") and _is_terminal(self._stdin)):
            self._emit(True, "\n")  # a terminal shows the person's own line end
        return answer.strip().lower().startswith("y")

    def say_what_was_lost(self) -> bool:
        """Say on stderr, once, that stdout could not be written; return whether that was so."""
        self._emit(True, "")  # text that others, such as the help, left to be flushed
        lost, self._lost = self._lost, ""
        if lost:
            self.say(error(f"The output could not be written: {lost}"))
        return bool(lost)

    def _write(self, text: str, style: Style, *, narration: bool) -> None:
        self.end_progress()
        code = _COLOURS.get(style)
        if code is not None and self._colour[narration]:
            text = f"\x1b[{code}m{text}\x1b[0m"
        self._emit(narration, f"{text}\n")

    def _emit(self, narration: bool, text: str) -> None:
        stream = self._streams[narration]
        try:
            stream.write(text)
            if not text.endswith("\n"):
                stream.flush()
        except (OSError, ValueError) as failure:
            if narration:
                self._lose(failure)
            else:
                self._streams[False] = _abandon(stream)

    def _lose(self, failure: OSError | ValueError) -> None:
        """Keep the error of stdout, and stop writing to it."""
        if isinstance(failure, OSError) and failure.errno not in _GONE:
            self._lost = failure.strerror or str(failure)
        self._streams[True] = _abandon(self._streams[True])


def _abandon(stream: TextIO) -> TextIO:
    """Lead a broken stream to /dev/null, so that no later write, nor the last flush, fails."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    return _Nowhere()
