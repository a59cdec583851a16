"""The entry of the headless commands: words in, exit code out.

0 done (also with warnings, unless --strict), 1 failed or refused, 2 the words are off, 20 the store
was left closed, 130 cancelled by Ctrl-C, 129 and 143 the watching was ended by a hang-up or a
request to end while the job goes on.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence

from core.cli.console import Console
from core.cli.interruptions import Stopped
from core.cli.parser import CommandLine, parse
from core.cli.text import error, error_lines, note
from core.errors import MagerewindError, UsageError

OpenApplication = Callable[[CommandLine], int]


def _console(line: CommandLine, environ: Mapping[str, str]) -> Console:
    return Console(
        stdin=sys.stdin,
        stdout=sys.stdout,
        stderr=sys.stderr,
        environ=environ,
        ansi=line.ansi,
        quiet=line.quiet,
        as_json=line.as_json,
    )


def _dispatch(
    line: CommandLine,
    environ: Mapping[str, str],
    open_application: OpenApplication | None,
) -> int:
    if line.command is None:
        if open_application is None:
            raise UsageError("A command is needed.", hint="magerewind --help shows them.")
        return open_application(line)
    if line.command == "job:run":
        return _run_job(line, environ)
    raise UsageError(f"The command {line.command} is not built yet.")


def _run_job(line: CommandLine, environ: Mapping[str, str]) -> int:
    """Let this process become the runner of a job, with signals and messages of its own."""
    from core.jobs import runner  # type: ignore[attr-defined, unused-ignore]  # noqa: PLC0415

    code: int = runner.main(
        line.job_id or "",
        root=line.root or "",
        ready_fd=line.ready_fd,
        from_host=line.from_host,
        environ=environ,
    )
    return code


def _unexpected(failure: Exception, console: Console, verbose: int) -> int:
    kind = type(failure).__name__
    console.say(error(f"An unexpected error ended this command: {kind}: {failure}"))
    if verbose > 1:
        # Places only: a frame's variables could hold a password, and are never shown.
        for place in traceback.extract_tb(failure.__traceback__):
            console.say(note(f"  {place.filename}:{place.lineno} {place.name}"))
    else:
        console.say(note("The same command with -vv shows where. Please report it."))
    return 1


def run(
    argv: Sequence[str] | None = None, *, open_application: OpenApplication | None = None
) -> int:
    """Run what the command line (by default this process's) asks for; return the exit code."""
    environ = dict(os.environ)
    words = sys.argv[1:] if argv is None else argv
    try:
        line = parse(words)
    except UsageError as refused:
        _console(CommandLine(), environ).say(*error_lines(refused))
        return refused.exit_code
    except SystemExit as ended:  # --help and --version
        return ended.code if isinstance(ended.code, int) else 0
    console = _console(line, environ)
    try:
        return _dispatch(line, environ, open_application)
    except MagerewindError as failure:
        console.say(*error_lines(failure))
        return failure.exit_code
    except Stopped as stopped:
        console.end_progress()
        return stopped.code
    except KeyboardInterrupt:
        return 130
    except Exception as failure:  # noqa: BLE001 - the last line before a person
        return _unexpected(failure, console, line.verbose)
