"""The findings of the checks before a start, and those that stop the start."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import StrEnum
from functools import partial

from msgspec import Struct

from core.account.client import keeper
from core.errors import Cancelled, MagerewindError, PreflightRefused
from core.events import Kind, Noted, Warned
from core.magento.store import Store, linked_parts
from core.operations.context import JobContext

SHOWN_NAMES = 10


class Level(StrEnum):
    """How much a finding matters."""

    STOP = "stop"  # nothing is started
    WARN = "warn"
    NOTE = "note"


class Finding(Struct, frozen=True, kw_only=True):
    """One line about the store; `code` is stable, `names` are paths, tables or processes.

    `kind` is set where it concerns one kind only: it stops nothing that leaves that kind out.
    """

    level: Level
    code: str
    message: str
    hint: str | None = None
    names: tuple[str, ...] = ()
    kind: Kind | None = None


def _finding(
    level: Level,
    code: str,
    message: str,
    *,
    hint: str | None = None,
    names: Iterable[str] = (),
    kind: Kind | None = None,
) -> Finding:
    return Finding(
        level=level, code=code, message=message, hint=hint, names=tuple(names), kind=kind
    )


stop = partial(_finding, Level.STOP)  # it stops the start
warn = partial(_finding, Level.WARN)  # it deserves a look
note = partial(_finding, Level.NOTE)  # it is good to know


def of_kind(kind: Kind, message: str) -> str:
    """Return a message about files with the kind they are of: code and media can both have it."""
    return f"{kind.value.capitalize()}: {message}"


def owner_hint(store: Store) -> str:
    """Return the account with the right that this one lacks, when the owner may have tried."""
    if os.geteuid() == store.owner_uid:
        mend = "This account owns the store: mend owner or mode there"
        if keeper() is not None:
            return f"{mend}."
        return f"{mend}, or run it as root (--as root)."  # which keeps other owners too
    return "Run it as the file system owner of the store."


def link_findings(store: Store, paths: Iterable[str]) -> list[Finding]:
    """Return where those of these paths that are elsewhere really are."""
    real = {path: target for path, target in linked_parts(store) if target is not None}
    return [
        note("linked", f"{path} leads elsewhere: {real[path]}") for path in paths if path in real
    ]


def megabytes(size_bytes: int) -> str:
    """Return a size as findings give it: in whole megabytes, or kilobytes below, rounded up."""
    if size_bytes < 1_000_000:
        return f"{-(-size_bytes // 1000)} kB"
    return f"{-(-size_bytes // 1_000_000):,} MB"


def from_error(code: str, error: MagerewindError, *, kind: Kind | None = None) -> Finding:
    """Return an error of a check as a finding that stops the start.

    Raises Cancelled again: a check that was cancelled has found nothing.
    """
    if isinstance(error, Cancelled):
        raise error
    return stop(code, error.message, hint=error.hint, kind=kind)


def stopping(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return those that stop the start."""
    return tuple(finding for finding in findings if finding.level is Level.STOP)


def refuse(findings: Iterable[Finding]) -> None:
    """Raise PreflightRefused with the first reason, and how many more there are.

    `say_findings` has said those.
    """
    reasons = stopping(findings)
    if not reasons:
        return
    first = reasons[0]
    message = first.message
    if first.names:
        shown = ", ".join(first.names[:SHOWN_NAMES])
        more = len(first.names) - SHOWN_NAMES
        message += f" {shown}" + (f" and {more} more" if more > 0 else "")
    if len(reasons) > 1:
        more = len(reasons) - 1
        message += f" (and {more} more {'reason' if more == 1 else 'reasons'})"
    raise PreflightRefused(message, hint=first.hint)


def say_findings(context: JobContext, findings: Iterable[Finding]) -> None:
    """State warnings, notes, and the reasons to stop that `refuse` does not state, as events.

    Where something stops the start, mere notes are left out.
    """
    findings = tuple(findings)
    stops = stopping(findings)
    unsaid = stops[1:]
    for finding in findings:
        if finding.level is Level.WARN:
            context.say(Warned(code=finding.code, message=finding.message, names=finding.names))
        elif finding in unsaid:
            message = f"In the way: {finding.message}"
            context.emit(Noted(code=finding.code, message=message, names=finding.names))
        elif finding.level is Level.NOTE and not stops:
            context.emit(Noted(code=finding.code, message=finding.message, names=finding.names))
