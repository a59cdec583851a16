"""The contents of a stage's files: from the archive, or from the contents that a plan cached.

The plan knows where each content is in the inflated archive, so the archive is not taken apart a
second time: it is inflated, and the contents are cut out. That it is still the file that was
planned is known at the end, by its digest; until then everything is in an unused stage.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from core.archive.plan.cached_contents import read_cache
from core.archive.plan.fetched import FetchedContents, FetchedFiles
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import cache_file
from core.archive.plan.rows import PlanRow
from core.archive.tar.gzip_position import InflatedArchive
from core.archive.tar.sparse import SparseMap
from core.errors import DamagedBackup, PlanChanged, StorageError
from core.owned_files import open_regular


class StageContents(Protocol):
    """Contents of the rows of a plan, asked for in the order of the archive."""

    def pieces(self, row: PlanRow) -> Iterator[bytes]:
        """Yield the content of a file in pieces of up to 1 MiB."""


class _InArchive:
    """Contents cut out of the archive."""

    def __init__(self, inflated: InflatedArchive, sparse: Mapping[int, SparseMap]) -> None:
        self._inflated = inflated
        self._sparse = sparse

    def pieces(self, row: PlanRow) -> Iterator[bytes]:
        self._inflated.go_to(row.content_at or 0)
        sparse = self._sparse.get(row.content_at or 0)
        if sparse is not None:
            return sparse.expand(self._inflated.take_pieces)
        return self._inflated.take_pieces(row.size_then)


class _CachedContents:
    """Contents cached while planning."""

    def __init__(self, contents: Iterator[tuple[int, bytes]]) -> None:
        self._contents = contents

    def pieces(self, row: PlanRow) -> Iterator[bytes]:
        found = next((one for at, one in self._contents if at == row.content_at), None)
        if found is None or len(found) != row.size_then:
            raise StorageError(f"The cached contents lack {os.fsdecode(row.path)}.")
        yield found


def has_cached_contents(plan: PlanFile) -> bool:
    """Tell whether a plan has cached everything that its stage needs."""
    return plan.facts.spool is not None and cache_file(plan.home).exists()


@contextlib.contextmanager
def open_contents(
    plan: PlanFile, *, use_cached: bool, waited: Callable[[], None]
) -> Iterator[StageContents]:
    """Give the contents of a plan's rows, from its cache or from its archive.

    Raises PlanChanged for another archive than was planned, at the latest when the context is left
    without an error, and StorageError for unreadable data. `waited` is called while members that
    are not wanted are passed over, which of a large archive takes its time; an error of it ends
    that.
    """
    if plan.facts.listed is not None:
        with FetchedFiles(plan.home, os.fsencode(plan.facts.listed)) as files:
            yield FetchedContents(files)
        return
    archive, digest = plan.facts.archive, plan.facts.spool
    if use_cached and digest is not None:
        _expect(plan, archive, _digest_of(archive))
        cached = read_cache(cache_file(plan.home), digest)
        yield _CachedContents(cached)
        for _ in cached:  # to the end, where its digest is compared
            pass
        return
    with InflatedArchive(archive, report=lambda *_: waited()) as inflated:
        try:
            yield _InArchive(inflated, plan.sparse_maps())
            inflated.read_through()
        except DamagedBackup as error:  # it was whole when it was planned
            raise _changed(archive) from error
        _expect(plan, archive, inflated.sha256)


def _expect(plan: PlanFile, archive: str, sha256: str) -> None:
    if sha256 != plan.facts.sha256:
        raise _changed(archive)


def _changed(archive: str) -> PlanChanged:
    return PlanChanged(f"{os.path.basename(archive)} is no longer the file that was planned.")


def _digest_of(path: str) -> str:
    """Return the SHA-256 of a file. Raises OSError."""
    with open(open_regular(path), "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
