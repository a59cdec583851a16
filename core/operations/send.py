"""Sends a set to a repository: each kind, then the manifest that makes it a set.

    straight    with the store closed, in place of files in var/backups
    afterwards  with the store open again: the dump from its file, the trees as they are by then;
                changes in them meanwhile are named

Nothing in a repository has to be reverted: without its manifest a set does not count.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

import core
from core.archive.create.outline import Outline, changed_since, outline
from core.archive.tree.selection import Selection
from core.backups.catalog import find_any_backup
from core.backups.index import open_index
from core.backups.manifest import Manifest, find_manifest
from core.backups.names import Naming, new_name
from core.backups.place import open_backups
from core.errors import Cancelled, DamagedBackup, MagerewindError
from core.events import BackupSent, BackupStarted, Kind, Report, SetSent, Step, Warned
from core.magento.store import magento_version
from core.operations.context import JobContext
from core.operations.copied_dump import CopiedDump
from core.operations.estimates import Estimate
from core.operations.findings import of_kind
from core.operations.records import PartSent, SetCommitted
from core.operations.remote import (
    Asked,
    answer_of,
    asked_to_send,
    open_restic,
    remember_set,
    store_name,
)
from core.operations.remote_kept import keep_manifest
from core.operations.requests import BackupRequest
from core.operations.selections import selection_of
from core.operations.send_trees import Trees
from core.operations.sent_dump_manifest import dump_part, index_in
from core.operations.sent_set import manifest_tags, set_as_listed
from core.repository.restic import Restic
from core.repository.sending import Sent, send_manifest, send_stream
from core.repository.sets import (
    DUMP_FILE,
    Holdings,
    PartManifest,
    SetManifest,
    host_of,
    tags_of,
    to_json,
)
from core.repository.settings import Repository

_NAMES = 50

Dump = Callable[[int, int, Report], tuple[int, dict[str, Any]]]
"""Writes a dump and its index to two descriptors; returns its bytes and facts for its manifest."""


class Sending(Struct, kw_only=True):
    """One set on its way to a repository."""

    context: JobContext
    request: BackupRequest
    restic: Restic
    timestamp: int
    store: str
    trees: Trees
    parts: dict[Kind, PartManifest] = field(default_factory=dict)
    content_bytes: int = 0
    added_bytes: int = 0
    differs: tuple[str, ...] = ()

    @property
    def repository(self) -> str:
        """The name of the repository."""
        return self.restic.repository.name


def asking(
    context: JobContext, request: BackupRequest, repository: Repository
) -> AbstractContextManager[Asked]:
    """Begin to ask a repository for its sets, to be used with `with`. Raises RepositoryError."""
    restic = open_restic(context.store, repository, environ=context.environ, backup_only=True)
    return asked_to_send(restic, store_name(context.store, request.store))


def begin_sending(
    context: JobContext, request: BackupRequest, asked: Asked, timestamp: int
) -> Sending:
    """Return a set on its way to a repository that answers. Raises RepositoryError."""
    restic, name = asked.restic, asked.name
    holdings = answer_of(context.store, asked, now_s=context.clock())
    trees = Trees(
        restic=restic,
        store=name,
        timestamp=timestamp,
        kinds=request.kinds,
        select=lambda kind: selection_of(context.store, kind, request.exclude),
        parent=lambda kind: _newest(holdings, kind),
    )
    return Sending(
        context=context,
        request=request,
        restic=restic,
        timestamp=timestamp,
        store=name,
        trees=trees,
    )


def _newest(holdings: Holdings, kind: Kind) -> str | None:
    """Return the newest snapshot of a kind, finished or not: its content is not sent again."""
    found = [part for one in holdings.sets for part in one.parts.values()]
    found += holdings.unfinished
    alike = [one for one in found if one.kind == kind.value]
    return max(alike, key=lambda one: one.time_s).id if alike else None


def send_kind(sending: Sending, kind: Kind, estimate: Estimate | None, dump: Dump) -> None:
    """Send a kind with the store closed."""
    sending.context.emit(BackupStarted(kind=kind))
    if kind is Kind.DB:
        send_dump(sending, dump, estimate=estimate)
    else:
        send_files(sending, kind, estimate=estimate)


def send_files(
    sending: Sending, kind: Kind, *, estimate: Estimate | None, since_s: float | None = None
) -> None:
    """Send the tree of a kind. With `since_s` the paths changed since then are named."""
    try:
        _send_files(sending, kind, estimate, since_s)
    except BaseException:
        sending.trees.end()
        raise


def _send_files(
    sending: Sending, kind: Kind, estimate: Estimate | None, since_s: float | None
) -> None:
    context, request = sending.context, sending.request
    began_s = context.clock()
    with context.step(
        Step.SEND,
        kind,
        total_bytes=None if estimate is None else estimate.content_bytes,
        total_items=None if estimate is None else estimate.items,
    ) as report:
        tree = sending.trees.send(kind, report)
        sent, known, selection = tree.sent, tree.known, tree.selection
        changed = () if since_s is None else changed_since(selection, since_s)
        if since_s is not None or request.keep_open:
            known = known.with_later(outline(selection))  # links and names of a store that is open
    if sent.vanished:
        message = of_kind(kind, f"{len(sent.vanished)} files went away while they were sent:")
        context.say(Warned(code="vanished", message=message, names=sent.vanished[:_NAMES]))
    if changed:
        sending.differs += changed
        message = of_kind(
            kind, f"{len(changed)} entries changed after the local backup, and were sent as they "
            "are now:"
        )  # fmt: skip
        context.say(Warned(code="changed-since", message=message, names=changed[:_NAMES]))
    facts = _facts(sending, kind, sent, known, selection, began_s)
    facts = replace(facts, kept_open=facts.kept_open or since_s is not None)
    part = PartManifest(
        snapshot=sent.snapshot,
        facts=facts,
        prefix=selection.prefix,
        mode=os.stat(selection.root).st_mode & 0o3777,
        odd=known.odd,
        links=known.links,
        attributes=known.attributes,
    )
    _take(sending, kind, part, sent, items=sent.files, began_s=began_s)


def send_dump(sending: Sending, dump: Dump, *, estimate: Estimate | None) -> None:
    """Send a dump as it is made."""
    context, began_s = sending.context, sending.context.clock()
    details: dict[str, Any] = {}
    total_bytes = estimate.file_bytes if estimate is not None and estimate.measured else None
    with (
        context.step(
            Step.SEND,
            Kind.DB,
            total_bytes=total_bytes,
            total_items=None if estimate is None else estimate.items,
        ) as report,
        tempfile.TemporaryFile() as index,
    ):

        def produce(fd: int) -> int:
            size, found = dump(fd, index.fileno(), report)
            details.update(found)
            return size

        sent = _stream(sending, produce)
        content = index_in(index.fileno())
    facts = replace(_common(sending, Kind.DB, sent, began_s), **details)
    part = dump_part(sent, facts, content)
    items = sum((facts.rows or {}).values())
    _take(sending, Kind.DB, part, sent, items=items, began_s=began_s)


def _stream(sending: Sending, produce: Callable[[int], int]) -> Sent:
    return send_stream(
        sending.restic,
        produce,
        name=DUMP_FILE,
        host=host_of(sending.store),
        tags=tags_of(sending.store, sending.timestamp, Kind.DB.value),
    )


def send_dump_file(sending: Sending, name: str) -> None:
    """Send the dump of that name in var/backups. Raises DamagedBackup if it is not whole."""
    context, began_s = sending.context, sending.context.clock()
    with open_backups(context.store.backups) as backups:
        manifest = find_manifest(backups, name).manifest
        if manifest is None:
            raise DamagedBackup(f"{name} has no manifest any more.")
        with context.step(Step.SEND, Kind.DB, total_bytes=manifest.size_bytes) as report:
            copied = CopiedDump(backups, manifest)
            sent = _stream(sending, lambda fd: copied.write(fd, report))
    facts = replace(
        manifest,
        file_name=new_name(sending.timestamp, Kind.DB),
        size_bytes=sent.bytes,
        sha256=copied.sha256,
    )
    found = open_index(find_any_backup(context.store.backups, name))
    content = b""
    if isinstance(found, int):
        content = index_in(found)
        os.close(found)
    part = dump_part(sent, facts, content)
    items = sum((facts.rows or {}).values())
    _take(sending, Kind.DB, part, sent, items=items, began_s=began_s)


def _take(
    sending: Sending,
    kind: Kind,
    part: PartManifest,
    sent: Sent,
    *,
    items: int,
    began_s: float,
) -> None:
    context = sending.context
    sending.parts[kind] = part
    sending.content_bytes += sent.bytes
    sending.added_bytes += sent.added
    context.journal.write(
        PartSent(repository=sending.repository, kind=kind, snapshot=sent.snapshot)
    )
    context.emit(
        BackupSent(
            kind=kind,
            repository=sending.repository,
            snapshot=sent.snapshot,
            items=items,
            content_bytes=sent.bytes,
            added_bytes=sent.added,
            elapsed_s=max(0.0, context.clock() - began_s),
        )
    )


def _facts(
    sending: Sending,
    kind: Kind,
    sent: Sent,
    known: Outline,
    selection: Selection,
    began_s: float,
) -> Manifest:
    facts = _common(sending, kind, sent, began_s)
    return replace(
        facts, members=known.entries, content_bytes=sent.bytes, excluded=selection.exclude
    )


def _common(sending: Sending, kind: Kind, sent: Sent, began_s: float) -> Manifest:
    context, request = sending.context, sending.request
    version, _edition = magento_version(context.store)
    return Manifest(
        file_name=new_name(sending.timestamp, kind, Naming.DOCUMENTED),
        kind=kind,
        timestamp=sending.timestamp,
        size_bytes=sent.bytes,
        sha256=sent.snapshot,  # of a dump its own digest takes this place
        made_by=f"magerewind {core.__version__}",
        host=context.host,
        root=context.store.root,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(context.clock())),
        elapsed_s=round(max(0.0, context.clock() - began_s), 3),
        verified=False,
        magento_version=version,
        kept_open=request.keep_open,
        note=request.note,
    )


def copy_set(
    context: JobContext,
    request: BackupRequest,
    timestamp: int,
    names: Mapping[Kind, str],
    estimates: Mapping[Kind, Estimate],
    *,
    since_s: float,
) -> None:
    """Send the set just written to var/backups, with the store open.

    A repository that fails keeps the set from no other; its error is raised at the end.
    """
    failed: MagerewindError | None = None
    for repository in request.repositories:
        try:
            with asking(context, request, repository) as asked:
                sending = begin_sending(context, request, asked, timestamp)
            for kind, name in names.items():
                if kind is Kind.DB:
                    send_dump_file(sending, name)
                else:
                    send_files(sending, kind, estimate=estimates.get(kind), since_s=since_s)
            commit_set(sending)
        except Cancelled:
            raise
        except MagerewindError as error:
            kept = f"Not copied to {repository.name}; the set in var/backups is complete."
            context.say(Warned(code="not-copied", message=kept))
            failed = failed or error
    if failed is not None:
        raise failed


def commit_set(sending: Sending) -> None:
    """Send the manifest: from here on the set counts."""
    context = sending.context
    with context.step(Step.SEND):
        manifest = SetManifest(
            store=sending.store,
            timestamp=sending.timestamp,
            made_by=f"magerewind {core.__version__}",
            parts=sending.parts,
            note=sending.request.note,
            differs=sending.differs[:1000],
        )
        content = to_json(manifest)
        sent = send_manifest(
            sending.restic,
            content,
            host=host_of(sending.store),
            tags=manifest_tags(sending.store, sending.timestamp, sending.parts),
        )
    context.journal.write(SetCommitted(repository=sending.repository, snapshot=sent.snapshot))
    keep_manifest(context.store, sent.snapshot, content)
    listed = set_as_listed(
        sending.repository,
        sending.store,
        sending.timestamp,
        sending.parts,
        manifest=sent.snapshot,
        now_s=context.clock(),
    )
    remember_set(context.store, listed, now_s=context.clock())
    context.emit(
        SetSent(
            repository=sending.repository,
            timestamp=sending.timestamp,
            kinds=tuple(kind for kind in Kind if kind in sending.parts),
            content_bytes=sending.content_bytes,
            added_bytes=sending.added_bytes,
        )
    )


__all__ = ["Sending", "asking", "begin_sending", "commit_set", "copy_set", "send_kind"]
