"""The options that have to do with the configuration, and those of the commands `config:…`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def add_configuration(add: Callable[..., argparse.Action], word: Callable[[str], str]) -> None:
    """Add the choice of files and stores that every command takes."""
    unset: dict[str, Any] = {"default": argparse.SUPPRESS}
    add(
        "--config",
        dest="config_file",
        metavar="FILE",
        type=word,
        help="read this configuration, and no other file",
        **unset,
    )
    add(
        "--no-config",
        dest="use_config",
        action="store_false",
        help="read no configuration at all",
        **unset,
    )
    add(
        "--store",
        dest="store",
        metavar="NAME",
        type=word,
        help="the store of this name in the configuration, in place of --root",
        **unset,
    )
    add(
        "--all-stores",
        action="store_true",
        help="all stores of the configuration, one after the other; a failing one does not stop "
        "the others, and the exit code is that of the worst",
        **unset,
    )
