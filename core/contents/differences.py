"""An archive beside the live store: the entries a rollback would restore, remove and change.

A directory is compared by the same planner as a rollback is, so the two cannot disagree; a single
file is compared through the index and is shown line by line. It changes nothing.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.account.open_via_helper import lstat, open_to_read, readlink
from core.archive.index.reader import Located
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.rows import Action, PlanRow
from core.archive.tar.header import HARD_LINK, REGULAR
from core.archive.tree.accounts import AccountNumbers
from core.archive.tree.open_directories import OPEN_FILE, OpenDirectories, is_gone
from core.archive.tree.patterns import quoted
from core.archive.tree.selection import Selection, code_selection, media_selection, unreadable
from core.contents.members import FORMATS, ArchiveContents, path_of
from core.contents.protocol import no_such_part
from core.contents.secrets import holds_secrets, masked
from core.contents.text_diff import LARGEST, is_binary, text_of, unified
from core.errors import UsageError
from core.events import Kind, Report, no_report
from core.magento.store import Store, shown

COMES_BACK: Final = "+"
ONLY_NOW: Final = "-"
CHANGED: Final = "~"
_SIGNS: Final = {Action.ADD: COMES_BACK, Action.REMOVE: ONLY_NOW}
_MODE: Final = 0o7777


class Side(Struct, frozen=True, kw_only=True):
    """An entry on one side; `kind` holds the type bits of a mode."""

    kind: int
    mode: int | None
    size: int
    uid: int | None
    gid: int | None
    link: bytes | None = None


class EntryDifference(Struct, frozen=True, kw_only=True):
    """An entry that differs. `then` is the backup's side, `now` the store's; None: it has none.

    `content`: whether it is more than mode and owner. `text` is the diff of a single file.
    """

    sign: str
    path: bytes
    then: Side | None
    now: Side | None
    content: bool
    text: tuple[str, ...] = ()


class DifferenceTotals(Struct, frozen=True, kw_only=True):
    """How many entries there are of each sort."""

    comes_back: int = 0
    only_now: int = 0
    changed: int = 0
    same: int = 0


class ArchiveDifferences:
    """The comparison of one archive, or of a part of it, with a store."""

    def __init__(
        self,
        contents: ArchiveContents,
        store: Store,
        *,
        show_secrets: bool = False,
        report: Report = no_report,
    ) -> None:
        self._contents = contents
        self._backup = contents.backup
        self._store = store
        self._show_secrets = show_secrets
        self._report = report
        self._numbers = AccountNumbers(uid=store.owner_uid, gid=store.owner_gid)
        self._same = 0
        self._counts = {COMES_BACK: 0, ONLY_NOW: 0, CHANGED: 0}

    @property
    def totals(self) -> DifferenceTotals:
        """The counts, once all differences were taken."""
        return DifferenceTotals(
            comes_back=self._counts[COMES_BACK],
            only_now=self._counts[ONLY_NOW],
            changed=self._counts[CHANGED],
            same=self._same,
        )

    def of(self, part: str) -> Iterator[EntryDifference]:
        """Yield the differences of a part, or of all. Raises BackupNotFound for a part of neither.

        Errors of the part are raised by the call itself, before the first result.
        """
        selection = self._selection()
        path = path_of(part, self._store) if part else b""
        if not path:
            return self._counted(self._planned(selection, b""))
        located = self._contents.find_path(path)
        now = self._live(selection, path)
        if located is None and now is None:
            raise no_such_part(shown(path), self._backup.name.text, nor=", nor in the store")
        is_single = (located is None or located.row.type in {REGULAR, HARD_LINK}) and (
            now is None or now.kind == stat.S_IFREG
        )
        if is_single:
            return self._counted(self._single(selection, path, located, now))
        return self._counted(self._planned(selection, path))

    def _counted(self, differences: Iterator[EntryDifference]) -> Iterator[EntryDifference]:
        for one in differences:
            self._counts[one.sign] += 1
            yield one

    def _selection(self) -> Selection:
        kind, manifest = self._backup.kind, self._backup.manifest
        if kind is None:
            raise UsageError(
                f"{self._backup.name.text} holds several kinds at once, and is not compared.",
                hint="info:backups:files, show and extract look into it.",
            )
        make = code_selection if kind is Kind.CODE else media_selection
        return make(self._store, exclude=() if manifest is None else manifest.excluded)

    def _planned(self, selection: Selection, path: bytes) -> Iterator[EntryDifference]:
        """Compare as a rollback does."""
        if path:
            selection = replace(selection, chosen=(quoted(os.fsdecode(path)),))
        with tempfile.TemporaryDirectory(prefix="magerewind-diff-") as scratch:
            place = os.path.join(scratch, "plan")
            plan = self._contents.plan(selection, place, self._report)
            self._same = plan.identical
            with PlanFile(plan.plan_path, only_read=True) as rows:
                yield from map(_of_row, rows.rows())

    def _live(self, selection: Selection, path: bytes) -> Side | None:
        """Return how a path looks in the store; None: it is not there, or of no backup's."""
        if not path.startswith(selection.prefix) or selection.left_out()(path):
            return None
        try:
            with OpenDirectories(selection.root) as directories:
                fd, name = directories.parent_of(path[len(selection.prefix) :])
                status = lstat(name, fd)
                link = readlink(name, fd) if stat.S_ISLNK(status.st_mode) else None
        except OSError as error:
            if is_gone(error):
                return None
            raise unreadable(path, error) from error
        return Side(
            kind=stat.S_IFMT(status.st_mode),
            mode=status.st_mode & _MODE,
            size=status.st_size,
            uid=status.st_uid,
            gid=status.st_gid,
            link=link,
        )

    def _single(
        self, selection: Selection, path: bytes, located: Located | None, now: Side | None
    ) -> Iterator[EntryDifference]:
        """Compare one file, with its text."""
        then = None if located is None else self._then(located)
        before = self._content_then(located)
        after = self._content_now(selection, path) if now is not None else b""
        is_same = before == after and (before is not None or self._are_equal(selection, located))
        sign = CHANGED if then and now else (COMES_BACK if then else ONLY_NOW)
        if is_same and then and now and not (changed_mode(then, now) or changed_owner(then, now)):
            self._same = 1
            return
        text = () if sign == CHANGED and is_same else tuple(self._text(path, before, after))
        yield EntryDifference(
            sign=sign, path=path, then=then, now=now, content=not is_same, text=text
        )

    def _then(self, located: Located) -> Side:
        row = located.row
        if row.type == HARD_LINK:
            target = self._contents.find_path(row.link)
            row = row if target is None else target.row
        return Side(
            kind=FORMATS[row.type],
            mode=None if row.mode < 0 else row.mode,
            size=row.size,
            uid=self._numbers.uid(row.owner[0], row.owner[2]),
            gid=self._numbers.gid(row.owner[1], row.owner[3]),
        )

    def _content_then(self, located: Located | None) -> bytes | None:
        """Return the content of the backup's side; None: it is too large to be held."""
        if located is None:
            return b""
        return _held(self._contents.content(located))

    def _content_now(self, selection: Selection, path: bytes) -> bytes | None:
        return _held(self._live_pieces(selection, path))

    def _live_pieces(self, selection: Selection, path: bytes) -> Iterator[bytes]:
        try:
            with OpenDirectories(selection.root) as directories:
                fd, name = directories.parent_of(path[len(selection.prefix) :])
                opened = open_to_read(name, OPEN_FILE, fd)
            try:
                while piece := os.read(opened, LARGEST):
                    yield piece
            finally:
                os.close(opened)
        except OSError as error:
            raise unreadable(path, error) from error

    def _are_equal(self, selection: Selection, located: Located | None) -> bool:
        """Compare two files that are too large to be held."""
        if located is None:
            return False
        live = self._live_pieces(selection, located.row.path)
        rest = b""
        for piece in self._contents.content(located):
            while len(rest) < len(piece):
                more = next(live, b"")
                if not more:
                    return False
                rest += more
            if rest[: len(piece)] != piece:
                return False
            rest = rest[len(piece) :]
        return not rest and not next(live, b"")

    def _text(self, path: bytes, then: bytes | None, now: bytes | None) -> Iterator[str]:
        if then is None or now is None:
            yield f"Files of more than {LARGEST >> 20} MiB are not compared line by line."
            return
        if is_binary(then) or is_binary(now):
            yield "A binary file: its bytes differ."
            return
        sides = text_of(then), text_of(now)
        if holds_secrets(path) and not self._show_secrets:
            sides = masked(*sides)
        yield from unified(*sides, path=os.fsdecode(path), name=self._backup.name.text)


def _held(pieces: Iterator[bytes]) -> bytes | None:
    """Return a content, None for one that is too large."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST:
            return None
        held.append(piece)
    return b"".join(held)


def changed_mode(then: Side, now: Side) -> bool:
    """Tell whether the mode differs, as far as it is known."""
    return None not in {then.mode, now.mode} and then.mode != now.mode


def changed_owner(then: Side, now: Side) -> bool:
    """Tell whether the account or the group differs, where the backup's exist here."""
    pairs = ((then.uid, now.uid), (then.gid, now.gid))
    return any(one is not None and one != other for one, other in pairs)


def _of_row(row: PlanRow) -> EntryDifference:
    then = now = None
    if row.type_then is not None:
        then = Side(
            kind=row.type_then, mode=row.mode_then, size=row.size_then, uid=row.uid_then,
            gid=row.gid_then, link=row.link_then,
        )  # fmt: skip
    if row.type_now is not None:
        now = Side(
            kind=row.type_now, mode=None if row.mode_now is None else row.mode_now & _MODE,
            size=row.size_now, uid=row.uid_now, gid=row.gid_now,
        )  # fmt: skip
    return EntryDifference(
        sign=_SIGNS.get(row.action, CHANGED),
        path=row.path,
        then=then,
        now=now,
        content=row.action is not Action.MODE,
    )
