"""The engine, loaded when it is first asked: the first picture does not wait for its modules.

Finding the store is quick and says at once when there is none; everything behind that (database,
archives, jobs) takes a third of a second to import, which a thread does while Home is seen already.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from core.errors import StoreNotFound
from core.magento.store import Store, find_store
from tui.engine.views import Places, places_of

if TYPE_CHECKING:
    from tui.engine.port import Engine


class LateEngine:
    """Stands for the engine of one store; every call goes to the real one."""

    def __init__(self, store: Store, *, read_only: bool) -> None:
        self._store = store
        self._turn = threading.Lock()
        self._real: Engine | None = None
        self.root = store.root
        self.host = socket.gethostname()
        self.name = os.path.basename(store.root) or self.host
        self.read_only = read_only

    @property
    def places(self) -> Places:
        """Where to see that a job begins or ends."""
        return places_of(self._store)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: object, **named: object) -> Any:  # noqa: ANN401 - as the engine's
            return getattr(self._loaded(), name)(*arguments, **named)

        return call

    def close(self) -> None:
        """Let go of what a plan keeps, if the engine was ever asked."""
        if self._real is not None:
            self._real.close()

    def _loaded(self) -> Engine:
        with self._turn:
            if self._real is None:
                from tui.engine.store_engine import StoreEngine  # noqa: PLC0415 - the reason of this module

                self._real = StoreEngine(self._store, read_only=self.read_only)
            return self._real


def open_engine(*, root: str | None, read_only: bool) -> Engine:
    """Find the store from here, or at `root`. Raises StoreNotFound, StoreUnreadable."""
    try:
        start = os.getcwd()
    except FileNotFoundError:
        if root is None:
            raise StoreNotFound(
                "The working directory does not exist any more.",
                hint="Change into the store again, or name its root with --root DIR.",
            ) from None
        start = "/"
    # For a rollback var/backups alone is enough: that is when the application is needed most.
    store = find_store(start, root=root, for_rollback=True)
    return cast("Engine", LateEngine(store, read_only=read_only))
