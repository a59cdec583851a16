"""The contents of one kind of a set elsewhere: the questions of `core.contents`, asked of restic.

list      the listing of the tree, turned into an index once for each snapshot
file      restic dump; many at once by restic restore into a private directory
compare   the plan of a rollback from there
dump      its index is in the manifest; its text is read from the beginning, as far as asked for

Fetched files lie in a private directory of temporary files, removed at the end.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, Self

from core.archive.index.blocks import Broken, IndexRow
from core.archive.index.reader import IndexReader
from core.archive.index.writer import NO_STRETCH, ArchiveIndexWriter, IndexedArchive, RowGatherer
from core.archive.plan.compare_listing import plan_listing
from core.archive.plan.fetched import PIECE, FetchedFiles
from core.archive.plan.listing_file import Members, listing_file, read_listing
from core.archive.plan.summary import FilePlan
from core.archive.tree.selection import Selection
from core.database.index.read_index import DumpIndex
from core.directories import Directory, StateFile
from core.durable import translate
from core.errors import DamagedBackup, DiskFull
from core.events import Kind, Report, no_report
from core.operations.findings import megabytes
from core.operations.remote_kept import kept_file, write_whole
from core.operations.remote_sources import Remote
from core.repository.fetching import fetch_file
from core.repository.sets import DUMP_FILE, PartManifest
from core.repository.streamed import StreamedText, streamed_file

_PLAN: Final = "plan"


class RemoteInside:
    """One kind of a set (`core.contents.origin.Origin`), to be used with `with`.

    `report` gets bytes and entries while something is brought here, and may raise Cancelled.
    """

    def __init__(self, remote: Remote, kind: Kind, report: Report = no_report) -> None:
        self._remote = remote
        self._kind = kind
        self._part: PartManifest = remote.part(kind)
        self._report = report
        self._stack = ExitStack()
        self._files: FetchedFiles | None = None

    def __enter__(self) -> Self:
        place = tempfile.TemporaryDirectory(prefix="magerewind-look-", ignore_cleanup_errors=True)
        self._scratch = self._stack.enter_context(place)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @contextmanager
    def tree_index(self) -> Iterator[IndexReader]:
        """Give the index of the tree, the kept one where the tree was listed before."""
        with kept_file(self._remote.store, f"{self._part.snapshot}.index") as kept:
            index = _kept_index(kept)
            if index is None:
                with Directory.scratch(self._scratch) as scratch:
                    file = kept or StateFile(scratch, "index")
                    write_whole(file, self._write_index)
                    index = IndexReader(file.open())
            with index:
                yield index

    def _write_index(self, file: StateFile) -> None:
        place = os.path.join(self._scratch, _PLAN)
        listing = listing_file(place)
        self._remote.bring_listing(self._kind, listing, self._report)
        fd = file.create()
        try:
            writer = ArchiveIndexWriter(fd)
            gatherer = RowGatherer(writer)
            members = size = 0
            for member, entry in Members(read_listing(listing)):
                owner = (member.uid, member.gid, b"", b"")
                row = IndexRow(
                    member.name, member.type, member.mode, owner, member.size, entry.mtime_ns,
                    member.link, 0,
                )  # fmt: skip
                members += 1
                size += member.size
                if gatherer.add(row, 0):
                    gatherer.end(NO_STRETCH)
            gatherer.end(NO_STRETCH)
            writer.finish(
                IndexedArchive(
                    sha256=self._part.snapshot,
                    size_bytes=size,
                    members=members,
                    content_bytes=size,
                    ordered=True,
                )
            )
        except OSError as error:
            raise translate(error, f"writing {file}") from error
        finally:
            os.close(fd)

    def gather(self, paths: Sequence[bytes]) -> None:
        """Bring these files here, several with one call. Raises DiskFull, RepositoryError."""
        if len(paths) < 2:
            return
        place = os.path.join(self._scratch, _PLAN)
        if not listing_file(place).exists():
            self._remote.bring_listing(self._kind, listing_file(place), self._report)
        wanted = set(paths)
        sizes = (one.size for one in read_listing(listing_file(place)) if one.path in wanted)
        self._refuse_too_much(sum(sizes))
        self._files = self._stack.enter_context(FetchedFiles(place, self._part.prefix))
        self._files.fetch(self._remote.fetch(self._kind, place, self._report), list(paths))

    def _refuse_too_much(self, needed: int) -> None:
        free = shutil.disk_usage(self._scratch).free
        if needed > free:
            raise DiskFull(
                f"{megabytes(needed)} are fetched into {os.path.dirname(self._scratch)}, and "
                f"{megabytes(free)} are free.",
                hint="TMPDIR names another place; repo:fetch brings whole files to var/backups.",
            )

    def file(self, path: bytes, size: int) -> Iterator[bytes]:
        """Yield the content of one file, as long as its listing says."""
        fd = None if self._files is None else self._files.open(path, size)
        if fd is None:
            inside = path[len(self._part.prefix) :]
            snapshot, restic = self._part.snapshot, self._remote.restic
            yield from streamed_file(restic, snapshot, b"/" + inside, size=size)
            return
        try:
            while piece := os.read(fd, PIECE):
                yield piece
        except OSError as error:
            raise translate(error, f"reading {os.fsdecode(path)}") from error
        finally:
            os.close(fd)

    def plan(self, selection: Selection, place: str, report: Report) -> FilePlan:
        """Compare the tree with the live one, as a rollback from there does."""
        self._remote.bring_listing(self._kind, listing_file(place), report)
        return plan_listing(
            place,
            selection,
            snapshot=self._part.snapshot,
            prefix=self._part.prefix,
            fetch=self._remote.fetch(self._kind, place),
            report=report,
        )

    @contextmanager
    def dump_index(self) -> Iterator[DumpIndex]:
        """Give the index of the dump: the one of the manifest, or one that is made of all of it."""
        with ExitStack() as stack:
            try:
                yield DumpIndex(self._opened_index(stack))
            except ValueError as error:
                raise DamagedBackup(f"The index of the dump is damaged: {error}.") from error

    def _opened_index(self, stack: ExitStack) -> int:
        if self._part.index:
            file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is
            file.write(self._part.index)
            file.flush()
            return file.fileno()
        kept = stack.enter_context(kept_file(self._remote.store, f"{self._part.snapshot}.index"))
        if kept is None or not kept.exists():
            scratch = stack.enter_context(Directory.scratch(self._scratch))
            kept = kept or StateFile(scratch, "index")
            write_whole(kept, self._write_dump_index)
        fd = kept.open()
        stack.callback(os.close, fd)
        return fd

    def _write_dump_index(self, file: StateFile) -> None:
        from core.database.load.rebuild_index import make_index  # noqa: PLC0415 - seldom needed

        facts = self._part.facts
        self._refuse_too_much(facts.size_bytes)
        path = os.path.join(self._scratch, DUMP_FILE)
        with Directory.scratch(self._scratch) as scratch:
            fd = scratch.create(DUMP_FILE)
            try:
                fetch_file(
                    self._remote.restic, self._part.snapshot, f"/{DUMP_FILE}", fd,
                    size=facts.size_bytes, report=self._report,
                )  # fmt: skip
            finally:
                os.close(fd)
            target = file.create()
            try:
                make_index(path, target, sha256=facts.sha256, report=self._report)
            finally:
                os.close(target)
                scratch.remove(DUMP_FILE)

    @contextmanager
    def dump_text(self) -> Iterator[StreamedText]:
        """Give the text of the dump; nothing is fetched before it is asked for."""
        size = self._part.facts.size_bytes
        with StreamedText(
            self._remote.restic,
            self._part.snapshot,
            f"/{DUMP_FILE}",
            size=size,
            scratch=self._scratch,
            before=lambda: self._refuse_too_much(size),
            report=self._report,
        ) as text:
            yield text


def _kept_index(file: StateFile | None) -> IndexReader | None:
    """Return the index that is kept, None for none and for one that is damaged."""
    if file is None or not file.exists():
        return None
    with suppress(Broken, OSError):
        index = IndexReader(file.open())
        try:
            index.check()
        except Broken:
            index.close()
            raise
        return index
    return None
