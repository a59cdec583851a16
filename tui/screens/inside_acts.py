"""Acts on one part of a backup: it is written elsewhere, or rolled back to alone."""

from __future__ import annotations

import os

from core.archive.tree.patterns import quoted
from core.events import Kind
from core.operations.requests import RollbackRequest
from tui.engine.copies import located
from tui.engine.inside_port import InsideView, Stop
from tui.engine.views import BackupView
from tui.render import text
from tui.screens.ask import Prompt
from tui.screens.page import Page
from tui.screens.plan import Rollback


def ask_extract(page: Page, name: str, part: InsideView, *, stop: Stop) -> None:
    """Ask for a directory, and write the part into it, in a background thread."""
    owner = page.owner

    def answered(to: str | None) -> None:
        to = os.path.expanduser((to or "").strip())
        if not to:
            return

        def done(value: tuple[int, int, int] | Exception) -> None:
            if isinstance(value, Exception):
                owner.complain(value)
                return
            files, size, left = value
            more = f"; {text.count(left)} left out" if left else ""
            owner.tell(f"{text.plural(files, 'file')}, {text.size(size)}, in {to}{more}")

        owner.questions.ask(
            lambda: owner.engine.inside.extract(name, part.path, to, stop=stop), done
        )

    lines = (f"{part.path} is written into this directory, which is outside the store:",)
    page.ask(Prompt(title="EXTRACT", lines=lines), answered)


def put_back(page: Page, backup: BackupView, part: InsideView) -> None:
    """Plan a rollback of this one part."""
    owner = page.owner
    if not owner.may_plan():
        return
    if backup.kind is Kind.DB and part.kind != "table":
        owner.refuse("Only tables are put back one by one.")
    elif backup.kind is None:
        owner.refuse("An archive of several kinds is not rolled back.")
    elif backup.kind is Kind.DB:
        request = RollbackRequest(db_file=backup.name, only_table=(part.path,))
        page.app.push_screen(Rollback(located(request, (backup,))))
    else:
        only = (quoted(part.path),)
        code = backup.name if backup.kind is Kind.CODE else None
        media = backup.name if backup.kind is Kind.MEDIA else None
        request = RollbackRequest(code_file=code, media_file=media, only=only)
        page.app.push_screen(Rollback(located(request, (backup,))))
