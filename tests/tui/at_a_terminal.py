"""The application in a process of its own, at a real pseudo-terminal; run by the tests there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What a terminal that has been left in the application's own mode would still be in.
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h")


class AtATerminal:
    """A child at a terminal of its own, and what it has written there."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        environ: dict[str, str] | None = None,
        cwd: str = ROOT,
    ) -> None:
        self.parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.attributes = termios.tcgetattr(child)
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SSH_", "TEXTUAL", "NO_COLOR", "COLORTERM"))
        }
        clean.update({"TERM": "xterm-256color", "PYTHONPATH": ROOT, "LC_ALL": "C.UTF-8"})
        clean.update(environ or {})
        self.began_s = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=child,
            stdout=child,
            stderr=child,
            env=clean,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - a tty of its own
        )
        self._child = child  # kept open: the terminal itself outlives the process
        self.written = b""

    def read(self, seconds: float = 0.05) -> bytes:
        """Read what comes within this time."""
        found = b""
        give_up = time.monotonic() + seconds
        while True:
            left = give_up - time.monotonic()
            if left <= 0 or not select.select([self.parent], [], [], left)[0]:
                break
            try:
                chunk = os.read(self.parent, 65536)
            except OSError:
                break
            if not chunk:
                break
            found += chunk
        self.written += found
        return found

    def until(self, text: str, seconds: float = 60) -> None:
        """Read until this has been written (a text that is painted in one go)."""
        wanted, give_up = text.encode(), time.monotonic() + seconds
        while wanted not in self.written:
            if time.monotonic() > give_up or self.process.poll() is not None:
                self.read(0.2)
                if wanted in self.written:
                    return
                raise AssertionError(f"{text!r} is not in {self.written[-4000:]!r}")
            self.read(0.05)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.parent, keys.encode())

    def resize(self, width: int, height: int) -> None:
        """Change the size of the terminal, as its window does."""
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self._child, termios.TIOCSWINSZ, size)
        self.process.send_signal(signal.SIGWINCH)

    def ends(self, seconds: float = 20) -> int:
        """Read to the end of the process and return its exit code."""
        give_up = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < give_up, "it does not end"
            self.read(0.05)
        self.read(0.2)
        return self.process.returncode

    def is_restored(self) -> bool:
        """Whether screen, cursor and line discipline are as they were."""
        now = termios.tcgetattr(self._child)
        return now == self.attributes and all(code in self.written for code in RESTORED)

    def close(self) -> None:
        """End the child if it is still there, and close the terminal."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        for fd in (self.parent, self._child):
            if fd >= 0:
                os.close(fd)
        self.parent = self._child = -1

    def hang_up(self) -> None:
        """Close the terminal under the application, as a lost connection does."""
        os.close(self._child)
        os.close(self.parent)
        self.parent = self._child = -1
