"""PHP's operators between known values, and the constants a configuration may name."""

from __future__ import annotations

import math
from typing import Final

from core.magento.php.values import INT_MAX, INT_MIN, Unknown, Value, to_bytes

CONSTANTS: Final[dict[bytes, Value]] = {
    b"PHP_EOL": b"\n",
    b"DIRECTORY_SEPARATOR": b"/",
    b"PATH_SEPARATOR": b":",
    b"PHP_INT_MAX": INT_MAX,
    b"PHP_INT_MIN": INT_MIN,
    b"PHP_INT_SIZE": 8,
    b"E_ALL": 32767,
}

# The numbers of ext/pdo and of ext/pdo_mysql built with mysqlnd (the only way since PHP 5.4 that
# distributions build it): Magento's installer writes them as numbers into env.php.
PDO: Final = {
    b"ATTR_AUTOCOMMIT": 0,
    b"ATTR_PREFETCH": 1,
    b"ATTR_TIMEOUT": 2,
    b"ATTR_ERRMODE": 3,
    b"ATTR_SERVER_VERSION": 4,
    b"ATTR_CLIENT_VERSION": 5,
    b"ATTR_SERVER_INFO": 6,
    b"ATTR_CONNECTION_STATUS": 7,
    b"ATTR_CASE": 8,
    b"ATTR_CURSOR_NAME": 9,
    b"ATTR_CURSOR": 10,
    b"ATTR_ORACLE_NULLS": 11,
    b"ATTR_PERSISTENT": 12,
    b"ATTR_STATEMENT_CLASS": 13,
    b"ATTR_FETCH_TABLE_NAMES": 14,
    b"ATTR_FETCH_CATALOG_NAMES": 15,
    b"ATTR_DRIVER_NAME": 16,
    b"ATTR_STRINGIFY_FETCHES": 17,
    b"ATTR_MAX_COLUMN_LEN": 18,
    b"ATTR_DEFAULT_FETCH_MODE": 19,
    b"ATTR_EMULATE_PREPARES": 20,
    b"ERRMODE_SILENT": 0,
    b"ERRMODE_WARNING": 1,
    b"ERRMODE_EXCEPTION": 2,
    b"FETCH_ASSOC": 2,
    b"FETCH_NUM": 3,
    b"FETCH_BOTH": 4,
    b"FETCH_OBJ": 5,
    b"MYSQL_ATTR_USE_BUFFERED_QUERY": 1000,
    b"MYSQL_ATTR_LOCAL_INFILE": 1001,
    b"MYSQL_ATTR_INIT_COMMAND": 1002,
    b"MYSQL_ATTR_COMPRESS": 1003,
    b"MYSQL_ATTR_DIRECT_QUERY": 1004,
    b"MYSQL_ATTR_FOUND_ROWS": 1005,
    b"MYSQL_ATTR_IGNORE_SPACE": 1006,
    b"MYSQL_ATTR_SSL_KEY": 1007,
    b"MYSQL_ATTR_SSL_CERT": 1008,
    b"MYSQL_ATTR_SSL_CA": 1009,
    b"MYSQL_ATTR_SSL_CAPATH": 1010,
    b"MYSQL_ATTR_SSL_CIPHER": 1011,
    b"MYSQL_ATTR_SERVER_PUBLIC_KEY": 1012,
    b"MYSQL_ATTR_MULTI_STATEMENTS": 1013,
    b"MYSQL_ATTR_SSL_VERIFY_SERVER_CERT": 1014,
    b"MYSQL_ATTR_LOCAL_INFILE_DIRECTORY": 1015,
}


def class_constant(owner: bytes, name: bytes) -> int | None:
    r"""Return a constant of PDO, also by its PHP 8.4 name (`Pdo\Mysql::ATTR_SSL_CA`)."""
    match owner.lower():
        case b"pdo":
            return PDO.get(name)
        case b"pdo\\mysql":
            return PDO.get(b"MYSQL_" + name, PDO.get(name))
        case _:
            return None


def negative(value: Value) -> Value:
    """Return a number with its sign changed."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within(-value)
    raise Unknown("a sign before what is no number")


def binary(operator: str, left: Value, right: Value) -> Value:
    """Return the result of an operator on two values."""
    match operator:
        case ".":
            return to_bytes(left) + to_bytes(right)
        case "===" | "!==":
            return _same(left, right) == (operator == "===")
        case "==" | "!=" | "<>":
            if type(left) is not type(right) or isinstance(left, bytes | dict):
                raise Unknown("a loose comparison")
            return (left == right) == (operator == "==")
        case "+" if isinstance(left, dict) and isinstance(right, dict):
            return {**left, **{key: right[key] for key in right if key not in left}}
        case _:
            return _calculated(operator, left, right)


def _same(left: Value, right: Value) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    return left == right


def _calculated(operator: str, left: Value, right: Value) -> Value:
    for value in (left, right):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unknown(f"the operator {operator} between what are no numbers")
    one, other = left, right
    assert isinstance(one, int | float)  # noqa: S101 - seen above; for the type checker
    assert isinstance(other, int | float)  # noqa: S101
    match operator:
        case "+":
            return _within(one + other)
        case "-":
            return _within(one - other)
        case "*":
            return _within(one * other)
        case "|" if isinstance(one, int) and isinstance(other, int):
            return one | other
        case "&" if isinstance(one, int) and isinstance(other, int):
            return one & other
        case "<" | ">" | "<=" | ">=":
            return {"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[
                operator
            ]
        case _:
            raise Unknown(f"the operator {operator}")


def _within(number: float) -> int | float:
    """Return a number as PHP holds it: an integer over 64 bits is a float."""
    if isinstance(number, int) and not INT_MIN <= number <= INT_MAX:
        return float(number)
    if not math.isfinite(number):
        raise Unknown("a number without end")
    return number
