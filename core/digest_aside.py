"""A SHA-256 that is computed beside the work of the caller."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor


class DigestAside:
    """SHA-256 by a thread of its own, which lets go of the interpreter's lock.

    One piece is hashed while the next one is read and taken apart.
    """

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1, "digest")
        self._underway: Future[None] | None = None

    def update(self, content: bytes) -> None:
        """Add bytes; waits until the last ones are hashed."""
        self._settle()
        self._underway = self._thread.submit(self._sha.update, content)

    def _settle(self) -> None:
        if self._underway is not None:
            self._underway.result()

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""
        self._settle()
        return self._sha.hexdigest()

    def close(self) -> None:
        """End the thread; may be called again."""
        self._thread.shutdown()
