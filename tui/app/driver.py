"""Textual's driver for a terminal, whose reading thread sleeps until there is something to read.

Its own wakes ten times a second to see whether the application has ended: an eighth of a percent of
a processor, for as long as the application is open. This one is woken through a pipe instead.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from codecs import getincrementaldecoder
from typing import Final

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from tui.app.lean_output import lean

_HUNG_UP: Final = 128 + signal.SIGHUP
_ESCAPE_S: Final = 0.04  # for the parser to decide that an escape is a key of its own


class QuietDriver(LinuxDriver):
    """A driver that costs nothing without input."""

    _wake: tuple[int, int] | None = None

    def write(self, data: str) -> None:
        """Write to the terminal, without codes that change nothing."""
        super().write(lean(data))

    def disable_input(self) -> None:
        """Wake the thread so that it ends; then do as Textual does."""
        if self._wake is not None:
            with contextlib.suppress(OSError):  # the thread has just ended by itself
                os.write(self._wake[1], b".")
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read keys until the application ends."""
        self._wake = ends = os.pipe()
        try:
            self._read_until(ends[0])
        finally:
            self._wake = None
            for end in ends:
                os.close(end)

    def _read(self) -> bytes:
        """Return the typed input; empty when the terminal is gone."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""

    def _read_until(self, woken: int) -> None:
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        while not self.exit_event.is_set():
            # Only an escape that may be the beginning of more needs a clock.
            waiting = getattr(parser, "_timeout_time", 0.0) is not None
            ready, _, _ = select.select(
                [self.fileno, woken], [], [], _ESCAPE_S if waiting else None
            )
            if self.fileno in ready:
                data = self._read()
                if not data:
                    self._app.call_later(self._app.exit, return_code=_HUNG_UP)
                    return
                for event in parser.feed(decode(data)):
                    self.process_message(event)
            for event in parser.tick():
                self.process_message(event)
