"""The findings of a plan of files: rights, owners that cannot be kept, space."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from core.account.client import keeper
from core.account.ids import name_of
from core.archive.plan.summary import FilePlan
from core.archive.plan.unwritable import READ_ONLY
from core.events import Kind
from core.magento.store import Store
from core.operations.findings import Finding, megabytes, of_kind, owner_hint, stop, warn
from core.operations.preflight import space_of
from core.operations.read_only import MOUNT_HINT

_ROOT_HINT: Final = (
    "Not even root may: look at the flags (lsattr, chattr) and at how it is mounted."
)


def file_findings(store: Store, files: Mapping[Kind, FilePlan]) -> list[Finding]:
    """Return whether the stages fit, and the entries that this account cannot restore."""
    found = _space_findings(store, files)
    for kind, plan in files.items():
        found += _unwritable_findings(store, plan)
        found += [_becoming(kind, account, count) for account, count in plan.becoming]
        if plan.unrestorable:
            found.append(
                warn(
                    "unrestorable",
                    f"What this account cannot restore of {kind}:",
                    names=plan.unrestorable,
                )
            )
        found += [
            warn(one.code, of_kind(kind, one.message), names=one.names) for one in plan.warnings
        ]
    return found


def _unwritable_findings(store: Store, plan: FilePlan) -> list[Finding]:
    message = "The rollback can't be executed because not all files are writable."
    mounted = tuple(name for name in plan.unwritable if name.endswith(f"({READ_ONLY})"))
    others = tuple(name for name in plan.unwritable if name not in mounted)
    found: list[Finding] = []
    if mounted:
        found.append(stop("not-writable", message, hint=MOUNT_HINT, names=mounted))
    if others:
        hint = _ROOT_HINT if os.geteuid() == 0 else owner_hint(store)
        found.append(stop("not-writable", message, hint=hint, names=others))
    return found


def _becoming(kind: Kind, account: str, count: int) -> Finding:
    """Return the new owner of files whose account cannot get them back."""
    mine = name_of(os.geteuid())
    what = "file" if count == 1 else "files"
    become = "becomes" if count == 1 else "become"
    hint: str | None = "Exactly: --as root"
    if account == "root":
        hint = None  # nothing is ever given to root
    elif keeper() is not None:
        hint = f"{account} owns nothing in the store now: give it something there first (chown)."
    message = of_kind(kind, f"{count} {what} of {account} {become} {mine}'s.")
    return warn("owners", message, hint=hint)


def _space_findings(store: Store, files: Mapping[Kind, FilePlan]) -> list[Finding]:
    """Return where the stages do not fit; kinds on one disk share its free space."""
    needed: dict[int, int] = {}
    places: dict[int, str] = {}
    for kind, plan in files.items():
        place = store.media_target if kind is Kind.MEDIA else store.root
        while not os.path.isdir(place):
            place = os.path.dirname(place)
        device = os.stat(place).st_dev
        needed[device] = needed.get(device, 0) + plan.bytes_to_write
        places.setdefault(device, place)
    return [
        stop(
            "space",
            f"The rollback needs {megabytes(needed[device])} beside the live files in {place}, "
            f"and {megabytes(free_bytes)} are free.",
        )
        for device, place in places.items()
        if needed[device] > (free_bytes := space_of(place)[0])
    ]
