"""Passwords, tokens and secret URLs: by a file, a program or a systemd credential, never literally.

They are read at the time of use, by the account of the job: a secret that only root may read is of
no use to a job of the store's owner, and is refused before the job starts. A secret is never part
of an error, an event or a list of arguments.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from core.account.walk import Walk, distrust
from core.config.fields import ConfigTable
from core.errors import SecretUnreadable
from core.magento.child import account_of, run_child
from core.owned_files import account_name

LIMIT: Final = 64 << 10
"""The most bytes of a secret."""
TIMEOUT_S: Final = 10.0
_DIRECTORY: Final = "CREDENTIALS_DIRECTORY"
_RULE: Final = "Secrets are read by the account that works."


class SecretSource(Struct, frozen=True, kw_only=True):
    """The source of a secret; exactly one source is given. `what` is its name for people."""

    what: str
    literal: str | None = None  # a URL that its owner does not hide
    file: str | None = None
    command: tuple[str, ...] | None = None
    credential: str | None = None


def secret_of(table: ConfigTable, stem: str, what: str) -> SecretSource | None:
    """Return the secret that the fields `STEM_file`, `STEM_command`, `STEM_credential` name."""
    literal = getattr(table, stem, None)
    file = getattr(table, f"{stem}_file", None)
    command = getattr(table, f"{stem}_command", None)
    credential = getattr(table, f"{stem}_credential", None)
    if literal is None and file is None and command is None and credential is None:
        return None
    return SecretSource(
        what=what,
        literal=literal,
        file=file,
        command=None if command is None else tuple(command),
        credential=credential,
    )


def check_secret(secret: SecretSource, environ: Mapping[str, str]) -> None:
    """Raise SecretUnreadable for a file or credential this account cannot read; runs no program."""
    if secret.command is None:
        read_secret(secret, environ, lines=True)


def read_secret(
    secret: SecretSource,
    environ: Mapping[str, str],
    *,
    lines: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Return a secret without the line end after it. Raises SecretUnreadable.

    `lines`: it may have several lines.
    """
    if secret.literal is not None:
        return secret.literal
    if secret.command is not None:
        content = _printed(secret, secret.command, environ, timeout_s)
    elif secret.file is not None:
        content = read_private(secret.file, what=secret.what)
    else:
        content = _credential(secret, environ)
    return _text(secret.what, content, lines=lines)


def _text(what: str, content: bytes, *, lines: bool) -> str:
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretUnreadable(f"{what} is not UTF-8.") from None
    if not text.strip():
        raise SecretUnreadable(f"{what} is empty.")
    if "\0" in text or (not lines and ("\n" in text or "\r" in text)):
        raise SecretUnreadable(f"{what} is more than one line.")
    return text


def _credential(secret: SecretSource, environ: Mapping[str, str]) -> bytes:
    directory = environ.get(_DIRECTORY, "")
    name = secret.credential or ""
    if not directory.startswith("/"):
        raise SecretUnreadable(
            f"{secret.what} is the credential {name}, and systemd gave none to this process.",
            hint=f"LoadCredential={name}:FILE in the unit, and User= the store's owner.",
        )
    if "/" in name or name in ("", ".", ".."):
        raise SecretUnreadable(f"{secret.what}: {name!r} is no name of a credential.")
    return read_private(os.path.join(directory, name), what=secret.what)


def _printed(
    secret: SecretSource, command: tuple[str, ...], environ: Mapping[str, str], timeout_s: float
) -> bytes:
    account = account_of(os.geteuid(), os.getegid())
    try:
        done = run_child(
            command,
            cwd="/",
            environ=environ,
            account=account,
            timeout_s=timeout_s,
            limit_bytes=LIMIT,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SecretUnreadable(
            f"{secret.what}: {command[0]} cannot be run by {account.name}: {reason}."
        ) from None
    if done.timed_out:
        raise SecretUnreadable(
            f"{secret.what}: {command[0]} did not end in {round(timeout_s, 1):g} s."
        )
    if done.too_much:
        raise SecretUnreadable(f"{secret.what}: {command[0]} printed more than {LIMIT >> 10} KiB.")
    if done.status != 0:
        raise SecretUnreadable(f"{secret.what}: {command[0]} failed (exit code {done.status}).")
    return done.output


def read_private(path: str, *, what: str) -> bytes:
    """Return the bytes of a file with secrets in it, at most `LIMIT`. Raises SecretUnreadable.

    Only root or this account may be able to change it, and not everybody may read it.
    """
    me = account_name(os.geteuid())
    try:
        with Walk(path) as walk:
            status = walk.end.status
            for step in walk.passed:
                reason = distrust(step, os.geteuid())
                if reason is not None:
                    raise SecretUnreadable(f"{what} is not taken from {path}: {reason}.")
            if not stat.S_ISREG(status.st_mode):
                raise SecretUnreadable(f"{what}: {path} is no ordinary file.")
            if status.st_mode & stat.S_IROTH:
                raise SecretUnreadable(
                    f"{what}: all accounts may read {path} ({stat.S_IMODE(status.st_mode):04o}).",
                    hint=f"chmod o-r {path}",
                )
            fd = _opened(walk.end.fd, status, path, what, me)
    except (FileNotFoundError, NotADirectoryError):
        raise SecretUnreadable(f"{what}: there is no file {path}.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SecretUnreadable(
            f"{what}: {path} cannot be reached by {me}: {reason}. {_RULE}",
            hint="Put it where that account may go.",
        ) from None
    try:
        return _read(fd, path, what)
    finally:
        os.close(fd)


def _opened(looked_at: int, status: os.stat_result, path: str, what: str, me: str) -> int:
    try:
        return os.open(f"/proc/self/fd/{looked_at}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        alone = status.st_uid == 0 and not status.st_mode & stat.S_IRGRP
        who = "only root may" if alone else "its mode forbids that"
        raise SecretUnreadable(
            f"{what}: {me} cannot read {path}: {who} ({stat.S_IMODE(status.st_mode):04o}). {_RULE}",
            hint=f"chown {me} {path}; or give it a group of {me}'s, and chmod 640.",
        ) from None


def _read(fd: int, path: str, what: str) -> bytes:
    pieces, left = list[bytes](), LIMIT + 1
    try:
        while left and (piece := os.read(fd, left)):
            pieces.append(piece)
            left -= len(piece)
    except OSError as error:
        raise SecretUnreadable(f"{what}: {path} cannot be read: {error.strerror}.") from None
    if not left:
        raise SecretUnreadable(f"{what}: {path} is larger than {LIMIT >> 10} KiB.")
    return b"".join(pieces)
