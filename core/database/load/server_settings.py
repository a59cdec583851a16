"""Settings of a server that would change the content of a dump, or stop its load.

Each question returns problems, which are reasons not to start, and warnings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.database.load.dump_check import DumpCheck
from core.database.server.connection import Connection
from core.database.server.dialect import one_line
from core.database.sql.set_statements import SERVER_ZONE, UTC
from core.errors import DatabaseError
from core.events import Warned

Answers = tuple[tuple[str, ...], tuple[Warned, ...]]
"""Problems, and warnings."""

_UNKNOWN_ZONE: Final = 1298


def time_zones(connection: Connection, check: DumpCheck) -> Answers:
    """See whether the server knows the zones of a dump, and its default zone."""
    problems = []
    for zone in check.time_zones:
        try:
            if zone != SERVER_ZONE:
                connection.set_session({"time_zone": zone})
        except DatabaseError as error:
            if error.errno != _UNKNOWN_ZONE:
                raise
            problems.append(
                f"The server does not know the time zone '{one_line(zone)}' that the dump sets; an"
                " administrator loads its tables of zones (mariadb-tzinfo-to-sql)."
            )
    connection.set_session({"time_zone": UTC})
    zone, system = connection.query("SELECT @@GLOBAL.time_zone, @@system_time_zone")[0]
    name = str(system if str(zone).upper() == "SYSTEM" else zone)
    if not check.zoneless or name in {"UTC", UTC}:
        return tuple(problems), ()
    warned = Warned(
        code="time-zone",
        message=f"The dump sets no time zone: times in it are taken for those of the server's"
        f" zone, {one_line(name)}, as its client would.",
        names=check.zoneless,
    )
    return tuple(problems), (warned,)


def engines(connection: Connection, check: DumpCheck, variables: Mapping[str, str]) -> Answers:
    """See whether the server has the engines of a dump, and gives them to tables."""
    known = {
        str(name).upper()
        for name, support, *_ in connection.query("SHOW ENGINES")
        if str(support).upper() in {"YES", "DEFAULT"}
    }
    problems = []
    missing = sorted(set(check.engines) - known)
    if missing:
        problems.append(f"The server has no engine {', '.join(missing)}.")
    forced = variables.get("enforce_storage_engine", "")
    others = [
        f"{one.name} ({one.engine})"
        for one in check.contents
        if one.engine and one.engine.upper() != forced.upper()
    ]
    if not forced or not others:
        return tuple(problems), ()
    warned = Warned(
        code="engine-enforced",
        message=f"The server makes {one_line(forced)} of every table (enforce_storage_engine), so"
        " these are of another engine than in the dump:",
        names=tuple(others),
    )
    return tuple(problems), (warned,)
