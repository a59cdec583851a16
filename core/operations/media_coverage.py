"""Warns about media that a backup cannot contain: remote storage, linked directories, empty media.

An empty backup verifies as sound, so the gap is reported before, in the plan, and in the result.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from core.archive.create.count import Measured, holds_files
from core.archive.tree.selection import Selection, media_selection
from core.errors import StoreUnreadable
from core.events import Kind, Warned
from core.magento.store import Store, shown
from core.magento.trusted_paths import resolved
from core.operations.findings import Finding, note, of_kind, warn

if TYPE_CHECKING:  # its reader takes longer to load than all else
    from core.magento.env_php import DeploymentConfiguration

_SHOWN: Final = 1000
_LOCAL: Final = frozenset({"", "file"})
_DRIVER_LIMIT: Final = 40
_ENV_PHP: Final = "app/etc/env.php"
_OF_MEDIA: Final = frozenset({"media-elsewhere", "media-empty", "media-linked"})


def remote_findings(configuration: DeploymentConfiguration | None) -> tuple[Finding, ...]:
    """Return whether media lives in a remote storage, as `remote_storage` of env.php says."""
    driver = None if configuration is None else configuration.get("remote_storage/driver")
    if not isinstance(driver, str) or driver in _LOCAL:
        return ()
    return (
        warn(
            "media-elsewhere",
            f"Media is kept in a remote storage ({shown(driver)[:_DRIVER_LIMIT]}), which no backup "
            "covers.",
            hint="Only what is in pub/media is backed up and rolled back.",
            kind=Kind.MEDIA,
        ),
    )


def media_findings(
    store: Store,
    configuration: DeploymentConfiguration | None,
    selection: Selection | None = None,
) -> tuple[Finding, ...]:
    """Return why a backup of media holds no media, or not all of it.

    `selection` is the part that such a backup takes; by default all of pub/media.
    """
    found = list(remote_findings(configuration))
    try:
        selection = selection or media_selection(store)
    except StoreUnreadable:
        return tuple(found)  # a link without a target: a backup of it is stopped
    if selection.only:
        message = "There is no pub/media: a backup of media holds nothing."
        found.append(warn("media-empty", message, kind=Kind.MEDIA))
    elif not holds_files(selection):
        excluded = " that is not left out" if selection.exclude else ""
        found.append(
            warn(
                "media-empty",
                f"There is no file in pub/media{excluded}: a backup of media holds nothing.",
                hint="Look whether its file system is mounted.",
                kind=Kind.MEDIA,
            )
        )
    return tuple(found)


def outside_findings(store: Store, kind: Kind, measured: Measured) -> tuple[Finding, ...]:
    """Name the links of which only the link is backed up, not the target.

    Deployments link the shared parts of releases, above all app/etc/env.php: it stays at a
    rollback, too. But directories of media that are linked from elsewhere are media that no backup
    has.
    """
    names = measured.outside[:_SHOWN]
    whole = tuple(name for name in names if kind is Kind.MEDIA and _is_elsewhere(store, name))
    others = tuple(name for name in names if name not in (*whole, _ENV_PHP))
    found: list[Finding] = []
    if kind is Kind.CODE and _ENV_PHP in measured.outside:
        target = shown(resolved(store.env_php))
        found.append(note("env-linked", f"{_ENV_PHP} is a link, and not in the backup: {target}"))
    if whole:
        message = "Linked from elsewhere, and not in a backup of media:"
        found.append(warn("media-linked", message, names=whole, kind=kind))
    if others:
        message = of_kind(kind, "Links that lead out; what is there is not in the backup:")
        found.append(note("links-outside", message, names=others))
    return tuple(found)


def _is_elsewhere(store: Store, name: str) -> bool:
    """Tell whether a link in pub/media leads to a directory out of the store, not above it."""
    target = resolved(os.path.join(store.root, name))
    if not os.path.isdir(target):
        return False
    below = os.path.join(target, "")
    media = os.path.join(store.media_target, "")
    return not media.startswith(below) and not below.startswith(os.path.join(store.root, ""))


def media_warnings(findings: Iterable[Finding]) -> tuple[Warned, ...]:
    """Return these gaps as warnings for the manifest of a media backup."""
    return tuple(
        Warned(code=one.code, message=one.message, names=one.names)
        for one in findings
        if one.code in _OF_MEDIA
    )
