"""A repository opened with the restic of this machine: its commands as functions.

The first call of an opened repository gets few retries: restic alone would retry a wrong key or a
dead server for a quarter of an hour. A lock that a dead process of this host left is removed, and
the call repeated once.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from core.errors import RepositoryError, RepositoryLocked
from core.repository import calls
from core.repository.calls import Call, CallLimits
from core.repository.program import NEEDED, Version, find_restic
from core.repository.settings import Repository, environment_of

_LARGEST_ANSWER: Final = 512 << 20
_MADE: Final = re.compile(rb"created restic repository ([0-9a-f]+) at ")
_FIRST_S: Final = 90.0  # without a word; of thousands of snapshots a far server takes a while


class Restic:
    """A repository and the program that opens it."""

    def __init__(
        self,
        repository: Repository,
        *,
        environ: Mapping[str, str],
        cache: str | None = None,
        backup_only: bool = False,
    ) -> None:
        """Find the program and read the secrets' places.

        Raises ResticMissing, ConfigurationError. `cache` is a directory for restic's own.
        """
        self.repository = repository
        self.path, self.version = find_restic(environ, backup_only=backup_only)
        self._environ = environment_of(repository, environ, cache=cache)
        self._looked = False

    @property
    def is_new(self) -> bool:
        """Whether this restic can do all that is asked of it."""
        return self.version >= NEEDED

    def call(
        self,
        words: Sequence[bytes | str],
        *,
        limits: CallLimits,
        cwd: str | bytes = "/",
        pass_fds: tuple[int, ...] = (),
        stdin: int | None = None,
        stdout: int | None = None,
    ) -> Call:
        """Start a call. Raises RepositoryError where it cannot be started."""
        options = [word for one in self.repository.options for word in ("-o", one)]
        if self.repository.limit_upload:
            options.append(f"--limit-upload={self.repository.limit_upload}")
        argv = [self.path, *words[:1], "--json", *options, *words[1:]]
        pipes = {"stdin": stdin, "stdout": stdout}
        more: dict[str, Any] = {name: fd for name, fd in pipes.items() if fd is not None}
        return Call(
            argv,
            self.repository,
            self._environ,
            limits=limits,
            cwd=cwd,
            pass_fds=pass_fds,
            succeeded=self._has_answered,
            **more,
        )

    def _has_answered(self) -> None:
        self._looked = True

    def first(self, limits: CallLimits) -> CallLimits:
        """Return the limits of a call that may be the first: it is given few tries then."""
        if self._looked:
            return limits
        return replace(limits, retries=calls.LOOK.retries, first_s=_FIRST_S)

    def answer(self, words: Sequence[bytes | str], *, limits: CallLimits) -> bytes:
        """Run a call and return all that it printed."""
        return b"\n".join(self.lines(words, limits=limits))

    def lines(
        self, words: Sequence[bytes | str], *, limits: CallLimits, largest: int = _LARGEST_ANSWER
    ) -> Iterator[bytes]:
        """Yield the lines of a call, each a sign of progress. Raises as `calls.Call`.

        More than `largest` bytes are refused.
        """
        yield from self._followed(self.call(words, limits=self.first(limits)), largest)

    def _followed(self, call: Call, largest: int) -> Iterator[bytes]:
        taken = 0
        for line in call.lines():
            call.progressed()
            taken += len(line)
            if taken > largest:
                call.end()
                raise RepositoryError("restic said more than can be understood.")
            yield line
        call.check()

    def look(self) -> None:
        """See that the repository answers, and that the password opens it."""
        if not self._looked:
            for _ in self.lines(("cat", "config"), limits=calls.LOOK):
                pass

    def init(self) -> str:
        """Make the repository; return its id."""
        for line in self.lines(("init",), limits=calls.LOOK):
            made = _MADE.match(line)
            if made is not None:  # restic 0.14 has no JSON of it
                return made[1].decode()
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return str(json.loads(line)["id"])
        return ""

    def snapshots(self, *tags: str) -> list[dict[str, Any]]:
        """Return the snapshots that have all these tags, as restic lists them."""
        return self.asked_snapshots(self.ask_snapshots(*tags))

    def ask_snapshots(self, *tags: str, lock: bool = False) -> Call:
        """Begin to list the snapshots that have all these tags; `asked_snapshots` follows.

        With `lock` it ends as a backup would where somebody else has the repository alone.
        """
        words = ["snapshots"] + ([] if lock else ["--no-lock"])
        words += [f"--tag={','.join(tags)}"] if tags else []
        return self.call(words, limits=self.first(calls.LIST))

    def asked_snapshots(self, call: Call) -> list[dict[str, Any]]:
        """Return the snapshots of a call that was begun. Raises RepositoryError."""
        call.waited()
        try:
            rows = json.loads(b"\n".join(self._followed(call, _LARGEST_ANSWER)) or b"[]")
        except (ValueError, RecursionError) as error:
            raise RepositoryError("The list of restic's snapshots cannot be read.") from error
        return [row for row in rows or [] if isinstance(row, dict)]

    def dump(self, snapshot: str, path: str, *, limit: int) -> bytes:
        """Return one small file of a snapshot. Raises RepositoryError beyond `limit` bytes."""
        pieces, taken = list[bytes](), 0
        for line in self.lines(("dump", "--no-lock", snapshot, path), limits=calls.LIST):
            taken += len(line) + 1
            if taken > limit:
                raise RepositoryError(f"{path} in the repository is larger than it can be.")
            pieces.append(line)
        return b"\n".join(pieces)

    def unlock(self) -> None:
        """Remove locks that restic finds stale: of dead processes of this host, or old ones."""
        self.answer(("unlock",), limits=calls.LIST)

    def exclusive(self, act: Callable[[], None]) -> None:
        """Run a call that needs the repository alone; a stale lock is removed first, once."""
        try:
            act()
        except RepositoryLocked:
            self.unlock()
            act()


def cache_directory(state: str) -> str:
    """Return where restic keeps its cache of a store's repositories: in the store's own state."""
    return os.path.join(state, "restic")


__all__ = ["Restic", "Version", "cache_directory"]
