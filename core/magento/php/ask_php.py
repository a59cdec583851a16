"""Asks the machine's own PHP for the value of a configuration file that is more than data.

The file is code of the account that owns it, so it runs only where this process has that account.
php gets the bytes that were read, never a path that could lead elsewhere by then. Knows nothing of
the meaning of the values; its input is never shown.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Mapping
from typing import Any, Final

from core.account.environment import path_of
from core.errors import ConfigurationError
from core.magento.child import Account, account_of, run_child
from core.magento.php.syntax import variables_of, with_places
from core.magento.php.values import Array, Value
from core.magento.store import shown

TIMEOUT_S: Final = 5.0
_OUTPUT_LIMIT: Final = 8 << 20
_MARK: Final = b"\0magerewind:"

# Strings go through base64, since JSON cannot hold bytes that are not UTF-8; floats too, since
# JSON drops the point of 1.0. Keys keep their type by being written as values.
_PROGRAM: Final = r"""
function v($v) {
    if (is_string($v)) { return ['s', base64_encode($v)]; }
    if (is_float($v)) { return ['f', base64_encode(serialize($v))]; }
    if (is_array($v)) {
        $all = [];
        foreach ($v as $key => $value) { $all[] = [v($key), v($value)]; }
        return ['a', $all];
    }
    if ($v === null || is_bool($v) || is_int($v)) { return ['v', $v]; }
    return ['o', null];
}
ob_start();
$value = %s;
while (ob_get_level()) { ob_end_clean(); }
fwrite(STDOUT, "\0magerewind:" . json_encode(v($value), 0, 512));
"""
# A `declare` or `namespace` must be the first statement, which it is not after a `?>`.
_EVALUATE: Final = """(static function () {
    $source = stream_get_contents(STDIN);
    return eval(strncasecmp($source, '<?php', 5) ? '?>' . $source : substr($source, 5));
})()"""
_SETTINGS: Final = (
    "display_errors=0",
    "log_errors=0",
    "auto_prepend_file=",
    "auto_append_file=",
    "opcache.enable_cli=0",
    "memory_limit=128M",
    "allow_url_fopen=0",
    "zend.exception_ignore_args=1",
)


def find_php(environ: Mapping[str, str]) -> str | None:
    """Return the path of php on this machine."""
    return shutil.which("php", path=path_of(environ))


def ask_php(
    path: str,
    *,
    source: bytes,
    owner_uid: int,
    environ: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
) -> Array:
    """Return the array that `source` returns, as if it stood in the file at `path`.

    Raises ConfigurationError with one line when there is no php, when the file's owner is not an
    account to run it as, or when it returns no array in time.
    """
    php = find_php(environ)
    if php is None:
        raise ConfigurationError("there is no php on this machine to ask for its value")
    account = _account(owner_uid)
    arguments = [word for setting in _SETTINGS for word in ("-d", setting)]
    program = _PROGRAM % _EVALUATE
    try:
        finished = run_child(
            [php, *arguments, "-r", program],
            cwd=_directory(path),
            environ=environ,
            account=account,
            timeout_s=timeout_s,
            limit_bytes=_OUTPUT_LIMIT,
            feed=with_places(source, path),
            variables=variables_of(source),
        )
    except OSError as error:
        raise ConfigurationError(f"php could not be started: {error.strerror}") from None
    if finished.timed_out:
        raise ConfigurationError(f"php gave no value within {timeout_s:g} s")
    # No `from`: a decoder's error may show the text that it could not decode.
    try:
        value = _decoded(json.loads(finished.output.rpartition(_MARK)[2]))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        raise ConfigurationError("php gave no value for it") from None
    if not isinstance(value, dict):
        raise ConfigurationError("it does not return an array")
    return value


def _account(uid: int) -> Account:
    account = account_of(uid, os.getegid())
    if os.geteuid() != uid:
        raise ConfigurationError(f"only its owner, {shown(account.name)}, may execute it")
    return account


def _directory(path: str) -> str:
    directory = os.path.dirname(path)
    return directory if os.path.isdir(directory) else "/"


def _decoded(pair: list[Any]) -> Value:
    kind, content = pair
    match kind:
        case "s":
            return base64.b64decode(content, validate=True)
        case "f":
            return float(base64.b64decode(content).decode("ascii")[2:-1])
        case "a":
            array: Array = {}
            for key, value in content:
                decoded = _decoded(key)
                if isinstance(decoded, int | bytes):
                    array[decoded] = _decoded(value)
            return array
        case "v" if content is None or isinstance(content, bool | int):
            return content
        case "o":
            return None  # an object: a closure has no value that could be compared or shown
        case _:
            raise ValueError("kind")
