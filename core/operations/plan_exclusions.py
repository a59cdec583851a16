"""Builds a new request that excludes entries deselected in the shown plan.

A deselected entry becomes `--exclude`, `app/etc/env.php` becomes `--keep-env`, so that the command
of the job says the same as the screen did.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from core.archive.tree.patterns import quoted
from core.operations.requests import RollbackRequest
from core.operations.sources import ENV_PHP


def leave_out(request: RollbackRequest, paths: Iterable[str]) -> RollbackRequest:
    """Return a request that leaves these paths alone, with all below them."""
    listed = list(dict.fromkeys(paths))
    exclude = (*request.exclude, *(quoted(path) for path in listed if path != ENV_PHP))
    return structs.replace(
        request,
        exclude=tuple(dict.fromkeys(exclude)),
        keep_env=request.keep_env or ENV_PHP in listed,
        confirmed_plan=None,
    )


def take_in(request: RollbackRequest, paths: Iterable[str]) -> RollbackRequest:
    """Return a request in which paths that were left out count again."""
    listed = set(paths)
    back = {quoted(path) for path in listed}
    return structs.replace(
        request,
        exclude=tuple(one for one in request.exclude if one not in back),
        keep_env=request.keep_env and ENV_PHP not in listed,
        confirmed_plan=None,
    )
