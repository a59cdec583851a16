"""The set in a repository that the kept tables of a rollback were equal to, for an undo.

The job keeps the index of that set's dump, to compare kept tables with, and its request, which
names the repository: it is contacted only if one of the tables has changed. An undo passes both to
its own job, so that it can be undone itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from typing import Final

from core.backups.catalog import Backup, Health
from core.backups.manifest import Manifest
from core.backups.names import rollback_name
from core.database.index.read_index import DumpIndex
from core.database.schema.swap_file import Source
from core.directories import Directory
from core.errors import MagerewindError, NothingToUndo
from core.events import Kind
from core.magento.store import Store
from core.operations.job_files import REQUEST
from core.operations.remote_sources import Remote, find_remote
from core.operations.requests import RollbackRequest, from_json
from core.repository.sets import LARGEST_INDEX

INDEX: Final = "dump.index"
ASKED: Final = "dump.request"
PARTIAL: Final = "job:undo --partial leaves these tables as they are now, and undoes the rest."
_LARGEST_REQUEST: Final = 4 << 20


def keep_source(
    directory: Directory, remote: Remote, name: str, stack: ExitStack
) -> tuple[Source, DumpIndex | None]:
    """Keep what an undo needs in a job's directory; return the source and its open index."""
    part = remote.part(Kind.DB)
    directory.write(INDEX, part.index)
    directory.write(ASKED, directory.read(REQUEST, limit=_LARGEST_REQUEST))
    source = Source(
        name=name,
        sha256=part.facts.sha256,
        index_sha256=part.facts.index_sha256,
        repository=remote.restic.repository.name,
    )
    return source, _opened(directory, stack)


def _opened(directory: Directory, stack: ExitStack) -> DumpIndex | None:
    fd = directory.open_file(INDEX)
    stack.callback(os.close, fd)
    try:
        return DumpIndex(fd)
    except ValueError:
        return None


class KeptElsewhere:
    """The set that the tables `kept` in a job were equal to; the job's directory tells it."""

    def __init__(self, directory: Directory, source: Source, kept: Collection[str]) -> None:
        self._directory, self._source, self._kept = directory, source, kept

    def _lacking(self, what: str) -> NothingToUndo:
        return NothingToUndo(
            f"{what}. The undo needs it for the tables that stayed in the rollback "
            f"({len(self._kept)}).",
            hint=PARTIAL,
        )

    def _index(self) -> bytes:
        try:
            content = self._directory.read(INDEX, limit=LARGEST_INDEX)
        except (FileNotFoundError, MagerewindError):
            raise self._lacking("The index of the dump is gone") from None
        if hashlib.sha256(content).hexdigest() != self._source.index_sha256:
            raise self._lacking("The index of the dump is another one")
        return content

    def index(self, stack: ExitStack) -> DumpIndex | None:
        """Return the index of the dump, open until the end of `stack`. Raises NothingToUndo."""
        self._index()
        return _opened(self._directory, stack)

    def copy_to(self, directory: Directory) -> None:
        """Give all that an undo needs to another job."""
        directory.write(INDEX, self._index())
        directory.write(ASKED, self._request_text())

    def _request_text(self) -> bytes:
        try:
            return self._directory.read(ASKED, limit=_LARGEST_REQUEST)
        except (FileNotFoundError, MagerewindError):
            raise self._lacking("Nothing tells any more where the dump is") from None

    def find(self, store: Store, *, environ: Mapping[str, str]) -> Remote:
        """Return the set, asked of its repository. Raises RepositoryError, NothingToUndo."""
        try:
            request = from_json(self._request_text())
        except (ValueError, KeyError):
            request = None
        if not isinstance(request, RollbackRequest) or request.repository is None:
            raise self._lacking("Nothing tells any more where the dump is")
        timestamp = self._source.name.partition("_")[0]
        return find_remote(
            store,
            request.repository,
            request.store,
            timestamp,
            kinds=(Kind.DB,),
            environ=environ,
        )

    def backup(self, store: Store) -> Backup:
        """Return the dump as a backup that is not here."""
        source = self._source
        return Backup(
            directory=store.backups,
            name=rollback_name(source.name, Kind.DB),
            size_bytes=0,
            modified_s=0.0,
            health=Health.UNVERIFIED,
            manifest=Manifest(
                file_name=source.name, kind=Kind.DB, timestamp=0, size_bytes=0,
                sha256=source.sha256, made_by="", host="", root="", created="", elapsed_s=0.0,
                verified=False,
            ),
            repository=source.repository,
        )  # fmt: skip
