"""The names of staged and aside tables, and of the objects staged with them.

`_mrs_<job>_<n>` is a staged table, `_mra_<job>_<n>` an aside one; foreign keys that wait for their
real names are `_mrs_<job>_f<n>`, guards of staged tables `_mrs_<job>_g<n>`. A name tells its job
and that it is ours, nothing more: the table behind it is in the journal.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

STAGED: Final = "_mrs_"
ASIDE: Final = "_mra_"
SHORT_LENGTH: Final = 20
_OURS: Final = re.compile(r"_mr[sa]_([0-9A-Za-z]{1,20})_[a-z]?\d+")


def short_id(job_id: str) -> str:
    """Return a job's id in the form used in names: letters and digits, at most 20."""
    plain = re.sub(r"[^0-9A-Za-z]", "", job_id)
    if 0 < len(plain) <= SHORT_LENGTH:
        return plain
    return hashlib.sha256(job_id.encode("utf-8", "surrogateescape")).hexdigest()[:SHORT_LENGTH]


def staged_name(short: str, number: int) -> str:
    """Return the name of a staged table."""
    return f"{STAGED}{short}_{number}"


def copy_name(short: str, number: int) -> str:
    """Return the name of an empty copy of a table, on which something is tried."""
    return f"{STAGED}{short}_p{number}"


def guard_name(short: str, number: int) -> str:
    """Return the name of a table that keeps rows of a staged one from being deleted."""
    return f"{STAGED}{short}_g{number}"


def aside_name(short: str, number: int) -> str:
    """Return the name of an aside table."""
    return f"{ASIDE}{short}_{number}"


def deferred_key_name(short: str, number: int) -> str:
    """Return the name of a foreign key that waits for its real one."""
    return f"{STAGED}{short}_f{number}"


def deferred_check_name(short: str, number: int) -> str:
    """Return the name of a CHECK constraint that waits for its real one."""
    return f"{STAGED}{short}_c{number}"


def owner_of(name: str) -> str | None:
    """Return the short id in the name of a staged or aside table, None for any other name."""
    found = _OURS.fullmatch(name)
    return found.group(1) if found else None
