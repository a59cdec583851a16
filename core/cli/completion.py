"""Completion for shells, made from the parser by shtab, and mended where it cannot know better.

Commands have colons, at which readline splits words: bash's completion joins them again. Names of
backups and jobs are asked for while one types, by `magerewind complete:names`, which is not for
people.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Final

import shtab

from core.cli.command_table import COMMANDS
from core.cli.options import PROGRAM
from core.cli.parser import NAMES, make_parser


def _asked(what: str) -> dict[str, str | dict[str, str]]:
    """Return the completion of names that are queried at each Tab.

    The words of the line so far go along, since they may name a store. shtab's own `cmd` would
    query once only in zsh, and let bash expand the characters of a name.
    """
    ask, function = f"{PROGRAM} {NAMES} {what}", f"_magerewind_{what}"
    fish = f"({ask} (commandline -opc) 2>/dev/null)"
    bash = [
        f"{function}() {{",
        "  local name",
        "  while IFS= read -r name; do",
        '    [[ $name != "$1"* ]] || printf "%s\\n" "$name"',
        f'  done < <({ask} "${{COMP_WORDS[@]:1:COMP_CWORD-1}}" 2>/dev/null)',
        "}",
    ]
    zsh = [
        f"{function}() {{",
        f'  local -a names=("${{(@f)$({ask} "${{(@z)LBUFFER}}" 2>/dev/null)}}")',
        "  compadd -V newest -a names",
        "}",
    ]
    preamble = {"bash": "\n".join(bash), "zsh": "\n".join(zsh)}
    return {"bash": function, "zsh": function, "fish": fish, "preamble": preamble}


_BACKUPS: Final = _asked("backups")
_JOBS: Final = _asked("jobs")
_BY_DEST: Final = {
    "names": _BACKUPS,
    "name": _BACKUPS,
    "code_file": _BACKUPS,
    "media_file": _BACKUPS,
    "db_file": _BACKUPS,
    "job_id": _JOBS,
}
_BY_METAVAR: Final = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY, "PATH": shtab.FILE}

_BASH: Final = r"""
# Readline splits words at colons, which the names of commands have, and at equals signs.
_magerewind() {
  local line=${COMP_LINE:0:COMP_POINT} word gap at last current reply
  local -a joined=()
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    gap=${line%%[![:space:]]*}
    line=${line#"$gap"}
    line=${line#"$word"}
    last=$((${#joined[@]} - 1))
    if [[ -z $gap && $last -ge 0 && ($word == :* || ${joined[last]} == *:) ]]; then
      joined[last]+=$word
    elif [[ $word == = ]]; then
      ((at < COMP_CWORD)) || joined+=("")
    else
      joined+=("$word")
    fi
  done
  current=${joined[${#joined[@]} - 1]}
  local -a COMP_WORDS=("${joined[@]}")
  local COMP_CWORD=$((${#joined[@]} - 1))
  _shtab_magerewind
  [[ $current == *:* && $COMP_WORDBREAKS == *:* ]] || return 0
  for at in "${!COMPREPLY[@]}"; do
    reply=${COMPREPLY[at]}
    COMPREPLY[at]=${reply#"${current%"${current##*:}"}"}
  done
}
complete -o bashdefault -F _magerewind magerewind"""


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for below in action.choices.values():
                below.description = None  # the summary is shown then, which is short
                yield from _actions(below)
        else:
            yield action


def _prepared() -> argparse.ArgumentParser:
    """Return the parser with a completion for each of its values."""
    parser = make_parser()
    for action in _actions(parser):
        found = _BY_DEST.get(action.dest) or _BY_METAVAR.get(str(action.metavar))
        if found is not None and action.nargs != 0:
            action.complete = found  # type: ignore[attr-defined]  # it is shtab's
        if action.metavar == "COMMAND":
            action.choices = [command.name for command in COMMANDS]
        if action.metavar == "NAMESPACE":
            action.choices = sorted({command.namespace for command in COMMANDS} - {""})
    return parser


def _with_joined_words(script: str) -> str:
    """Return bash's script with a function before shtab's that joins words at colons again."""
    start, complete, _ = script.rpartition("\ncomplete ")
    if not complete:
        raise ValueError("shtab's script for bash has no line that installs it")
    return f"{start}\n{_BASH}"


def _with_escaped_colons(script: str) -> str:
    """Return zsh's script with the colons escaped that would end a command's name.

    Of several names, each is completed and not the first alone.
    """
    for command in COMMANDS:
        name = re.escape(command.name)
        escaped = command.name.replace(":", r"\\:")
        script = re.sub(rf"^(\s+){name}:(?=\S)", rf"\g<1>'{escaped}':", script, flags=re.MULTILINE)
    return re.sub(r'(?m)^(\s+")\(\*\)::?', r"\g<1>*:", script)


def completion_script(shell: str) -> str:
    """Return the script of a shell: bash, zsh or fish."""
    script = shtab.complete(_prepared(), shell)
    script = re.sub(r"(?m)^# (Usage|See also):.*\n|^# (AUTO|[12]\)|   ).*\n", "", script)
    if shell == "bash":
        script = _with_joined_words(script)
    if shell == "zsh":
        script = _with_escaped_colons(script)
    return f"{script.rstrip()}\n"
