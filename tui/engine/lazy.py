"""The engine, loaded when it is first asked: the first picture does not wait for its modules.

Finding the store is quick and says at once when there is none; everything behind that (database,
archives, jobs) takes a third of a second to import, which a thread does while Home is seen already.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from core.errors import MagerewindError
from core.events import Kind
from core.magento.store import Store, find_store_here
from tui.engine.views import StorePaths, places_of

if TYPE_CHECKING:
    from core.config.load import Effective
    from core.operations.requests import BackupRequest
    from tui.engine.inside_port import Insides
    from tui.engine.plan_port import PlannedFiles
    from tui.engine.port import Engine


class _Part:
    """A proxy of a part of the engine: the engine is loaded at the part's first question."""

    def __init__(self, engine: LazyEngine, part: str) -> None:
        self._engine = engine
        self._part = part

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: object, **named: object) -> Any:  # noqa: ANN401 - as the engine's
            return self._engine.part_of(self._part, name)(*arguments, **named)

        return call


class LazyEngine:
    """A proxy of the engine of one store; every call goes to the real one."""

    def __init__(
        self,
        store: Store,
        *,
        read_only: bool,
        settings: Callable[[str], Effective] | None = None,
        switchable: bool = False,
    ) -> None:
        self._store = store
        self._turn = threading.Lock()
        self._real: Engine | None = None
        self.root = store.root
        self.host = socket.gethostname()
        self.name = os.path.basename(store.root) or self.host
        self.read_only = read_only
        self.switchable = switchable
        self._settings = settings

    @cached_property
    def defaults(self) -> BackupRequest:
        """The configured backup; the default one if the configuration is broken."""
        from core.operations.requests import BackupRequest  # noqa: PLC0415 - as said above

        if self._settings is not None:
            from core.cli.backup_request import backup_request  # noqa: PLC0415 - as said above
            from core.cli.parser import CommandLine  # noqa: PLC0415 - as said above

            with suppress(MagerewindError):
                effective = self._settings(self.root)
                every = tuple(Kind)
                return backup_request(CommandLine(), effective, os.environ, kinds=every)
        return BackupRequest(kinds=tuple(Kind))

    @property
    def places(self) -> StorePaths:
        """Where to see that a job begins or ends."""
        return places_of(self._store)

    @property
    def planned(self) -> PlannedFiles:
        """The files of the plan that was made last."""
        return cast("PlannedFiles", _Part(self, "planned"))

    @property
    def inside(self) -> Insides:
        """The inside of backups."""
        return cast("Insides", _Part(self, "inside"))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: object, **named: object) -> Any:  # noqa: ANN401 - as the engine's
            return getattr(self._loaded(), name)(*arguments, **named)

        return call

    def close(self) -> None:
        """Release the resources of a plan, if the engine was ever loaded."""
        if self._real is not None:
            self._real.close()

    def part_of(self, part: str, name: str) -> Any:  # noqa: ANN401 - as the engine's
        """Return the attribute of this name of a part of the real engine."""
        return getattr(getattr(self._loaded(), part), name)

    def _loaded(self) -> Engine:
        with self._turn:
            if self._real is None:
                from tui.engine.store_engine import StoreEngine  # noqa: PLC0415 - the reason of this module

                self._real = StoreEngine(
                    self._store, read_only=self.read_only, settings=self._settings
                )
            return self._real


def open_engine(
    *,
    root: str | None,
    read_only: bool,
    settings: Callable[[str], Effective] | None = None,
    switchable: bool = False,
) -> Engine:
    """Find the store from here, or at `root`. Raises StoreNotFound, StoreUnreadable."""
    # For a rollback var/backups alone is enough: that is when the application is needed most.
    store = find_store_here(root=root, for_rollback=True)
    return cast(
        "Engine", LazyEngine(store, read_only=read_only, settings=settings, switchable=switchable)
    )
