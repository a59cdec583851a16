"""The context of every operation: the store, the journal, the stream of events, cancellation."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from core.directories import Directory, StateFile
from core.errors import Cancelled, StorageError
from core.events import (
    CancelRequested,
    Emit,
    Event,
    Kind,
    Noted,
    Outcome,
    Progressed,
    Report,
    Step,
    StepEnded,
    StepStarted,
    Warned,
)
from core.journal import Journal
from core.magento.settings import DatabaseConnection
from core.magento.store import Store
from core.operations.job_files import RESERVE

_LOOK_INTERVAL_S = 0.2
_RESERVE_BYTES = 65536


class Cancellation:
    """Whether the job was asked to stop: by a signal, or by a file in its directory.

    After the commit point (`forbid`) a request is answered once with "too late" and has no effect.
    """

    def __init__(self, file: StateFile, *, clock: Callable[[], float], emit: Emit) -> None:
        self._file = file
        self._clock = clock
        self._emit = emit
        self._signalled = threading.Event()
        self._looked_s = -_LOOK_INTERVAL_S
        self._forbidden = False
        self._answered = False

    def request(self) -> None:
        """Ask the job to stop. Safe to call from a signal's action."""
        self._signalled.set()

    def allow(self) -> None:
        """From here on a request is heard again: the store is open, and more is to be done."""
        self._forbidden = False
        self._answered = False

    def forbid(self) -> None:
        """From here on nothing stops the job."""
        self._forbidden = True

    def _requested(self) -> bool:
        if self._signalled.is_set():
            return True
        now_s = self._clock()
        if now_s - self._looked_s < _LOOK_INTERVAL_S:
            return False
        self._looked_s = now_s
        if self._file.exists():
            self._signalled.set()
        return self._signalled.is_set()

    @property
    def asked(self) -> bool:
        """Whether the job was asked to stop, even if it is too late."""
        return self._requested()

    def check(self) -> None:
        """Raise Cancelled when the job should stop."""
        if not self._requested():
            return
        if not self._answered:
            self._answered = True
            self._emit(CancelRequested(too_late=self._forbidden))
        if not self._forbidden:
            raise Cancelled("Cancelled, as asked.")


class JobContext(Struct, kw_only=True):
    """One running job. `directory` is the job's own, held open; `clock` gives unix seconds."""

    store: Store
    job_id: str
    directory: Directory
    journal: Journal
    emit: Emit
    cancellation: Cancellation
    clock: Callable[[], float]
    environ: Mapping[str, str]
    host: str
    user: str
    warned: int = 0
    # In force since the job began: needed also when its directory is removed meanwhile.
    connection: DatabaseConnection | None = None

    def file(self, name: str) -> StateFile:
        """Return a file in the job's directory."""
        return StateFile(self.directory, name)

    def has_file(self, name: str) -> bool:
        """Tell whether a file is in the job's directory, and that where it is looked for."""
        return self.directory.is_in_place and self.directory.has(name)

    def memory_gone(self) -> StorageError:
        """Return the error for a job whose directory was removed while it ran."""
        return StorageError(
            f"The memory of the job was removed while it ran: {self.directory.path}"
        )

    def keep_reserve(self) -> None:
        """Take some space and an inode now, so that a full disk does not stop the way back.

        Raises StorageError.
        """
        self.directory.write(RESERVE, bytes(_RESERVE_BYTES))

    def free_reserve(self) -> None:
        """Give the reserve to the last records and the result of this job."""
        with contextlib.suppress(OSError):
            self.directory.remove(RESERVE)

    def emit_all(self, events: Iterable[Event]) -> None:
        """State several facts."""
        for event in events:
            self.emit(event)

    def say(self, *events: Event) -> None:
        """State facts; warnings are counted."""
        for event in events:
            self.warned += isinstance(event, Warned)
            self.emit(event)

    def note_silence(self, words: str) -> None:
        """State that a silent database server is waited for."""
        self.emit(Noted(code="database-silent", message=words))

    @contextlib.contextmanager
    def step(
        self,
        step: Step,
        kind: Kind | None = None,
        *,
        total_bytes: int | None = None,
        total_items: int | None = None,
    ) -> Iterator[Report]:
        """Run one step: its start, progress and end become events; progress looks for a cancel."""
        self.cancellation.check()
        started_s = self.clock()
        self.emit(
            StepStarted(step=step, kind=kind, total_bytes=total_bytes, total_items=total_items)
        )

        def report(done_bytes: int, done_items: int, current: str) -> None:
            self.emit(
                Progressed(
                    step=step,
                    kind=kind,
                    done_bytes=done_bytes,
                    total_bytes=total_bytes,
                    done_items=done_items,
                    total_items=total_items,
                    current=current,
                )
            )
            self.cancellation.check()

        outcome = Outcome.FAILED
        try:
            yield report
            outcome = Outcome.DONE
        except Cancelled:
            outcome = Outcome.CANCELLED
            raise
        finally:
            elapsed_s = max(0.0, self.clock() - started_s)
            self.emit(StepEnded(step=step, kind=kind, outcome=outcome, elapsed_s=elapsed_s))
