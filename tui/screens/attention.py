"""Matters that need attention on the first screen, in sentences, worst first, with their actions.

A sentence states the fact and its effect on customers; the keys beside it act on it.
"""

from __future__ import annotations

from typing import Final

from core.events import Kind
from core.operations.health import DATABASE_DOWN
from core.text.steps import KIND_WORDS
from tui.engine.views import BAD, BackupsView, StoreView
from tui.render import text
from tui.render.concern import ERROR, Concern
from tui.screens.host import Host
from tui.screens.lost_jobs import lost_concerns, urgent_of

Concerns = list[Concern]
_LOOK: Final = ("f5", "look again")


def concerns_of(host: Host, store: object, backups: object, lost: object) -> Concerns:
    """Return the concerns, by the answers that the first screen has received so far."""
    found = _of_jobs(host, lost)
    found += _of_health(host)
    if host.read_only:
        found.append(Concern(words=f"Read-only: {text.clean(host.read_only)}."))
    # The reason of a broken part is shown with it already.
    told = host.health.reasons if host.health is not None else ()
    if isinstance(store, StoreView):
        found += [Concern(words=text.clean(words)) for words in store.concerns if words not in told]
    return found + _of_undo(host) + _of_backups(host, backups)


def _of_health(host: Host) -> Concerns:
    health = host.health
    if health is None or not health.broken or host.running_job is not None:
        return []
    open_to_all = "" if host.maintenance else " Maintenance mode is off, so customers see that."
    why = f" {text.clean(health.reasons[0]).rstrip('.')}." if health.reasons else ""
    acts: list[tuple[str, str]] = []
    way = ""
    if health.way_back:
        mended = [kind for kind in health.kinds if kind in (health.backups or {})]
        kinds = " and ".join(KIND_WORDS[kind] for kind in mended)
        way = f" A sound backup of the {kinds} is there."
        acts.append(("r", f"plan a rollback of the {kinds}"))
    elif DATABASE_DOWN in health.broken:
        way = " Start its server, or correct db in app/etc/env.php."
    elif any(word.startswith("config") for word in health.broken):
        way = " Mend app/etc/env.php."
    elif Kind.CODE in health.kinds:
        way = " No sound backup of the code is there: it must be deployed anew."
    words = f"The shop is down: {health.words}.{why}{open_to_all}{way}"
    return [Concern(words=words, style=ERROR, acts=(*acts, _LOOK), broken=True)]


def _of_jobs(host: Host, lost: object) -> Concerns:
    found: Concerns = []
    job = host.interrupted_job
    if job is not None:
        words = text.OPERATION_WORDS[job.operation].lower()
        said = f"A {words} was interrupted: its process is gone, and the store may be half done."
        problem = text.clean(job.problem)
        found.append(
            Concern(
                words=problem or said,
                style=ERROR,
                acts=(("i", "recover the store"),),
                broken=True,
            )
        )
    running = host.running_job
    if running is not None:
        words = text.OPERATION_WORDS[running.operation]
        found.append(Concern(words=f"{words} is running.", acts=(("j", "show the job"),)))
    found += lost_concerns(lost) if running is None else []
    if host.maintenance and (job or running or urgent_of(lost)) is None:
        words = "Maintenance mode is on and no job runs: customers see the maintenance page."
        found.append(Concern(words=words, style=ERROR, acts=(("m", "turn it off"),), broken=True))
    return found


def _of_undo(host: Host) -> Concerns:
    undo = host.undoable_job
    if undo is None:
        return []
    ago = text.age(undo.began_s, host.clock())
    freed = f"discard it, frees {text.size(undo.undo_bytes)}" if undo.undo_bytes else "discard it"
    words = f"The undo of the {undo.operation} {ago} is kept."
    return [Concern(words=words, acts=(("u", f"undo the {undo.operation}"), ("d", freed)))]


def _of_backups(host: Host, backups: object) -> Concerns:
    if not isinstance(backups, BackupsView):
        return []
    found: list[str] = []
    if backups.partial and host.running_job is None:
        verb = "lies" if len(backups.partial) == 1 else "lie"
        found.append(f"{text.plural(len(backups.partial), 'unfinished file')} {verb} there")
    for word in BAD:
        bad = sum(1 for one in backups.sets if one.health == word)
        if bad:
            found.append(f"{text.plural(bad, 'set')} {'is' if bad == 1 else 'are'} {word}")
    if not found:
        return []
    return [Concern(words=f"In var/backups {' and '.join(found)}.", acts=(("enter", "see them"),))]
