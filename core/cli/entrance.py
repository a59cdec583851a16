"""The first act of a command, before it looks into a store: root becomes the store's owner.

Finds out where the store is without opening anything of it, has `core.account.switch_account` do
the rest, and says in one line whose rights are worked with.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.account import installation, switch_account
from core.account.ids import Ids, ids_named
from core.account.walk import Walk, WalkedPlace
from core.cli.console import Console
from core.cli.parser import NAMES, CommandLine
from core.durable import way_hint
from core.errors import AccountRefused, DirectoryGone, MagerewindError, StoreNotFound
from core.events import encode_text
from core.jobs.inherited import take_over
from core.magento import processes
from core.magento.store import nearest_root, require_root, shown
from core.text.lines import note

_NO_STORE: Final = frozenset({"demo", "repo:bootstrap"})
_BY_ROOT: Final = frozenset({"schedule:install", "schedule:remove"})  # they write to /etc
_STARTS_JOBS: Final = frozenset(
    {
        None,
        "setup:backup",
        "info:backups:drill",
        "setup:rollback",
        "job:undo",
        "job:discard",
        "job:recover",
        "job:run",
    }
)


def enter(line: CommandLine, console: Console) -> CommandLine:
    """Switch to the store's owner; return the command line as it is to be understood afterwards.

    Where root became another account, the store's root is named in it: the working directory is
    another one by then. Raises MagerewindError.
    """
    switch_account.refuse_borrowed_rights()
    if line.command in _NO_STORE:
        return line
    if os.geteuid() != 0:
        _refuse_other(line)
        if line.door is not None:
            take_over(line.door, line.keeper_fd)
        return line
    installation.refuse_foreign()
    if line.command in _BY_ROOT:
        return _with_owner(line)
    how, line = _pass(line)
    if how is not None:
        _say(how, line, console)
    return line


def _with_owner(line: CommandLine) -> CommandLine:
    """Return the command line of a command that root runs as root, for the store's owner."""
    with _located(line) as found:
        owner = _owner_of(found)
        account = line.account or (None if owner is None else owner.name)
        return replace(line, root=found.place.path, account=account)


def _refuse_other(line: CommandLine) -> None:
    if line.account is not None:
        ids = ids_named(line.account, None)
        if ids.uid != os.geteuid():
            raise AccountRefused(f"Only root can work as {ids.name}.", hint="Run it with sudo.")


class _Found(Struct, frozen=True, kw_only=True):
    """Where the store is, and the way that led there."""

    walk: Walk
    place: WalkedPlace


def _pass(line: CommandLine) -> tuple[switch_account.AccountSwitch | None, CommandLine]:
    asked = None if line.account is None else ids_named(line.account, None)
    found: _Found | None
    with ExitStack() as stack:
        if asked is None or asked.uid == 0:
            found = stack.enter_context(_located(line))
            owner = _owner_of(found)
            if owner is None:  # all of it is root's
                return None, replace(line, root=found.place.path)
        else:
            found, owner = _located_as_asked(line, stack, asked)
        if found is not None:
            processes.look_as_root(found.place.path, time.time())
        return _become(line, found, owner, asked=asked is not None and asked.uid != 0)


def _owner_of(found: _Found) -> Ids | None:
    try:
        return switch_account.owner_of(found.walk, found.place)
    except OSError as error:
        raise _may_not_look(error) from None


def _located_as_asked(line: CommandLine, stack: ExitStack, asked: Ids) -> tuple[_Found | None, Ids]:
    """Return where the store is, if root can see that, and the account with the store's group."""
    try:
        found = stack.enter_context(_located(line))
    except MagerewindError:
        return None, asked  # the account itself looks, and names the fault
    status = found.place.status
    gid = status.st_gid if status.st_uid == asked.uid else None
    return found, ids_named(line.account or "", gid)


def _become(
    line: CommandLine, found: _Found | None, ids: Ids, *, asked: bool
) -> tuple[switch_account.AccountSwitch, CommandLine]:
    start = _start(line)
    place = None if found is None else found.place
    how = switch_account.AccountSwitch(
        ids=ids, by=switch_account.asking_account(os.environ), asked=asked
    )
    if place is not None and not asked and line.command in _STARTS_JOBS:
        how = replace(how, keeper_fd=switch_account.start_keeper(place, ids))
    seen = None
    if found is not None and not asked:
        seen = (found.place.path, found.place.status)
    if found is not None:
        found.walk.close()
    keep = () if line.ready_fd is None else (line.ready_fd,)
    how = switch_account.switch(how, environ=os.environ, root=seen, keep=keep)
    if seen is not None:
        return how, replace(line, root=seen[0])
    if line.root is not None:
        return how, replace(line, root=start)
    try:
        os.chdir(start)  # as the account, which may look for its store from there
    except OSError as error:
        raise AccountRefused(
            f"{ids.name} may not look into {shown(start)}: {error.strerror}.",
            hint="Name the store's root with --root DIR.",
        ) from None
    return how, line


def _start(line: CommandLine) -> str:
    """Return the absolute path that the store is at, or looked for from."""
    given = line.root or ""
    if given.startswith("/"):
        return given
    try:
        return os.path.join(os.getcwd(), given).rstrip("/") or "/"
    except FileNotFoundError:
        raise DirectoryGone from None


@contextmanager
def _located(line: CommandLine) -> Iterator[_Found]:
    """Find the store's root as `find_store` does, without trust and without opening it."""
    start = _start(line)
    try:
        walk = Walk(start)
    except (FileNotFoundError, NotADirectoryError):
        raise StoreNotFound(f"No Magento store: there is no directory {shown(start)}.") from None
    except (OSError, ValueError) as error:
        raise _may_not_look(error) from None
    with walk:
        try:
            place = _root_of(walk, named=line.root is not None)
        except OSError as error:
            raise _may_not_look(error) from None
        yield _Found(walk=walk, place=place)


def _root_of(walk: Walk, *, named: bool) -> WalkedPlace:
    if not named:
        return walk.places[nearest_root([(place.path, place.fd) for place in walk.places])]
    if not stat.S_ISDIR(walk.end.status.st_mode):
        raise StoreNotFound(f"No Magento store: there is no directory {shown(walk.end.path)}.")
    require_root(walk.end.path, walk.end.fd)
    return walk.end


def _may_not_look(error: OSError | ValueError) -> AccountRefused:
    """Return the error for a path that even root may not follow (NFS with root_squash, say)."""
    where, reason = "there", str(error)
    if isinstance(error, OSError):
        where = shown(error.filename) if error.filename else "there"
        reason = error.strerror or "Permission denied"
        name = error.filename
        # A component of a walk is named without its way.
        cure = way_hint(name) if isinstance(name, str) and name.startswith("/") else None
        if cure is not None:
            return AccountRefused(f"There is no way to {where}: {reason}.", hint=cure)
    return AccountRefused(
        f"Root may not look at {where}: {reason}.", hint="Name the account: --as ACCOUNT"
    )


def _say(how: switch_account.AccountSwitch, line: CommandLine, console: Console) -> None:
    """Print the account that does the work; not for the application or a runner."""
    if line.command is None:
        _require_filter(how)
        return
    if line.command in ("job:run", NAMES):
        return
    if console.as_json:
        console.print_json(
            {
                "type": "WorkingAs",
                "account": encode_text(how.ids.name),
                "uid": how.ids.uid,
                "asked": how.asked,
                "by": encode_text(how.by),
            }
        )
    console.say(note(how.sentence))


def _require_filter(how: switch_account.AccountSwitch) -> None:
    if not how.filtered:
        raise AccountRefused(
            f"This kernel cannot keep programs of {how.ids.name} from typing into root's terminal.",
            hint=f"Open the application with a terminal of its own: su --pty - {how.ids.name}",
        )
