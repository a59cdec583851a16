import io
import os
import pty
import subprocess
import sys
import termios

import pytest

from core.cli.console import Console, wants_colour
from core.text.lines import Line, Style, error, note, plain, success, warning


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def console(**options: object) -> tuple[Console, io.StringIO, io.StringIO]:
    stdin = io.StringIO(str(options.pop("stdin", "")))
    stdout = options.pop("stdout", None) or io.StringIO()
    stderr = options.pop("stderr", None) or io.StringIO()
    environ = options.pop("environ", {"TERM": "xterm"})
    made = Console(stdin=stdin, stdout=stdout, stderr=stderr, environ=environ, **options)
    return made, stdout, stderr


def test_narration_and_complaints_go_their_own_ways() -> None:
    shown, out, err = console()
    shown.say(plain("a"), success("b"), note("c"), warning("d"), error("e"))
    assert out.getvalue() == "a\n[SUCCESS]: b\n"
    assert err.getvalue() == "c\nd\ne\n"


def test_quiet_lets_only_errors_through() -> None:
    shown, out, err = console(quiet=True)
    shown.say(plain("a"), success("b"), note("c"), warning("d"), error("e"))
    shown.print("list")
    assert (out.getvalue(), err.getvalue()) == ("", "e\n")


def test_with_json_stdout_is_json_only() -> None:
    shown, out, err = console(as_json=True)
    shown.say(plain("a"), warning("d"))
    shown.print_json({"name": "caf\udce9 ö"})
    assert out.getvalue() == '{"name": "caf\\udce9 \\u00f6"}\n'
    assert err.getvalue() == "d\n"


@pytest.mark.parametrize(
    ("ansi", "environ", "terminal", "wanted"),
    [
        (None, {"TERM": "xterm"}, True, True),
        (None, {"TERM": "xterm"}, False, False),
        (None, {"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        (None, {"TERM": "xterm", "NO_COLOR": ""}, True, True),
        (None, {"TERM": "dumb"}, True, False),
        (None, {}, True, False),
        (True, {"NO_COLOR": "1"}, False, True),
        (False, {"TERM": "xterm"}, True, False),
    ],
)
def test_when_lines_are_coloured(
    ansi: bool | None, environ: dict[str, str], terminal: bool, wanted: bool
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    assert wants_colour(stream, ansi=ansi, environ=environ) is wanted


def test_colours_are_magentos() -> None:
    shown, out, err = console(ansi=True)
    shown.say(plain("a"), success("b"), error("c"))
    assert out.getvalue() == "a\n\x1b[32m[SUCCESS]: b\x1b[0m\n"
    assert err.getvalue() == "\x1b[37;41mc\x1b[0m\n"


@pytest.mark.parametrize(
    ("answer", "agreed"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("ok\n", False)],
)
def test_only_a_yes_is_a_yes(answer: str, agreed: bool) -> None:
    shown, out, _ = console(stdin=answer)
    assert shown.ask("Are you sure?") is agreed
    assert out.getvalue().startswith("Are you sure?[y/N] ")


def test_progress_is_a_line_that_goes_away() -> None:
    shown, out, err = console(stderr=Terminal())
    shown.progress("media: 1 %\x1b", width=80)
    shown.progress("media: 1 %\x1b", width=80)
    shown.say(plain("a"))
    assert err.getvalue() == "\r\x1b[2Kmedia: 1 %\\x1b\r\x1b[2K"
    assert out.getvalue() == "a\n"


@pytest.mark.parametrize("options", [{"quiet": True}, {"as_json": True}, {"environ": {}}])
def test_no_progress_where_it_would_disturb(options: dict[str, object]) -> None:
    shown, _, err = console(stderr=Terminal(), **options)
    shown.progress("x", width=80)
    assert err.getvalue() == ""


_TALKER = """
import sys
import termios
from core.cli.console import Console
from core.text.lines import plain, note
console = Console(stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr, environ={})
console.say(plain("ready"))
sys.stdin.readline()
for number in range(20000):
    console.say(plain("x" * 80), note("y" * 80))
sys.exit(7)
"""


def test_a_pipe_that_nobody_reads_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _TALKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"ready\n"
        child.stdout.close()
        child.stderr.close()
        child.stdin.write(b"go\n")
        child.stdin.close()
        assert child.wait(60) == 7


def test_a_terminal_that_hangs_up_is_no_error() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _TALKER],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
    ) as child:
        os.close(theirs)
        assert os.read(ours, 100) == b"ready\r\n"
        os.close(ours)
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.close()
        assert child.wait(60) == 7


def test_a_full_disk_is_said_once_and_a_closed_pipe_never() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        shown, _, err = console(stdout=full)
        shown.say(plain("a"))
        shown.print("b")
        assert shown.say_what_was_lost()
        assert not shown.say_what_was_lost()
    assert err.getvalue() == "The output could not be written: No space left on device\n"
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as unread:
        shown, _, err = console(stdout=unread)
        shown.say(plain("a"))
        assert not shown.say_what_was_lost()
    assert err.getvalue() == ""


def test_letters_that_the_encoding_lacks_are_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    shown, _, _ = console(stdout=stream)
    shown.say(Line("价 é", Style.PLAIN))
    assert raw.getvalue() == b"\\u4ef7 \xe9\n"


def test_a_terminal_gets_errors_in_lines_of_its_width() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 40))
    with os.fdopen(theirs, "w") as terminal:
        shown, out, _err = console(stderr=terminal, ansi=False)
        shown.say(error("one two three four five six seven eight nine ten eleven"), plain("x" * 90))
        terminal.flush()
        shown_bytes = b""
        while b"eleven" not in shown_bytes:  # a terminal hands over a line at a time, or several
            shown_bytes += os.read(ours, 4096)
    seen = shown_bytes.decode().splitlines()
    os.close(ours)
    assert seen == ["one two three four five six seven eight", "nine ten eleven"]
    assert out.getvalue() == "x" * 90 + "\n"
