"""Translates arguments of scripts for `bin/magento` that argparse would refuse.

Such a script must go on working, unless its arguments mean another store: then it is refused before
anything is done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from core.errors import UsageError

_VERBOSE: Final = "--verbose="
# Names of a query string as PHP reads them: leading blanks go, and these two become underscores.
_MANGLED: Final = str.maketrans(". ", "__")
_MEANT_ELSEWHERE: Final = {
    "MAGE_DIRS": "moves directories",
    "MAGE_CONFIG": "replaces the configuration",
    "MAGE_CONFIG_FILE": "replaces the configuration",
}


def check_init_params(text: str) -> str:
    """Return the value of --magento-init-params. Raises UsageError where it means another store.

    A backup of the wrong directories is worse than none.
    """
    for name, _ in parse_qsl(text, keep_blank_values=True):
        base = re.split(r"\[", name.lstrip(" "), maxsplit=1)[0].translate(_MANGLED)
        does = _MEANT_ELSEWHERE.get(base)
        if does is not None:
            raise UsageError(
                f"--magento-init-params: {base} {does}, and only a store with Magento's own "
                "directories and configuration is known here."
            )
    return text


def with_short_verbose(argv: Sequence[str]) -> list[str]:
    """Return the words with `--verbose=2` written as `-vv`: argparse has no option with both."""
    words = []
    for word in argv:
        if word.startswith(_VERBOSE):
            level = word.removeprefix(_VERBOSE)
            if level not in {"1", "2", "3"}:
                raise UsageError(f"--verbose is 1, 2 or 3, not {level!r}.")
            word = f"-{'v' * int(level)}"  # noqa: PLW2901
        words.append(word)
    return words


def refuse_equals_sign(argv: Sequence[str]) -> None:
    """Explain `-c=NAME`: older pages of Magento's documentation show it, and it never worked."""
    if "setup:rollback" not in argv:
        return
    for word in argv:
        if word[:3] in {"-c=", "-m=", "-d="}:
            long = {"c": "--code-file", "m": "--media-file", "d": "--db-file"}[word[1]]
            raise UsageError(
                f"{word[:2]} takes its value without an equals sign.",
                hint=f"Write {word[:2]} {word[3:] or 'NAME'}, or {long}={word[3:] or 'NAME'}.",
            )
