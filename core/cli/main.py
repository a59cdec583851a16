"""The entry of the headless commands: words in, exit code out.

0 done (also with warnings, unless --strict), 1 failed or refused, 2 invalid command line, 3 a hook
stopped the job, 20 the store was left closed, 130 cancelled by Ctrl-C, 129 and 143 the watching was
ended by a hang-up or a request to end while the job goes on.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import structs

from core.cli.configured import ABOUT_COMMANDS, NO_DOOR, Configuration, choose_store
from core.cli.console import ClosedStream, Console
from core.cli.interruptions import Interruptions, Stopped
from core.cli.parser import NAMES, CommandLine, TextRequested, parse
from core.cli.patience import patience
from core.errors import BackupNotFound, DirectoryGone, MagerewindError, UsageError
from core.events import Failed, encode_text
from core.text.lines import error, error_lines, note
from core.text.printable import printable

if TYPE_CHECKING:
    from core.cli.stores import PickStore

_UNKNOWN: Final = 3  # of a plugin of Nagios
OpenApplication = Callable[[CommandLine, Configuration], int]


def _console(line: CommandLine, environ: Mapping[str, str]) -> Console:
    return Console(
        # Python has None for a stream that the shell closed (`<&-`).
        stdin=sys.stdin or io.StringIO(),
        stdout=sys.stdout or ClosedStream(),
        stderr=sys.stderr or io.StringIO(),
        environ=environ,
        ansi=line.ansi,
        quiet=line.quiet,
        as_json=line.as_json,
    )


def _enter(line: CommandLine, console: Console) -> CommandLine:
    """Switch root to the account that owns the store; load nothing for any other account."""
    plain = os.getresuid() == (os.geteuid() or -1,) * 3 and os.getegid() == os.getgid()
    if plain and line.account is None and line.door is None:
        return line
    from core.cli.entrance import enter  # noqa: PLC0415 - as below

    try:
        return enter(line, console)
    except MagerewindError as failure:
        _answer_starter(failure, line.ready_fd)
        raise


def _answer_starter(failure: MagerewindError, ready_fd: int | None) -> None:
    """Tell the starter of a runner why it cannot begin, as `core.jobs.runner_process` does.

    That is not imported: after the account switch, the installation may be unreadable.
    """
    if ready_fd is None:
        return
    row = {"error": type(failure).__name__, "message": failure.message, "hint": failure.hint}
    with suppress(OSError):
        os.write(ready_fd, json.dumps(row).encode())


def _dispatch(
    line: CommandLine,
    console: Console,
    interruptions: Interruptions,
    configuration: Configuration,
    open_application: OpenApplication | None,
) -> int:
    environ = dict(os.environ)  # as it is after the account switch
    if line.command is None:
        if open_application is None:
            raise UsageError("A command is needed.", hint="magerewind --help shows them.")
        return open_application(line, configuration)
    if line.command == "job:run":
        return _run_job(line, environ)
    if line.command == "demo":
        with interruptions.watch():  # so that store and server are removed in any case
            return _demo(line, open_application)
    # Here, and not above, so that --help and the application load no more than they need.
    from core.cli.dispatch import CommandSession, command_of, refuse_to_change  # noqa: PLC0415

    refuse_to_change(line)
    session = CommandSession(
        line=line,
        console=console,
        interruptions=interruptions,
        environ=environ,
        configuration=configuration,
    )
    with interruptions.watch(), patience(console):
        try:
            return command_of(line.command)(session)
        except BackupNotFound as missing:
            from core.cli.found_backup import name_repository  # noqa: PLC0415 - of a failure

            if missing.name:
                name_repository(missing, session.store())
            raise


def _demo(line: CommandLine, open_application: OpenApplication | None) -> int:
    """Make the sample store, and open the application on it in a terminal."""
    from core.sample import demo  # noqa: PLC0415 - as above

    def open_there(root: str) -> int:
        if open_application is None:  # demo.run asks only where there is an application
            raise UsageError("The application is not here.")
        shown = structs.replace(line, command=None, root=root, use_config=False)
        return open_application(shown, Configuration(shown, os.environ))

    return demo.run(
        size=line.size,
        headless=line.headless,
        open_application=None if open_application is None else open_there,
    )


def _run_job(line: CommandLine, environ: Mapping[str, str]) -> int:
    """Let this process become the runner of a job, with signals and messages of its own."""
    from core.jobs import runner  # noqa: PLC0415 - as above

    return runner.main(
        line.job_id or "",
        root=line.root or "",
        ready_fd=line.ready_fd,
        from_host=line.from_host,
        environ=environ,
    )


def _without_store(line: CommandLine, console: Console, configuration: Configuration) -> int:
    """Run a command that looks at the commands or the configuration, and at no store."""
    name = line.command or ""
    if name in ABOUT_COMMANDS:
        from core.cli import help_commands  # noqa: PLC0415 - as above

        return help_commands.COMMANDS[name](line, console, configuration)
    from core.cli.config_commands import COMMANDS  # noqa: PLC0415 - as above

    return COMMANDS[name](line, console, configuration)


def _for_all(
    line: CommandLine,
    words: Sequence[str],
    configuration: Configuration,
    console: Console,
    interruptions: Interruptions,
) -> int:
    """Run a command for all stores, each in a process of its own."""
    from core.cli.all_stores import run_for_all  # noqa: PLC0415 - as above

    with interruptions.watch():
        return run_for_all(words, configuration, console, interruptions, check=line.check)


def _say_failure(failure: MagerewindError, console: Console) -> None:
    console.end_progress()
    if console.as_json:  # a failure before a job has the shape of a job's failure
        failed = Failed(
            error=type(failure).__name__,
            message=failure.message,
            hint=failure.hint,
            exit_code=failure.exit_code,
        )
        row = {"type": "Failed", **structs.asdict(failed)}
        console.print_json(
            {
                key: encode_text(value) if isinstance(value, str) else value
                for key, value in row.items()
            }
        )
    console.say(*error_lines(failure))


def _tell_of(
    failure: MagerewindError, line: CommandLine, configuration: Configuration, console: Console
) -> None:
    """Tell others of a backup that could not be started; nobody may be at the terminal."""
    if line.command == "setup:backup":
        from core.cli.notify_failed_start import notify_failed_start  # noqa: PLC0415 - as above

        notify_failed_start(line, configuration, console, failure)


def _refused(
    failure: MagerewindError, line: CommandLine, configuration: Configuration, console: Console
) -> int:
    """Say why a command was refused or failed; return its exit code."""
    if line.command == NAMES:
        return 0  # a shell that completes a word says nothing
    if line.check:
        # Nothing is imported here: after the account switch, the installation may be unreadable.
        console.print(f"UNKNOWN - {printable(failure.message).replace('|', '/')}")
        return _UNKNOWN
    _say_failure(failure, console)
    _tell_of(failure, line, configuration, console)
    return failure.exit_code


def _directory_is_gone() -> bool:
    """Tell whether the working directory has been removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _unexpected(failure: Exception, console: Console, verbose: int) -> int:
    if isinstance(failure, FileNotFoundError) and failure.filename is None and _directory_is_gone():
        console.say(*error_lines(DirectoryGone()))  # it has no name where a path is relative
        return DirectoryGone.exit_code
    kind = type(failure).__name__
    console.say(error(f"An unexpected error ended this command: {kind}: {failure}"))
    if verbose > 1:
        # Places only: a frame's variables could hold a password, and are never shown.
        for place in traceback.extract_tb(failure.__traceback__):
            console.say(note(f"  {place.filename}:{place.lineno} {place.name}"))
    else:
        console.say(note("The same command with -vv shows where. Please report it."))
    return 1


def _ending(code: int, console: Console) -> int:
    """Return the exit code of a command: an answer that could not be written is a failure."""
    return 1 if console.say_what_was_lost() and code == 0 else code


def _show_stores(
    line: CommandLine,
    words: Sequence[str],
    configuration: Configuration,
    pick_store: PickStore | None,
) -> tuple[int | None, CommandLine]:
    """Have one of several stores picked; return the exit code of all that, or the line to obey."""
    if line.command is not None or pick_store is None or not configuration.may_exist():
        return None, line
    from core.cli.stores import show_stores, with_only_store  # noqa: PLC0415 - as above

    code = show_stores(line, words, configuration, pick_store)
    return code, with_only_store(line, configuration) if code is None else line


def _obey(
    line: CommandLine,
    words: Sequence[str],
    console: Console,
    interruptions: Interruptions,
    configuration: Configuration,
    open_application: OpenApplication | None,
) -> int:
    """Run a command on the store, or the stores, that are meant."""
    if line.command == NAMES:
        from core.cli.completed_names import end_soon  # noqa: PLC0415 - as above

        end_soon()
    line = choose_store(line, configuration)
    if line.all_stores:
        return _for_all(line, words, configuration, console, interruptions)
    if line.command in NO_DOOR:
        return _without_store(line, console, configuration)
    line = _enter(line, console)  # before anything looks at a store
    return _dispatch(line, console, interruptions, configuration, open_application)


def run(
    argv: Sequence[str] | None = None,
    *,
    open_application: OpenApplication | None = None,
    pick_store: PickStore | None = None,
) -> int:
    """Run the command line (by default this process's); return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        line = parse(words)
    except UsageError as refused:
        # To Nagios, 2 would be CRITICAL.
        line = CommandLine(check="info:store" in words and "--check" in words)
        environ = os.environ
        return _refused(refused, line, Configuration(line, environ), _console(line, environ))
    except TextRequested as asked:  # --help and --version
        console = _console(CommandLine(), os.environ)
        console.print(asked.text.removesuffix("\n"))
        return _ending(0, console)
    console = _console(line, os.environ)
    interruptions = Interruptions()
    configuration = Configuration(line, os.environ)
    try:
        code, line = _show_stores(line, words, configuration, pick_store)
        if code is None:
            code = _obey(line, words, console, interruptions, configuration, open_application)
        return _ending(code, console)
    except MagerewindError as failure:
        return _refused(failure, line, configuration, console)
    except Stopped as stopped:
        console.end_progress()
        return stopped.code
    except KeyboardInterrupt:
        return 130
    except Exception as failure:  # noqa: BLE001 - the last line before a person
        return _unexpected(failure, console, line.verbose)
