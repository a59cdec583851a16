"""The deployment configuration of a database, as values that are safe to pass on.

A password lives in a `Secret`, whose text never appears in a repr, a format or a traceback.
"""

from __future__ import annotations

from msgspec import Struct


class Secret:
    """A text that shows itself only when asked by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself; only for the moment of use."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a secret is not pickled")


class TlsOptions(Struct, frozen=True, kw_only=True):
    """Files and rule of an encrypted connection, from `driver_options`."""

    key: str | None = None
    cert: str | None = None
    ca: str | None = None
    capath: str | None = None
    cipher: str | None = None
    verify: bool = True


class DatabaseConnection(Struct, frozen=True, kw_only=True):
    """One entry of `db/connection`, resolved: either `socket` or `host` and `port` are used.

    The password is text in which bytes that are not UTF-8 are surrogate escapes.
    """

    name: str
    schema: str
    username: str
    password: Secret
    host: str = "localhost"
    port: int = 3306
    socket: str | None = None
    tls: TlsOptions | None = None
    table_prefix: str = ""
