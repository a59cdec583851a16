"""Which cells of Magento's tables are secrets: they are masked where rows are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "admin_user": frozenset({"password", "rp_token"}),
    "admin_passwords": frozenset({"password_hash"}),
    "admin_user_session": frozenset({"session_id"}),
    "api_user": frozenset({"api_key"}),
    "customer_entity": frozenset({"password_hash", "rp_token"}),
    "customer_visitor": frozenset({"session_id"}),
    "oauth_consumer": frozenset({"key", "secret"}),
    "oauth_nonce": frozenset({"nonce"}),
    "oauth_token": frozenset({"token", "secret", "verifier"}),
    "persistent_session": frozenset({"key", "info"}),
    "session": frozenset({"session_id", "session_data"}),
    "tfa_user_config": frozenset({"encoded_config"}),
    "vault_payment_token": frozenset({"gateway_token", "details", "public_hash"}),
}
_WORDS: Final = re.compile(
    r"pass(?:word|wd)|secret|token|api_?key|private_?key|crypt_?key|credential", re.IGNORECASE
)
_PATH: Final = re.compile(
    rb"pass|secret|token|key|crypt|credential|private|merchant_?(?:id|pw)|signature|webhook|dsn",
    re.IGNORECASE,
)
_ENCRYPTED: Final = re.compile(rb"[0-9]{1,2}:[0-9]{1,2}:(?:[^:]*:)?[A-Za-z0-9+/=]{8,}")
_CONFIGURATION: Final = "core_config_data"


def secret_cells(table: str, cells: Mapping[str, bytes | None], prefix: str = "") -> frozenset[str]:
    """Return the columns of a row whose cells are secrets. `prefix` is that of the store's tables.

    Tables of other modules are judged by the names of their columns, and all cells by the form in
    which Magento encrypts.
    """
    name = table.removeprefix(prefix).lower()
    named = _COLUMNS.get(name, frozenset())
    found = {
        column
        for column, value in cells.items()
        if value
        and (column.lower() in named or _WORDS.search(column) or _ENCRYPTED.fullmatch(value))
    }
    if name == _CONFIGURATION and _PATH.search(cells.get("path") or b""):
        found.add("value")
    return frozenset(found)
