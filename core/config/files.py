"""The files of the configuration, and the reading of one: refused where others may write to it.

A file decides which programs run around a job, so it and every directory on the way to it are
root's or the account's own. It is opened through the descriptors that this check was made on.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from core.account.walk import Walk, distrust
from core.errors import InvalidConfig
from core.owned_files import account_name

SYSTEM_DIRECTORY: Final = "/etc/magerewind"
FILE_NAME: Final = "config.toml"
LIMIT: Final = 1 << 20
"""The most bytes of a file of the configuration."""
_MOST_FILES: Final = 200
_DEEPEST: Final = 12  # levels of tables and lists
_DOTS: Final = 400  # of a line: each of a key is a level, and tomllib takes their square in time


class Layer(Struct, frozen=True, kw_only=True):
    """The content of one file: `tables` as parsed from TOML."""

    path: str
    tables: Mapping[str, Any]


def user_file(environ: Mapping[str, str], home: str | None = None) -> str | None:
    """Return the path of the account's own file; None for an account without a home."""
    given = environ.get("XDG_CONFIG_HOME", "")
    if not given.startswith("/"):  # as the XDG specification has it: a relative path is ignored
        home = environ.get("HOME", "") if home is None else home
        if not home.startswith("/"):
            return None
        given = os.path.join(home, ".config")
    return os.path.join(given, "magerewind", FILE_NAME)


def system_files(directory: str = SYSTEM_DIRECTORY) -> tuple[str, ...]:
    """Return the system's files, the earlier of two counting less. Raises InvalidConfig."""
    parts = os.path.join(directory, "conf.d")
    try:
        names = sorted(name for name in os.listdir(parts) if name.endswith(".toml"))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except OSError as error:
        raise InvalidConfig(
            f"{parts} cannot be read: {error.strerror}.", hint=_without_it(error)
        ) from error
    names = [name for name in names if not name.startswith(".")]
    if len(names) > _MOST_FILES:
        raise InvalidConfig(f"{parts} holds more than {_MOST_FILES} files.")
    return (os.path.join(directory, FILE_NAME), *(os.path.join(parts, name) for name in names))


def _without_it(error: OSError) -> str | None:
    closed = isinstance(error, PermissionError)
    return "Let this account read it, or give --no-config." if closed else None


def read_layer(path: str, *, must_exist: bool = False, own: bool = False) -> Layer | None:
    """Return the content of a file, None where it does not exist. Raises InvalidConfig.

    `own`: the file is the account's own; below a home closed to the account it counts as absent.
    """
    content = read_trusted(path, must_exist=must_exist, own=own)
    if content is None:
        return None
    if any(line.count(b".") > _DOTS for line in content.splitlines()):
        raise InvalidConfig(f"{path} has more than {_DOTS} dots in a line.")
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidConfig(f"{path} is not UTF-8 (byte {error.start}).") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig(f"{path} is not TOML: {error}.") from None
    except RecursionError:
        raise InvalidConfig(f"{path} is not TOML: it is nested too deeply.") from None
    except ValueError:  # the only other one that the parser lets through is of the interpreter
        raise InvalidConfig(f"{path} is not TOML: a number has too many digits.") from None
    if _is_too_deep(tables):
        raise InvalidConfig(f"{path} is nested more than {_DEEPEST} levels deep.")
    return Layer(path=path, tables=tables)


def _is_too_deep(tables: Mapping[str, Any]) -> bool:
    """Return whether tables and lists are nested deeper than the limit.

    Level by level: the dots of a key nest deeper than functions may call themselves.
    """
    level: list[Any] = [tables]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for one in level:
            inner += one.values() if isinstance(one, dict) else one
        level = [one for one in inner if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def read_trusted(path: str, *, must_exist: bool = False, own: bool = False) -> bytes | None:
    """Return the bytes of a file that root or this account alone may write.

    Raises InvalidConfig.
    """
    try:
        with Walk(path) as walk:
            for step in walk.passed:
                reason = distrust(step, os.geteuid())
                if reason is not None:
                    raise InvalidConfig(
                        f"{path} is not used: {reason}.",
                        hint="It must be this account's or root's, and so must each directory on "
                        "the way, closed to the writing of others (chmod go-w).",
                    )
            own = False  # it is there: not to be allowed to read it is an error
            return _read(path, walk.end.fd)
    except (FileNotFoundError, NotADirectoryError):
        if must_exist:
            raise InvalidConfig(f"There is no file {path}.") from None
        return None
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError) and own:
            return None
        if isinstance(error, PermissionError):
            me = account_name(os.geteuid())
            raise InvalidConfig(
                f"{path} cannot be read by {me}.", hint=_without_it(error)
            ) from None
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidConfig(f"{path} cannot be read: {reason}.") from None


def _read(path: str, looked_at: int) -> bytes:
    status = os.fstat(looked_at)
    if not stat.S_ISREG(status.st_mode):
        raise InvalidConfig(f"{path} is no ordinary file.")
    fd = os.open(f"/proc/self/fd/{looked_at}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        pieces, left = list[bytes](), LIMIT + 1
        while left and (piece := os.read(fd, left)):
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(fd)
    if not left:
        raise InvalidConfig(f"{path} is larger than {LIMIT >> 20} MiB.")
    return b"".join(pieces)
