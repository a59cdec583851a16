"""`var/backups`, opened once; every access goes through that descriptor.

It may be a link to another disk, as may `var` itself, if the store's owner, this account or root
made the link. A link of any other account that may write to `var` is not followed.
"""

from __future__ import annotations

import os

from core.directories import Directory
from core.durable import translate
from core.errors import StoreUnreadable
from core.owned_files import open_followed


def open_backups(directory: str) -> Directory:
    """Return the held directory of backups. Raises FileNotFoundError, StoreError, StorageError."""
    var, name = os.path.split(os.path.abspath(directory))
    root, below = os.path.split(var)
    try:
        owner = os.stat(root).st_uid
        fd = open_followed(root, *filter(None, (below, name)), trusted=frozenset({owner}))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreUnreadable(f"{directory} cannot be read: {error.strerror}") from error
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
