"""The differences between an archive and the store, as lines for a person and as JSON.

`+` comes back with a rollback, `-` is there only now, `~` differs. All text is made safe here.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol

from core.account.ids import name_of
from core.events import encode_text
from core.text import numbers
from core.text.printable import printable

if TYPE_CHECKING:
    from core.contents.differences import ArchiveDifferences, EntryDifference, Side

_LONGEST: Final = 2_000  # characters of a line of a text
_KINDS: Final = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


def lines(found: ArchiveDifferences, differences: Iterator[EntryDifference]) -> Iterator[str]:
    """Yield a line for each difference, the diff of a text below it, and the totals."""
    for one in differences:
        yield f"{one.sign} {printable(os.fsdecode(one.path))}{_facts(one)}"
        for text in one.text:
            yield _shown(text)
    yield f"{totals_text(found.totals) or 'Nothing is there'}."


class _Totals(Protocol):
    """Numbers of parts by their difference."""

    @property
    def comes_back(self) -> int: ...
    @property
    def only_now(self) -> int: ...
    @property
    def changed(self) -> int: ...
    @property
    def same(self) -> int: ...


def totals_text(totals: _Totals) -> str:
    """Return the totals of a comparison in words; empty where nothing was compared."""
    return ", ".join(
        f"{numbers.count(number)} {words}"
        for number, words in (
            (totals.comes_back, "would come back"),
            (totals.only_now, "only now"),
            (totals.changed, "changed"),
            (totals.same, "the same"),
        )
        if number
    )


def _facts(one: EntryDifference) -> str:
    then, now = one.then, one.now
    if then is None or now is None:
        side = then or now
        is_file = side is not None and side.kind == stat.S_IFREG
        return f"  ({numbers.size(side.size)})" if side is not None and is_file else _kind(side)
    facts = []
    if then.kind != now.kind:
        facts.append(f"{_KINDS.get(now.kind, 'special file')} -> {_KINDS[then.kind]}")
    elif one.content and then.kind == stat.S_IFLNK:
        facts.append("another target")
    elif one.content:
        facts.append(f"content, {numbers.size(now.size)} -> {numbers.size(then.size)}")
    if then.mode is not None and now.mode is not None and then.mode != now.mode:
        facts.append(f"mode {now.mode:04o} -> {then.mode:04o}")
    if _differs(then.uid, now.uid) or _differs(then.gid, now.gid):
        facts.append(f"owner {_owner(now, now)} -> {_owner(then, now)}")
    return f"  ({'; '.join(facts)})"


def _kind(side: Side | None) -> str:
    return "" if side is None else f"  ({_KINDS.get(side.kind, 'special file')})"


def _differs(then: int | None, now: int | None) -> bool:
    return then is not None and now is not None and then != now


def _owner(side: Side, now: Side) -> str:
    uid = now.uid if side.uid is None else side.uid
    gid = now.gid if side.gid is None else side.gid
    return printable(f"{name_of(uid or 0)}:{gid}")


def _shown(text: str) -> str:
    safe = "\t".join(map(printable, text[:_LONGEST].split("\t")))
    more = len(text) - _LONGEST
    return safe if more <= 0 else f"{safe} ... {numbers.count(more)} more characters"


def json_lines(found: ArchiveDifferences, differences: Iterator[EntryDifference]) -> Iterator[str]:
    """Yield a JSON value for each difference, and one with the totals."""
    for one in differences:
        row: dict[str, Any] = {
            "type": "Difference",
            "sign": one.sign,
            "path": encode_text(os.fsdecode(one.path)),
            "content": one.content,
            "then": _side(one.then),
            "now": _side(one.now),
        }
        if one.text:
            row["diff"] = [encode_text(line) for line in one.text]
        yield json.dumps(row)
    totals = found.totals
    yield json.dumps(
        {
            "type": "DifferenceTotals",
            "comes_back": totals.comes_back,
            "only_now": totals.only_now,
            "changed": totals.changed,
            "same": totals.same,
        }
    )


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "kind": _KINDS.get(side.kind, "special"),
        "mode": None if side.mode is None else f"{side.mode:04o}",
        "size": side.size if side.kind == stat.S_IFREG else 0,
        "uid": side.uid,
        "gid": side.gid,
        "link": None if side.link is None else encode_text(os.fsdecode(side.link)),
    }
