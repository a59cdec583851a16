"""`var/backups`, opened once; every access goes through that descriptor.

It may be a link to another disk, as may `var` itself, if the store's owner, this account or root
made the link. A link of any other account that may write to `var` is not followed.
"""

from __future__ import annotations

import os

from core.directories import Directory
from core.durable import translate, way_hint
from core.errors import StoreUnreadable
from core.owned_files import open_followed


def open_backups(directory: str) -> Directory:
    """Return the held directory of backups. Raises FileNotFoundError, StoreError, StorageError."""
    var, name = os.path.split(os.path.abspath(directory))
    root, below = os.path.split(var)
    try:
        owner = os.stat(root).st_uid
        fd = open_followed(root, *filter(None, (below, name)), trusted=frozenset({owner}))
    except OSError as error:
        is_dead = os.path.islink(directory) or (os.path.islink(var) and not os.path.exists(var))
        if isinstance(error, FileNotFoundError) and not is_dead:
            raise
        reason = f"{directory} cannot be read: {error.strerror}"
        raise StoreUnreadable(reason, hint=way_hint(directory)) from error
    return Directory(fd, directory, ours=False)


def make_backups(directory: str) -> Directory:
    """Return the held directory of backups, made (0700) where it is missing, with `var` above."""
    try:
        return open_backups(directory)
    except FileNotFoundError:
        pass
    above = os.path.dirname(directory)
    with open_backups(above) as var:
        try:
            os.mkdir(os.path.basename(directory), 0o700, dir_fd=var.fd)
            var.flush()
        except OSError as error:
            raise translate(error, f"making the directory {directory}") from error
    return open_backups(directory)
