"""Notes and keep marks of sets: asks where it must, and writes in a background thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.backups.remarks import NOTE_LIMIT
from tui.engine.views import SetView
from tui.render import text
from tui.screens.ask import Prompt
from tui.screens.page import Page


def ask_note(
    page: Page, chosen: Sequence[SetView], written: Callable[[], None], ended: Callable[[], str]
) -> None:
    """Ask for one note for all these sets, write it, and call `written` when that is done.

    `ended` tells why there is nothing to write on any more.
    """
    owner = page.owner

    def typed(note: str | None) -> None:
        if note is not None:
            engine = owner.engine
            _write(
                page, chosen, lambda one: engine.write_note(one, note.strip()[:NOTE_LIMIT]), written
            )

    many = len(chosen) > 1
    what = f"What these {len(chosen)} sets are for" if many else "What this set is for"
    lines = [f"{what}. It is kept in the manifests and shown in the list."]
    notes = {one.note for one in chosen}
    if many and notes - {""}:
        lines.append("It takes the place of the present notes.")
    value = notes.pop() if len(notes) == 1 else ""
    page.ask(Prompt(title="Note", lines=lines, value=value), typed, ended=ended)


def turn_mark(page: Page, chosen: Sequence[SetView], written: Callable[[], None]) -> None:
    """Keep these sets, or none of them any more where all are kept; then call `written`."""
    owner, engine = page.owner, page.owner.engine
    keep = not all(one.keep for one in chosen)

    def done() -> None:
        when = text.local_time(chosen[0].timestamp, owner.zone)
        many = len(chosen) > 1
        what = f"{len(chosen)} sets are" if many else f"The set of {when} is"
        words = "kept: pruning leaves" if keep else "kept no more: pruning may delete"
        owner.tell(f"{what} {words} {'them' if many else 'it'}.")
        written()

    _write(page, chosen, lambda one: engine.mark(one, keep=keep), done, failed=written)


def _write(
    page: Page,
    chosen: Sequence[SetView],
    write: Callable[[SetView], None],
    done: Callable[[], None],
    *,
    failed: Callable[[], None] | None = None,
) -> None:
    """Write on one set after the other, as far as that goes, and call `done`, else `failed`."""

    def each() -> None:
        for one in chosen:
            write(one)

    def ended(value: object) -> None:
        if isinstance(value, Exception):
            page.owner.complain(value)
            (failed or done)()
        else:
            done()

    page.owner.questions.ask(each, ended)
