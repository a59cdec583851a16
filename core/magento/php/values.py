"""PHP's values and their conversions: keys, truth, text, numbers.

A PHP string is bytes, an array is a dict whose keys are int or bytes, in order. Only the
needs of a configuration file are here; a conversion that PHP would warn about raises `Unknown`.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Scalar: TypeAlias = bool | int | float | bytes | None
Value: TypeAlias = "Scalar | dict[int | bytes, Value]"
Array: TypeAlias = dict[int | bytes, Value]

INT_MAX: Final = 2**63 - 1
INT_MIN: Final = -(2**63)
_DECIMAL_KEY: Final = re.compile(rb"\A(?:0|-?[1-9][0-9]{0,18})\Z")
_LEADING_NUMBER: Final = re.compile(rb"\A[ \t\n\r\v\f]*([+-]?(?:\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)")


class Unknown(Exception):
    """A value that is not known without PHP. Its message names the source, never the value."""


def array_key(value: Value) -> int | bytes:
    """Return the key that PHP makes of a value: `"8"` is 8, `"08"` stays, true is 1, null is ""."""
    match value:
        case None:
            return b""
        case bool() | int():
            return int(value)
        case float():
            return to_int(value)
        case bytes():
            if _DECIMAL_KEY.match(value) and INT_MIN <= int(value) <= INT_MAX:
                return int(value)
            return value
        case _:
            raise Unknown("an array as a key")


def append(array: Array, value: Value) -> None:
    """Add a value under the next free number."""
    numbers = [key for key in array if isinstance(key, int)]
    array[max(max(numbers, default=-1) + 1, 0)] = value


def spread(array: Array, more: Value) -> None:
    """Add the elements of another array as `...` does: numbers are given anew, names replace."""
    if not isinstance(more, dict):
        raise Unknown("an unpacked value that is no array")
    for key, value in more.items():
        if isinstance(key, int):
            append(array, value)
        else:
            array[key] = value


def truth(value: Value) -> bool:
    """Return the truth of a value in PHP's conditions: `"0"` is false."""
    return value != b"0" and bool(value)


def to_bytes(value: Value) -> bytes:
    """Return a value as PHP text."""
    match value:
        case bytes():
            return value
        case None | False:
            return b""
        case True:
            return b"1"
        case int():
            return b"%d" % value
        case float():
            return _float_text(value)
        case _:
            raise Unknown("an array as text")


def _float_text(value: float) -> bytes:
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        raise Unknown("a number without end")
    # 14 digits: the `precision` of PHP, and of every php.ini that is shipped with it.
    mantissa, _, exponent = f"{value:.14G}".partition("E")
    if not exponent:
        return mantissa.encode("ascii")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{int(exponent):+d}".encode("ascii")


def to_number(value: Value) -> int | float:
    """Return a value as a number: the leading one of a text, 0 without one."""
    match value:
        case None:
            return 0
        case bool():
            return int(value)
        case int() | float():
            return value
        case bytes():
            found = _LEADING_NUMBER.match(value)
            if found is None:
                return 0
            if (
                found[2] is None
                and found[3] is None
                and not found[1].lstrip(b"+-").startswith(b".")
            ):
                whole = int(found[1])
                return whole if INT_MIN <= whole <= INT_MAX else float(whole)
            return float(found[1])
        case _:
            raise Unknown("an array as a number")


def to_int(value: Value) -> int:
    """Return a value as `(int)` does."""
    if isinstance(value, dict):
        return int(bool(value))
    number = to_number(value)
    if isinstance(number, float) and not (INT_MIN <= number <= INT_MAX):
        raise Unknown("a number that is too large")
    return int(number)


def cast(kind: str, value: Value) -> Value:
    """Return `(kind) value`."""
    match kind.lower():
        case "int" | "integer":
            return to_int(value)
        case "bool" | "boolean":
            return truth(value)
        case "float" | "double" | "real":
            return float(to_number(value))
        case "string" | "binary":
            return to_bytes(value)
        case "array":
            if isinstance(value, dict):
                return value
            return {} if value is None else {0: value}
        case _:
            raise Unknown(f"a cast to {kind}")


def integer(text: bytes) -> int | float:
    """Return an integer literal of any base; one over 64 bits is a float."""
    digits = text.replace(b"_", b"").lower()
    if digits.startswith((b"0x", b"0b", b"0o")):
        number = int(digits, 0)
    elif len(digits) > 1 and digits.startswith(b"0"):
        number = int(digits, 8)
    else:
        number = int(digits)
    return number if number <= INT_MAX else float(number)
