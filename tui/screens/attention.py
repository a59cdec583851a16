"""What needs attention on the first screen, as text and style, worst first."""

from __future__ import annotations

from typing import Final

from core.events import Kind
from core.operations.health import DATABASE_DOWN
from core.text.steps import KIND_WORDS
from tui.engine.views import BackupsView, StoreView
from tui.render import text
from tui.screens.host import Host
from tui.screens.lost import lost_attention, urgent_of

Said = list[tuple[str, str]]
_ERROR: Final = "$text-error bold"
_WARNING: Final = "$text-warning"


def attention_of(host: Host, store: object, backups: object, lost: object) -> Said:
    """Return it, by the answers to the questions of the first screen as far as they came."""
    found = _of_jobs(host, lost)
    if host.read_only:
        found.append((f"Read-only: {text.clean(host.read_only)}.", _WARNING))
    found += _of_health(host)
    # The reason of what is broken stands beside the database already.
    told = host.health.reasons if host.health is not None else ()
    if isinstance(store, StoreView):
        concerns = [words for words in store.concerns if words not in told]
        found += [(text.clean(words), _WARNING) for words in concerns]
    return found + _of_undo(host) + _of_backups(host, backups)


def _of_health(host: Host) -> Said:
    health = host.health
    if health is None or not health.broken or host.running_job is not None:
        return []
    way = ""
    if health.way_back:
        mended = [kind for kind in health.kinds if kind in (health.backups or {})]
        kinds = " and ".join(KIND_WORDS[kind] for kind in mended)
        way = f" [r] rolls the {kinds} back: a sound backup is there."
    elif DATABASE_DOWN in health.broken:
        way = " Start its server, or correct db in app/etc/env.php; [F5] looks again."
    elif any(word.startswith("config") for word in health.broken):
        way = " Mend app/etc/env.php; [F5] looks again."
    elif Kind.CODE in health.kinds:
        way = " No sound backup of the code is there: it must be deployed anew."
    return [(f"{health.words}.{way}", _ERROR)]


def _of_jobs(host: Host, lost: object) -> Said:
    found: Said = []
    job = host.interrupted_job
    if job is not None:
        words = text.OPERATION_WORDS[job.operation].lower()
        said = f"A {words} was interrupted. [i] recovers the store."
        found.append((text.clean(job.problem) or said, _ERROR))
    running = host.running_job
    if running is not None:
        words = text.OPERATION_WORDS[running.operation]
        found.append((f"{words} is running. [j] shows it.", "$text-accent bold"))
    found += lost_attention(lost) if running is None else []
    if host.maintenance and (job or running or urgent_of(lost)) is None:
        found.append(("Maintenance mode is on and no job runs. [m] turns it off.", _ERROR))
    return found


def _of_undo(host: Host) -> Said:
    undo = host.undoable_job
    if undo is None:
        return []
    ago = text.age(undo.began_s, host.clock())
    freed = f"frees {text.size(undo.undo_bytes)}" if undo.undo_bytes else "gives that up"
    return [(f"The rollback {ago}: [u] undoes it, [d] {freed}.", _WARNING)]


def _of_backups(host: Host, backups: object) -> Said:
    if not isinstance(backups, BackupsView):
        return []
    found: list[str] = []
    if backups.partial and host.running_job is None:
        found.append(text.plural(len(backups.partial), "unfinished file"))
    damaged = sum(1 for one in backups.sets if one.health == "damaged")
    if damaged:
        found.append(text.plural(damaged, "damaged set"))
    return [(f"{what} in var/backups ([Enter] shows them).", _WARNING) for what in found]
