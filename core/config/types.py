"""The types of configuration values, and the words that describe each type in an error.

msgspec checks each type; a pattern has a description here, since people do not read expressions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Final

from msgspec import Meta

PATH_PATTERN: Final = r"^/[^\x00-\x1f\x7f]*\Z"
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z"
WITHIN_PATTERN: Final = r"^([0-9]{1,5}[hdwmy])*\Z"
TIME_PATTERN: Final = r"^([0-9]{1,6}(s|min|h|d|w))*\Z"
PLAIN_PATTERN: Final = r"^[^\x00-\x1f\x7f]*\Z"
URL_PATTERN: Final = r"^https?://[^\s\x00-\x20@]+\Z"

WORDS_OF_PATTERNS: Final[Mapping[str, str]] = {
    PATH_PATTERN: "an absolute path",
    NAME_PATTERN: "a name of letters, digits, '_', '-' and '.'",
    WITHIN_PATTERN: "a span such as '30d' or '1y6m' (h, d, w, m, y)",
    TIME_PATTERN: "a time such as '90s', '15min' or '26h' (s, min, h, d, w)",
    PLAIN_PATTERN: "a text on one line",
    URL_PATTERN: "an http or https URL without user and password",
}

Text = Annotated[str, Meta(max_length=1024, pattern=PLAIN_PATTERN)]
Path = Annotated[str, Meta(max_length=4096, pattern=PATH_PATTERN)]
Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
Argument = Annotated[str, Meta(max_length=32768, pattern=r"^[^\x00]*\Z")]
Command = Annotated[tuple[Argument, ...], Meta(min_length=1, max_length=256)]
Count = Annotated[int, Meta(ge=0, le=100_000)]
Span = Annotated[str, Meta(max_length=32, pattern=WITHIN_PATTERN)]
Time = Annotated[str, Meta(max_length=32, pattern=TIME_PATTERN)]
Url = Annotated[str, Meta(max_length=4096, pattern=URL_PATTERN)]
Patterns = Annotated[tuple[Text, ...], Meta(max_length=1000)]
Names = Annotated[tuple[Name, ...], Meta(max_length=32)]

_SECONDS: Final[Mapping[str, int]] = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host == "localhost"


def seconds_of(time: str) -> int | None:
    """Return the seconds of a text that `Time` allows; None for an empty one."""
    total, digits, unit = 0, "", ""
    for letter in f"{time} ":
        if letter.isdigit() or letter == " ":
            if unit:
                total, digits, unit = total + int(digits) * _SECONDS[unit], "", ""
            digits += letter.strip()
        else:
            unit += letter
    return total if time else None
