"""The dump of a set in a repository, by parts: the parts to fetch, and the fetched part.

    plan    its definitions are in the index, which is in the manifest: nothing is fetched
    job     compare the tables with the index; fetch the rows of those that are loaded
    late    a table that was the same and changed since: its rows are fetched then

A part is a dump: all of the text but the rows of the other tables. restic gives a file from its
beginning, so the text before the last row that is wanted comes over the line, and is not kept.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from core.backups.catalog import Backup
from core.database.index.part_of_dump import Piece, part_of_dump
from core.database.index.read_index import DumpIndex
from core.database.load.dump_check import DumpCheck
from core.directories import Directory
from core.durable import fsync, translate
from core.errors import DiskFull, RepositoryError
from core.events import Kind, Report, no_report
from core.operations.fetched_dump import forget_dump
from core.operations.findings import Finding, megabytes, note
from core.operations.preflight import space_of
from core.operations.remote_sources import Remote
from core.operations.sources import Sources
from core.repository.sets import DUMP_FILE, PartManifest
from core.repository.streamed import fetch_pieces


class PartOfDump(Struct, frozen=True, kw_only=True):
    """Pieces of a dump. `kept_bytes` are written here, `read_bytes` come over the line."""

    pieces: tuple[Piece, ...]

    @property
    def kept_bytes(self) -> int:
        """The size of the part."""
        return sum(len(one) if isinstance(one, bytes) else one.length for one in self.pieces)

    @property
    def read_bytes(self) -> int:
        """How far the dump is read."""
        places = [one for one in self.pieces if not isinstance(one, bytes)]
        return places[-1].offset + places[-1].length if places else 0


@contextmanager
def remote_index(part: PartManifest) -> Iterator[DumpIndex | str]:
    """Give the index of a dump elsewhere, or the reason why there is none."""
    content = part.index
    if not content:
        yield "its set has no index of it (sent by an older version, or too large)"
        return
    if hashlib.sha256(content).hexdigest() != part.facts.index_sha256:
        yield "its index is not the one of its manifest"
        return
    with tempfile.TemporaryFile() as file:
        try:
            file.write(content)
            file.flush()
            index: DumpIndex | str = DumpIndex(file.fileno())
        except ValueError as error:
            index = f"its index is damaged: {error}"
        except OSError as error:
            raise translate(error, "writing the index of a dump") from error
        yield index


def no_index(part: PartManifest) -> str:
    """Return why a dump elsewhere has no index that can be used; empty where it has one."""
    with remote_index(part) as found:
        return found if isinstance(found, str) else ""


def part_with(remote: Remote, tables: Collection[str]) -> PartOfDump | None:
    """Return the part of the dump with the rows of these tables; None: only all of it will do."""
    part = remote.part(Kind.DB)
    with remote_index(part) as index:
        if isinstance(index, str):
            return None
        try:
            pieces = part_of_dump(index, tables, size=part.facts.size_bytes)
        except ValueError:
            return None
    return PartOfDump(pieces=tuple(pieces))


def write_part(
    remote: Remote,
    backup: Backup,
    part: PartOfDump,
    directory: Directory,
    report: Report = no_report,
) -> Backup:
    """Write a part of the dump into a directory; return it as a backup there.

    Raises RepositoryError, DiskFull before anything is fetched, StorageError.
    """
    free_bytes, _total = space_of(directory.path)
    if part.kept_bytes > free_bytes:
        raise DiskFull(
            f"{megabytes(part.kept_bytes)} of the dump have to be fetched into {directory.path}, "
            f"and {megabytes(free_bytes)} are free."
        )
    name, manifest = backup.name.text, backup.manifest
    forget_dump(directory)
    fd = directory.create(name)
    try:
        snapshot = remote.part(Kind.DB).snapshot
        fetch_pieces(remote.restic, snapshot, f"/{DUMP_FILE}", part.pieces, fd, report)
        fsync(fd)
        size_bytes = os.fstat(fd).st_size
        with open(fd, "rb", buffering=0, closefd=False) as file:
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise translate(error, f"writing {directory.path_of(name)}") from error
    finally:
        os.close(fd)
    if manifest is None:
        raise RepositoryError("The set has no manifest of its dump.")
    return replace(
        backup,
        directory=directory.path,
        size_bytes=size_bytes,
        manifest=replace(manifest, size_bytes=size_bytes, sha256=digest),
    )


def with_sizes(check: DumpCheck, remote: Remote, fetched: Collection[str]) -> DumpCheck:
    """Return the check of a part with the sizes that the rows have in the whole dump."""
    with remote_index(remote.part(Kind.DB)) as index:
        sizes = {} if isinstance(index, str) else {k: v.bytes for k, v in index.tables.items()}
    contents = tuple(
        one if one.name in fetched else replace(one, row_bytes=sizes.get(one.name, one.row_bytes))
        for one in check.contents
    )
    more = sum(one.row_bytes for one in contents) - sum(one.row_bytes for one in check.contents)
    absent = frozenset(one.name for one in contents if one.name not in fetched)
    return replace(
        check, contents=contents, content_bytes=check.content_bytes + more, absent=absent
    )


def with_definitions(sources: Sources, directory: Directory) -> Sources | None:
    """Return the sources with a dump that has the definitions alone, in this directory.

    None where they are not known without the dump. Raises StorageError.
    """
    remote = sources.remote
    part = None if remote is None else part_with(remote, ())
    if remote is None or part is None:
        return None
    backup = write_part(remote, sources.backups[Kind.DB], part, directory)
    backups = {**sources.backups, Kind.DB: backup}
    return replace(sources, backups=backups, fetched=frozenset())


def part_findings(part: PartOfDump, tables: Collection[str]) -> list[Finding]:
    """Return what of the dump a rollback fetches."""
    if not part.read_bytes:
        return [note("dump-later", "Nothing of the dump is fetched: no table differs.")]
    return [
        note(
            "dump-later",
            f"The rows of {len(tables)} tables are fetched and checked by the job, before the "
            f"store is closed: {megabytes(part.kept_bytes)} here, and up to "
            f"{megabytes(part.read_bytes)} over the line.",
        )
    ]
