"""The application at a real terminal: how it begins, how it ends, and what it writes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.tui.at_a_terminal import ROOT, AtATerminal
from tui.app import terminal

PROGRAM = os.path.join(ROOT, "tests", "tui", "run_recorded.py")
COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[0-9;]*m")


@pytest.fixture
def start() -> Iterator[object]:
    started: list[AtATerminal] = []

    def start(*words: str, **more) -> AtATerminal:
        child = AtATerminal([PROGRAM, *words], **more)
        started.append(child)
        return child

    yield start
    for child in started:
        child.close()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_leaves_the_terminal_as_it_was(start, number: int, code: int) -> None:
    child = start("run")
    child.until("MAINTENANCE ON")
    child.process.send_signal(number)
    assert child.ends() == code
    assert child.is_restored()


def test_quit_says_that_the_job_goes_on(start) -> None:
    child = start("run")
    child.until("MAINTENANCE ON")
    child.press("q")
    assert child.ends() == 0
    assert child.is_restored()
    assert b"The backup goes on" in child.written.rpartition(b"\x1b[?1049l")[2]
    assert b"magerewind job:attach" in child.written


def test_a_closed_terminal_ends_it_quickly(start) -> None:
    child = start("flood")
    child.until("MAINTENANCE ON")
    child.hang_up()
    began_s = time.monotonic()
    assert child.process.wait(timeout=15) == 129
    assert time.monotonic() - began_s < 12


def test_a_signal_ends_it_at_a_terminal_that_is_not_read(start) -> None:
    child = start("flood", size=(200, 60))
    child.until("MAINTENANCE ON")
    child.press("j")
    time.sleep(4)  # nobody reads: the pty and the driver's queue fill, and the event loop stands
    child.process.send_signal(signal.SIGTERM)
    assert child.process.wait(timeout=15) == 143


def test_a_fault_is_one_line_without_values(start) -> None:
    child = start("fault")
    child.until("NEEDS ATTENTION")
    child.press("b")
    assert child.ends() == 1
    assert child.is_restored()
    end = child.written.rpartition(b"\x1b[?1049l")[2]
    assert b"RuntimeError" in end
    assert b"magerewind job:attach" in end
    assert b"hunter2" not in child.written
    assert b"Traceback" not in child.written


def test_no_color_writes_no_colour_code(start) -> None:
    child = start("run", environ={"NO_COLOR": "1"})
    child.until("MAINTENANCE ON")
    child.press("j")
    child.until("stalled")
    child.press("q")
    child.ends()
    assert COLOUR.findall(child.written) == []


def test_a_c_locale_gets_ascii_only(start) -> None:
    child = start("run", environ={"TERM": "linux"})
    child.until("MAINTENANCE ON")
    child.press("j")
    child.until("stalled")
    child.press("q")
    child.ends()
    assert child.written.isascii()


def test_over_ssh_the_mouse_is_left_alone(start) -> None:
    child = start(environ={"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"})
    child.until("NEEDS ATTENTION")
    child.press("q")
    child.ends()
    assert b"\x1b[?1000h" not in child.written


def test_nothing_is_written_while_nothing_happens(start) -> None:
    child = start()
    child.until("118.0 GB of")
    child.read(1.5)
    assert child.read(3.0) == b""


def rest_of(child: AtATerminal) -> int:
    """Return how many bytes come until it is quiet."""
    found = 0
    while piece := child.read(0.8):
        found += len(piece)
    return found


def test_a_step_of_the_cursor_costs_two_rows_and_a_question_itself(start) -> None:
    child = start()
    child.until("118.0 GB of")
    child.read(2.0)
    rest_of(child)  # looks in the background are painted when they end
    for key in ("\x1b[B", "\x1b[A", "\x1b[B"):
        child.press(key)
        assert 0 < rest_of(child) < 600
    child.press("\r")
    rest_of(child)
    for key in ("d", "\x1b"):  # the question before a deletion, and its end
        child.press(key)
        assert 0 < rest_of(child) < 4_500


@pytest.mark.parametrize(
    ("keys", "budget"), [("j" + "l", 3_000), ("j", 20_000)], ids=["folded", "open"]
)
def test_a_job_at_full_speed_keeps_to_the_budget(start, keys: str, budget: int) -> None:
    child = start("flood")
    child.until("MAINTENANCE ON")
    child.press(keys)
    child.until("MB/s")
    child.read(1.0)
    written = child.read(3.0)
    assert 0 < len(written) / 3.0 < budget


def test_without_a_terminal_it_names_the_command() -> None:
    reason = terminal.refusal({"TERM": "xterm"}, input_is_tty=True, output_is_tty=False)
    assert reason is not None
    assert "terminal" in reason


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_dumb_terminal_is_refused(term: str) -> None:
    assert terminal.refusal({"TERM": term}, input_is_tty=True, output_is_tty=True)


def test_the_door_refuses_a_dumb_terminal() -> None:
    words = "import sys; from tui.app.entry import open_application; sys.exit(open_application())"
    child = AtATerminal(["-c", words], environ={"TERM": "dumb"})
    try:
        assert child.ends() == 2
        assert b"magerewind --help" in child.written
        assert b"\x1b" not in child.written
    finally:
        child.close()


@pytest.mark.parametrize(
    ("environ", "encoding", "theme", "ascii_only", "mouse"),
    [
        ({"TERM": "xterm-256color"}, "utf-8", "magerewind-dark", False, True),
        ({"TERM": "xterm-256color"}, "ISO-8859-1", "magerewind-dark", True, True),
        ({"TERM": "linux"}, "utf-8", "ansi-dark", True, True),
        ({"TERM": "screen"}, "utf-8", "ansi-dark", False, True),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "utf-8", "ansi-dark", False, True),
        (
            {"TERM": "xterm-256color", "SSH_TTY": "/dev/pts/1"},
            "utf8",
            "magerewind-dark",
            False,
            False,
        ),
        ({"TERM": "xterm", "MAGEREWIND_THEME": "light"}, "utf8", "magerewind-light", False, True),
    ],
)
def test_looks(environ, encoding: str, theme: str, ascii_only: bool, mouse: bool) -> None:
    looks = terminal.look(environ, encoding=encoding)
    assert (looks.theme, looks.ascii_only, looks.mouse) == (theme, ascii_only, mouse)


@pytest.mark.parametrize(
    ("variables", "ascii_only"),
    [
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LC_ALL": "POSIX"}, True),
        ({"LANG": "C"}, True),
        ({"LC_CTYPE": "C", "LANG": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, False),
        ({"LC_ALL": "C.UTF-8"}, False),
        ({}, True),
    ],
)
def test_a_locale_without_letters_is_ascii_though_python_takes_it_for_utf_8(
    variables: dict[str, str], ascii_only: bool
) -> None:
    script = (
        "import locale, os\nfrom tui.app import terminal\n"
        "found = terminal.encoding_of(terminal.started_environment(os.environ), "
        "locale.getpreferredencoding(do_setlocale=False))\n"
        "print(terminal.look({}, encoding=found).ascii_only)"
    )
    command = [sys.executable, "-I", "-c", script]
    said = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert said.stdout == f"{ascii_only}\n"
