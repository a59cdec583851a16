"""Refuses or warns when an archive lacks entries that the store has.

An archive with a manifest is complete. One without is taken as complete only if it holds the
entries that every such archive has; one that looks incomplete never removes entries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from core.archive.plan.completeness import Survey
from core.archive.plan.summary import FilePlan
from core.events import Kind
from core.magento.store import Store
from core.operations import backup_origin
from core.operations.findings import Finding, stop, warn
from core.operations.requests import RollbackRequest
from core.operations.sources import Sources, keeps_environment

_PARTIAL = "--partial replaces only what the archive holds, and removes nothing."
_ENV_PHP = "app/etc/env.php"


def absence_findings(
    store: Store,
    request: RollbackRequest,
    sources: Sources,
    files: Mapping[Kind, FilePlan],
) -> list[Finding]:
    """Return the archives whose gaps are no wish, and the plans that remove most of a store."""
    found: list[Finding] = []
    keeps_env = keeps_environment(request, sources.elsewhere)
    for kind, plan in files.items():
        # With chosen paths, an archive has to be whole only where its gaps would remove entries.
        if plan.survey is not None and (plan.removed or not plan.chosen):
            name = sources.backups[kind].name.text
            refused = next(
                _gaps(store, request, kind, name, plan.survey, keeps_env=keeps_env), None
            )
            if refused is not None:
                found.append(refused)
                continue
        live = plan.removed + plan.changed + plan.mode_only + plan.identical
        of = "CHOSEN " if plan.chosen else ""
        if plan.removed * 2 > live:
            found.append(
                warn(
                    f"{kind}-removes-most",
                    f"THIS REMOVES {plan.removed:,} OF {live:,} {of}LIVE ENTRIES OF "
                    f"{kind.upper()}.",
                    hint="Look at the list first: --dry-run.",
                    kind=kind,
                )
            )
    return found


def question_warnings(findings: tuple[Finding, ...]) -> str:
    """Return the findings that a question must repeat; empty without any."""
    return " ".join(
        " ".join((one.message, "; ".join(one.names))).strip().removesuffix(".") + "."
        for one in findings
        if one.code == backup_origin.CODE or one.code.endswith("-removes-most")
    )


def _gaps(
    store: Store,
    request: RollbackRequest,
    kind: Kind,
    name: str,
    survey: Survey,
    *,
    keeps_env: bool,
) -> Iterator[Finding]:
    """Yield why the archive is no whole one, the plainest reason first."""
    if survey.folder and _holds_nothing(kind, survey):
        yield _refused(
            kind,
            f"{name} holds a store below the folder {survey.folder}/, not at its top.",
            hint=f"Pack it again from inside that folder: tar czf {name} -C {survey.folder} .",
        )
    if not survey.members:
        tops = f" (it begins with {', '.join(survey.tops)})" if survey.tops else ""
        what = "nothing" if not survey.tops else f"no {kind} of a store"
        yield _refused(kind, f"{name} holds {what}{tops}.", hint="Is it of another kind?")
    if kind is Kind.MEDIA or request.partial:
        return
    needed = [
        mark
        for mark in ("bin/magento", "vendor", "app/etc")
        if os.path.lexists(os.path.join(store.root, mark))
    ]
    missing = [mark for mark in needed if mark not in survey.marks]
    if missing or not survey.marks:
        lacks = f"without {', '.join(missing)}" if missing else "and nothing of a store"
        yield _refused(kind, f"{name} holds a part of the code only, {lacks}.", hint=_PARTIAL)
    if (
        _ENV_PHP not in survey.marks
        and not keeps_env
        and os.path.lexists(os.path.join(store.root, _ENV_PHP))
    ):
        yield _refused(
            kind,
            f"{name} has no {_ENV_PHP}, and the present one would be removed.",
            hint=f"--keep-env keeps it. {_PARTIAL}",
        )


def _holds_nothing(kind: Kind, survey: Survey) -> bool:
    """Tell whether an archive has nothing where the kind is looked for."""
    return not survey.members if kind is Kind.MEDIA else not survey.marks


def _refused(kind: Kind, message: str, *, hint: str) -> Finding:
    return stop(f"{kind}-not-whole", message, hint=hint, kind=kind)
