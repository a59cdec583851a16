"""Clears the caches of a store, which hold the state before a rollback.

Caches on disk are set aside by a rename, which also works when the store's own code does not;
everything else (Redis, Varnish, the opcode cache) is left to `bin/magento cache:flush`.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Mapping
from typing import Final

from core.account.environment import path_of
from core.account.walk import distrust_of_root
from core.durable import fsync, rename_noreplace, translate
from core.magento.child import account_of, run_child
from core.magento.store import Store, open_var

CACHES: Final = ("cache", "page_cache", "view_preprocessed")
_COMMAND: Final = ("cache:flush", "--no-interaction", "--no-ansi")
# Topmost paths of the code that bin/magento loads; checking all of it would take too long.
_CODE: Final = (
    "bin/magento", "app", "app/autoload.php", "app/bootstrap.php", "app/etc", "app/etc/env.php",
    "app/code", "vendor", "vendor/autoload.php", "vendor/magento", "generated", "generated/code",
    "lib", "setup",
)  # fmt: skip
_OUTPUT_LIMIT: Final = 1 << 20
_REASON_LIMIT: Final = 200
# A mount point, or one level of a union file system: it stays, and the flush empties it.
_STAYS: Final = frozenset({errno.EBUSY, errno.EXDEV})


def set_caches_aside(store: Store, aside: int) -> tuple[str, ...]:
    """Rename the caches in var into a directory; return the names that were moved.

    `aside` is its descriptor; it is below var. A missing place is skipped; a link or a mount point
    stays where it is (Magento would put a plain directory in its place), and is for `flush_caches`
    to empty.
    """
    var = open_var(store)
    try:
        moved = tuple(name for name in CACHES if _set_aside(name, var, aside))
        if moved:
            fsync(aside)
            fsync(var)
    except OSError as error:
        raise translate(error, "setting the caches aside") from error
    finally:
        os.close(var)
    return moved


def _set_aside(name: str, var: int, target: int) -> bool:
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=var, follow_symlinks=False).st_mode):
            return False
        rename_noreplace(name, name, source_fd=var, target_fd=target)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in _STAYS:
            return False
        raise
    return True


def flush_caches(
    store: Store, *, timeout_s: float = 60.0, environ: Mapping[str, str] | None = None
) -> str | None:
    """Run `php bin/magento cache:flush` as the store's owner; return None, or why it failed.

    None also where there is no php or no bin/magento: then nothing could have filled them either.
    Accounts other than the owner run none of its code; root runs only code that root alone may
    write.
    """
    environment = os.environ if environ is None else environ
    php = shutil.which("php", path=path_of(environment))
    if php is None or not os.path.isfile(os.path.join(store.root, "bin/magento")):
        return None
    owner = account_of(store.owner_uid, store.owner_gid)
    if os.geteuid() != store.owner_uid:
        return f"cache:flush was not run: only {owner.name}, the store's owner, should run it"
    foreign = _foreign_code(store.root, php) if store.owner_uid == 0 else None
    if foreign is not None:
        return f"cache:flush was not run as root: {foreign}"
    try:
        finished = run_child(
            # A trace of PHP shows the arguments of each call, the password of PDO's among them.
            [php, "-d", "zend.exception_ignore_args=1", "bin/magento", *_COMMAND],
            cwd=store.root,
            environ=environment,
            account=owner,
            timeout_s=timeout_s,
            limit_bytes=_OUTPUT_LIMIT,
            merge_errors=True,
        )
    except OSError as error:
        return f"cache:flush could not be started: {error.strerror}"
    if finished.timed_out:
        return f"cache:flush was stopped after {timeout_s:g} s"
    if finished.status != 0:
        return f"cache:flush ended with {finished.status}: {_last_line(finished.output)}"
    return None


def _foreign_code(root: str, php: str) -> str | None:
    """Return the first path of code for root that others could have written; None if none."""
    places = [php, *(os.path.join(root, name) for name in _CODE)]
    try:
        return next(filter(None, (distrust_of_root(path, below=root) for path in places)), None)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"


def _last_line(output: bytes) -> str:
    """Return the last line of an output that says something, as printable text."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    said = next((line for line in reversed(lines) if line and line[0] != "#"), "no output")
    return "".join(letter for letter in said if letter.isprintable())[:_REASON_LIMIT]
