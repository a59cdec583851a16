"""The definer of a trigger, view, routine or event, and whether this account may set it.

An account may make objects in its own name; in another's only with SUPER, SET USER (MariaDB) or
SET_USER_ID, SET_ANY_DEFINER (MySQL). Only the head of a SHOW CREATE text is ever rewritten.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = r"`(?:[^`]|``)*`"
_HEAD: Final = re.compile(
    rf"(CREATE\s+(?:OR\s+REPLACE\s+)?(?:ALGORITHM\s*=\s*\w+\s+)?)DEFINER\s*=\s*({_NAME}(?:@{_NAME})?)",
    re.IGNORECASE,
)


def definer_text(definer: str) -> str:
    """Return `user@host` as SHOW CREATE writes it: both parts between backticks."""
    user, at, host = definer.rpartition("@")
    if not at:
        user, host = definer, ""
    quoted = "`" + user.replace("`", "``") + "`"
    return quoted + (f"@`{host.replace('`', '``')}`" if host else "")


def with_current_user(create: str) -> str:
    """Return the text of an object with DEFINER=CURRENT_USER in its head."""
    found = _HEAD.match(create)
    if found is None:
        return create
    return f"{found[1]}DEFINER=CURRENT_USER{create[found.end() :]}"


def has_definer(create: str) -> bool:
    """Whether the head of a text names a definer."""
    return _HEAD.match(create) is not None
