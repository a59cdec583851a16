"""Where a Magento store is on this disk: its root, owner, version, well-known directories.

Owns the markers by which a root is known, and the paths that Magento leaves out of a code backup.
Knows nothing of the configuration's contents, and reads no PHP.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from core.account.ids import name_of
from core.durable import make_directory, way_hint
from core.errors import DirectoryGone, StoreNotFound, StoreUnreadable
from core.magento.trusted_paths import (
    followed,
    open_owned,
    read_owned,
    resolved,
    trusted_accounts,
)

# Any two of these make a root. One alone is too common: a PHP project has a pub/index.php.
MARKERS: Final = (
    ("bin/magento", stat.S_IFREG),
    ("app/etc", stat.S_IFDIR),
    ("vendor/magento", stat.S_IFDIR),
    ("pub/index.php", stat.S_IFREG),
    ("var/backups", stat.S_IFDIR),
)
MARKERS_WANTED: Final = 2
_COMPOSER_LIMIT: Final = 64 << 20
_EDITIONS: Final = (
    ("magento/product-enterprise-edition", "Enterprise"),
    ("magento/product-community-edition", "Community"),
    ("mage-os/product-community-edition", "Mage-OS"),
    ("magento/magento2ee", "Enterprise"),
    ("magento/magento2ce", "Community"),
    ("magento/project-enterprise-edition", "Enterprise"),
    ("magento/project-community-edition", "Community"),
    ("mage-os/project-community-edition", "Mage-OS"),
)


def shown(path: str | bytes) -> str:
    r"""Return a path as one line that any terminal can print: odd bytes become `\xNN`."""
    raw = os.fsencode(path)
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


class Store(Struct, frozen=True, kw_only=True):
    """A store on this disk. Paths are absolute text with surrogate escapes; none ends in `/`.

    `root` is resolved once, here: a release that is switched by a link while a job runs does not
    move the job. `media_target` is where pub/media really is, since it may be a link or a mount.
    """

    root: str
    owner_uid: int
    owner_gid: int
    markers: tuple[str, ...]
    media: str
    static: str
    var: str
    backups: str
    media_target: str

    @property
    def state_directory(self) -> str:
        """The directory of the engine's state between runs."""
        return os.path.join(self.var, ".magerewind")

    @property
    def jobs_directory(self) -> str:
        """Where each job has its directory."""
        return os.path.join(self.state_directory, "jobs")

    @property
    def env_php(self) -> str:
        """The deployment configuration of this installation."""
        return os.path.join(self.root, "app/etc/env.php")

    @property
    def config_php(self) -> str:
        """The deployment configuration that is shared between installations."""
        return os.path.join(self.root, "app/etc/config.php")


def _has(directory: str | int, name: str, kind: int) -> bool | None:
    """Return whether a marker is there, None when it may not be looked at."""
    try:
        if isinstance(directory, int):
            status = os.stat(name, dir_fd=directory)
        else:
            status = os.stat(os.path.join(directory, name))
        return stat.S_IFMT(status.st_mode) == kind
    except PermissionError:
        return None
    except (OSError, ValueError):
        return False


def _markers(directory: str | int) -> tuple[str, ...]:
    """Return the markers found in a directory, given by its path or by a descriptor.

    Raises PermissionError when none can be seen.
    """
    seen = {name: _has(directory, name, kind) for name, kind in MARKERS}
    found = tuple(name for name, there in seen.items() if there)
    if not found and None in seen.values():
        raise PermissionError
    return found


def _store(root: str, markers: tuple[str, ...]) -> Store:
    try:
        status = os.stat(root)
    except OSError as error:
        raise StoreUnreadable(f"Cannot look at {shown(root)}: {error.strerror}") from error
    if not os.access(root, os.R_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise StoreUnreadable(
            f"The store in {shown(root)} cannot be read by this account.",
            hint=access_hint(status.st_uid),
        )
    followed(root, os.path.join(root, "var"))  # state and backups: nothing works without it
    status = _owning(root, status)
    return Store(
        root=root,
        owner_uid=status.st_uid,
        owner_gid=status.st_gid,
        markers=markers,
        media=os.path.join(root, "pub/media"),
        static=os.path.join(root, "pub/static"),
        var=os.path.join(root, "var"),
        backups=os.path.join(root, "var/backups"),
        media_target=resolved(os.path.join(root, "pub/media")),
    )


def _owning(root: str, status: os.stat_result) -> os.stat_result:
    """Return the status that says whose store it is: of `app/etc`, where the root is root's."""
    if status.st_uid == 0:
        try:
            return os.stat(os.path.join(root, "app/etc"))
        except OSError:
            return status
    return status


def access_hint(owner_uid: int) -> str:
    """Return a hint for this account, which may not read or write something of a store.

    Root becomes the owner, so it helps only who is not the owner already.
    """
    if os.geteuid() == owner_uid:
        return "This account owns the store: mend owner or mode there."
    return f"Run it as {shown(name_of(owner_uid))}, the owner of the store, or as root."


def refuse_stranger(store: Store) -> None:
    """Raise StoreUnreadable for an account that may write to a store of another account.

    The state of its jobs is closed to all others (0700), so a member of the store's group would
    lock the owner out of `var/.magerewind` and `var/backups`. One whose state is there already goes
    on.
    """
    mine = os.geteuid()
    if mine in {0, store.owner_uid}:
        return
    try:
        if os.lstat(store.state_directory).st_uid == mine:
            return
    except OSError:
        pass
    owner = shown(name_of(store.owner_uid))
    raise StoreUnreadable(
        f"The store belongs to {owner}, who could not reach what a job of "
        f"{shown(name_of(mine))} keeps.",
        hint=access_hint(store.owner_uid),
    )


def _looked_for() -> str:
    return ", ".join(name + ("/" if kind == stat.S_IFDIR else "") for name, kind in MARKERS)


def _unreadable(directory: str) -> StoreUnreadable:
    try:
        hint = access_hint(os.stat(directory).st_uid)
    except OSError:  # a directory on the way to it is closed
        hint = "Run it as the owner of the store."
    return StoreUnreadable(f"Cannot look into {shown(directory)}: permission denied.", hint=hint)


def _directory(path: str) -> str:
    """Return the real path of a directory that is there and can be reached."""
    directory = resolved(path)
    try:
        there = stat.S_ISDIR(os.stat(directory).st_mode)
    except PermissionError:
        raise _unreadable(directory) from None
    except OSError:
        there = False
    if not there:
        raise StoreNotFound(f"No Magento store: there is no directory {shown(directory)}.")
    return directory


def _at(root: str, *, for_rollback: bool) -> Store:
    directory = _directory(root)
    try:
        found = _markers(directory)
    except PermissionError:
        raise _unreadable(directory) from None
    _require_markers(directory, found, for_rollback=for_rollback)
    return _store(directory, found)


def _require_markers(directory: str, found: tuple[str, ...], *, for_rollback: bool) -> None:
    if len(found) >= MARKERS_WANTED or (for_rollback and "var/backups" in found):
        return
    raise StoreNotFound(
        f"No Magento store in {shown(directory)}: looked for two of {_looked_for()};"
        f" found {', '.join(found) or 'none'}.",
        hint="Name the store's root with --root DIR.",
    )


def _inside_vendor(directory: str, root: str) -> bool:
    """Return whether a directory is a package of the store at `root`.

    vendor/magento/magento2-base holds app/etc and pub/index.php, and is no store.
    """
    return directory.startswith(os.path.join(root, "vendor") + os.sep)


def find_store_here(*, root: str | None = None, for_rollback: bool = False) -> Store:
    """Return the store at `root`, or the nearest one from the working directory upwards.

    Raises as `find_store`, and StoreNotFound for a working directory that does not exist any more.
    """
    try:
        start = os.getcwd()
    except FileNotFoundError:
        if root is None:
            raise DirectoryGone from None
        start = "/"
    return find_store(start, root=root, for_rollback=for_rollback)


def find_store(start: str, *, root: str | None = None, for_rollback: bool = False) -> Store:
    """Return the store at `root`, or the nearest one from `start` upwards.

    With `root` and `for_rollback`, `var/backups` alone is enough: a rollback is most needed when
    the code is gone. Raises StoreNotFound (names the searched file and places) or StoreUnreadable.
    """
    if root is not None:
        return _at(root, for_rollback=for_rollback)
    directory = _directory(start)
    found: list[tuple[str, tuple[str, ...]]] = []
    closed: str | None = None
    here = directory
    while True:
        try:
            markers = _markers(here)
        except PermissionError:
            closed, markers = closed or here, ()
        if len(markers) >= MARKERS_WANTED:
            found.append((here, markers))
        parent = os.path.dirname(here)
        if parent == here:
            break
        here = parent
    for candidate, markers in found:
        if not any(_inside_vendor(candidate, above) for above, _ in found):
            return _store(candidate, markers)
    if closed is not None:
        raise _unreadable(closed)
    raise _none_above(directory)


def _none_above(directory: str) -> StoreNotFound:
    return StoreNotFound(
        f"No Magento store in {shown(directory)} or above: looked for two of {_looked_for()}.",
        hint="Change into the store, or name its root with --root DIR.",
    )


def require_root(path: str, fd: int) -> None:
    """Raise StoreNotFound where the directory behind a descriptor is no root of a store.

    It may be one of which only `var/backups` is left. Raises PermissionError when nothing can be
    seen there.
    """
    _require_markers(path, _markers(fd), for_rollback=True)


def nearest_root(directories: Sequence[tuple[str, int]]) -> int:
    """Return which of these directories is the store's root, as `find_store` would choose it.

    They are real paths with descriptors, each in the one before it. Raises StoreNotFound, and
    PermissionError when only a closed one could be it.
    """
    found: list[int] = []
    closed = False
    for number in reversed(range(len(directories))):
        try:
            if len(_markers(directories[number][1])) >= MARKERS_WANTED:
                found.append(number)
        except PermissionError:
            closed = True
    above = [directories[number][0] for number in found]
    for number in found:
        if not any(_inside_vendor(directories[number][0], root) for root in above):
            return number
    if closed:
        raise PermissionError
    raise _none_above(directories[-1][0])


def open_var(store: Store, *, make: bool = False) -> int:
    """Return a descriptor of the store's var directory, for calls that take `dir_fd`.

    `var` may be a link (releases that share it), to a directory of the store's owner. Raises
    StoreUnreadable. With `make`, a missing var is made.
    """
    if make and not os.path.lexists(store.var):
        make_directory(store.var, mode=0o770)
    try:
        return open_owned(store.var, accounts=trusted_accounts(store.owner_uid), directory=True)
    except OSError as error:
        reason = f"Cannot open {shown(store.var)}: {error.strerror}"
        raise StoreUnreadable(reason, hint=way_hint(store.var)) from error


def linked_parts(store: Store) -> Iterator[tuple[str, str | None]]:
    """Yield each of pub/media, pub/static and var that is elsewhere, and its real place.

    None for one that leads nowhere, or to a target that is not followed.
    """
    for path in (store.media, store.static, store.var):
        try:
            real = followed(store.root, path)
        except StoreUnreadable:
            real = None
        if os.path.lexists(path) and real != path:
            yield path, real


def magento_version(store: Store) -> tuple[str | None, str | None]:
    """Return version and edition, each None where it cannot be told.

    The lock file names the installed version; composer.json only the requested one.
    """
    packages = _read_json(store, "composer.lock").get("packages")
    installed = {
        package.get("name"): package.get("version")
        for package in (packages if isinstance(packages, list) else [])
        if isinstance(package, dict)
    }
    wished = _read_json(store, "composer.json")
    required = wished.get("require")
    for versions in (
        installed,
        {wished.get("name"): wished.get("version")},
        required if isinstance(required, dict) else {},
    ):
        for name, edition in _EDITIONS:
            version = versions.get(name)
            if isinstance(version, str) and version:
                return version.removeprefix("v"), edition
    return None, None


def _read_json(store: Store, name: str) -> dict[str, Any]:
    """Return a JSON object, empty where there is none."""
    path = os.path.join(store.root, name)
    try:
        accounts = trusted_accounts(store.owner_uid)
        value = json.loads(read_owned(path, accounts=accounts, limit=_COMPOSER_LIMIT))
    except (OSError, ValueError, RecursionError, StoreUnreadable):
        return {}
    return value if isinstance(value, dict) else {}
