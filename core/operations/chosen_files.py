"""The chosen files of a rollback (`--only`), and the choices that cannot be met.

A path in neither the backup nor the store is refused before anything else: a typing error must not
look like a store without differences.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from core.archive.index.blocks import Broken
from core.archive.plan.summary import FilePlan
from core.archive.tar.gzip import Stretch
from core.archive.tree import patterns
from core.archive.tree.selection import walk_key
from core.backups.archive_index import find_index
from core.backups.catalog import Backup
from core.events import Kind
from core.magento.store import Store
from core.operations.findings import Finding, stop
from core.operations.requests import RollbackRequest
from core.operations.selections import selection_of
from core.operations.sources import ENV_PHP, Sources, keeps_environment, resolve_only

_NAMES: Final = 10_000  # of a directory, among which a similar one is looked for


def chosen_findings(
    store: Store, request: RollbackRequest, sources: Sources, files: Mapping[Kind, FilePlan]
) -> list[Finding]:
    """Return the chosen paths that do not exist, are left out, or lie behind a non-directory."""
    if not request.only:
        return []
    found = [
        stop(
            f"{kind}-in-the-way",
            f"{name} is no directory in the store now, so nothing below it can be put back.",
            hint=f"Choose it itself: --only {name}",
            kind=kind,
        )
        for kind, plan in files.items()
        for name in plan.in_the_way
    ]
    if found:
        return found
    matched = {kind: _matched(store, request.only, plan) for kind, plan in files.items()}
    everywhere = frozenset[str]().union(*matched.values())
    nowhere = [word for word in dict.fromkeys(request.only) if word not in everywhere]
    if nowhere:
        return [_nowhere(store, request, sources, word) for word in nowhere]
    return [
        stop(
            f"{kind}-not-chosen",
            f"--only chooses nothing of {kind}.",
            hint=f"Leave --{kind}-file out.",
            kind=kind,
        )
        for kind, words in matched.items()
        if not words
    ]


def start_of(backup: Backup, chosen: Sequence[str]) -> tuple[Stretch, int] | None:
    """Return the position in an archive where the search for the chosen begins; None: its start.

    Only an index that the manifest vouches for is asked, and only of an archive in our order. It
    yields only a position: the members that are read from there on are checked as any.
    """
    first = min(patterns.Chosen(chosen).beginnings, key=walk_key)
    manifest = backup.manifest
    if not first or manifest is None or not manifest.index_sha256:
        return None
    index = find_index(backup)
    if index is None:
        return None
    with index, contextlib.suppress(Broken, OSError):
        if index.digest == manifest.index_sha256 and index.subject.ordered:
            entry = next(iter(index.entries(first)), None)
            if (
                entry is not None
                and entry.stretch.at >= 0
                and walk_key(entry.first) <= walk_key(first)
            ):
                return entry.stretch, entry.begin
    return None


def _matched(store: Store, words: Sequence[str], plan: FilePlan) -> frozenset[str]:
    """Return the words that match something; of a group, one of its patterns is enough."""
    missing = set(plan.unmatched)
    return frozenset(
        word for word in words if not missing.issuperset(resolve_only((word,), store.root))
    )


def _nowhere(store: Store, request: RollbackRequest, sources: Sources, word: str) -> Finding:
    [pattern, *more] = resolve_only((word,), store.root)
    backups: dict[Kind, Backup] = {
        kind: one for kind, one in sources.backups.items() if kind is not Kind.DB
    }
    if not more and patterns.is_literal(pattern):
        refused = _left_out(store, request, sources, pattern, backups)
        if refused is not None:
            return refused
    what = word if patterns.is_literal(pattern) else f"Anything that matches {word}"
    names = " or ".join(backup.name.text for backup in backups.values())
    message = f"{what} is neither in {names} nor in the store."
    return stop("only-nowhere", message, hint=_similar(store, pattern))


def _left_out(
    store: Store,
    request: RollbackRequest,
    sources: Sources,
    path: str,
    backups: Mapping[Kind, Backup],
) -> Finding | None:
    """Return why a path is not looked at, though it may be there."""
    raw = os.fsencode(path)
    kinds = [kind for kind in backups if not _is_outside(store, kind, raw)]
    if not kinds:
        of = " or ".join(backups)
        is_media = Kind.MEDIA not in backups and not _is_outside(store, Kind.MEDIA, raw)
        hint = "It is media: name a media backup (-m)." if is_media else None
        return stop("only-outside", f"{path} is no part of a backup of {of}.", hint=hint)
    if path == ENV_PHP and keeps_environment(request, sources.elsewhere):
        because = "--keep-env keeps it" if request.keep_env else "the backup is of another store"
        hint = None if request.keep_env else "--replace-env replaces it all the same."
        return stop("only-kept", f"{path} is chosen by --only, but {because}.", hint=hint)
    if _is_in(raw, patterns.resolve(request.exclude)):
        return stop("only-excluded", f"{path} is chosen by --only and left out by --exclude.")
    for kind in kinds:
        manifest = backups[kind].manifest
        if manifest is not None and _is_in(raw, manifest.excluded):
            name = backups[kind].name.text
            return stop("only-excluded", f"{name} was taken without {path} (--exclude).")
    return None


def _is_outside(store: Store, kind: Kind, path: bytes) -> bool:
    selection = selection_of(store, kind, ())
    is_above = selection.prefix.startswith(path + b"/")
    inside = is_above or path.startswith(selection.prefix)
    return not inside or selection.ignores()(path)


def _is_in(path: bytes, excluded: Iterable[str]) -> bool:
    test = patterns.below_any((), tuple(excluded))
    return test is not None and test(path)


def _behind_link(store: Store, path: str) -> str | None:
    """Return the same path without the link that it leads through, as a hint."""
    above, _, rest = path.partition("/")
    while rest:
        with contextlib.suppress(OSError):
            target = os.readlink(os.path.join(store.root, above))
            name = os.path.normpath(os.path.join(os.path.dirname(above), target, rest))
            is_in_store = not os.path.isabs(name) and name.partition("/")[0] != ".."
            meant = f": name what it leads to, {name}" if is_in_store else ""
            return f"{above} is a link to {target}, and nothing is looked for behind it{meant}."
        name, _, rest = rest.partition("/")
        above = f"{above}/{name}"
    return None


def _similar(store: Store, path: str) -> str | None:
    """Return the name in the store that was probably meant."""
    behind = _behind_link(store, path)
    if behind is not None:
        return behind
    above, _, name = path.rpartition("/")
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(os.path.join(store.root, above)) as entries:
        names = [entry.name for entry in islice(entries, _NAMES)]
    plain = {unicodedata.normalize("NFC", one).casefold(): one for one in names}
    wanted = unicodedata.normalize("NFC", name).casefold()
    close = difflib.get_close_matches(wanted, plain, n=1)
    if not close:
        return "A path is written from the root of the store, as app/etc/env.php."
    meant = plain[close[0]]
    return f"Is {os.path.join(above, meant)} meant?"
