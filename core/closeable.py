"""The end of a `with`: one form for all values that hold descriptors or connections."""

from __future__ import annotations

from typing import Self


class Closeable:
    """A value that the end of a `with` closes."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Release everything held; may be called again."""
        raise NotImplementedError
