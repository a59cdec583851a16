"""A runner that dies, or is failed, at a chosen point. Run in place of `python -m core`.

MAGEREWIND_FAULT holds `<where>:<number>:<what>`, several separated by commas:

    journal:5:kill       SIGKILL just before record 5 is written
    journal:5:killafter  SIGKILL just after it is on disk
    rename:5:kill        SIGKILL just before the fifth rename of a swap
    sql:5:kill           SIGKILL just before the fifth statement that changes the schema
    fsync:5:eio          the fifth fsync fails with EIO (and every later one with :eioall)
    journal:5:server     the database server (its pid in MAGEREWIND_SERVER) is killed there
    journal:5:term       SIGTERM to itself there; also :hup and :int
    sql:5:freeze         the server is stopped (SIGSTOP) there, and SIGTERM comes to the runner
    sql:5:halt           the server is stopped there, and little time is given to it
    swap:1:freeze        the same at the first RENAME TABLE (of what is no trial)
    insert:1:freeze      the same at the first INSERT of a load
    rows:1:freeze        the same at the first question for the rows of a range
    nospacecheck:1:on    the checks beforehand believe in endless space
    journal:5:wait       make MAGEREWIND_GO.waits, wait until the file MAGEREWIND_GO exists
"""

import errno
import os
import re
import signal
import sys
import time

from core import durable
from core.database.server import wire

SIGNALS = {"term": signal.SIGTERM, "hup": signal.SIGHUP, "int": signal.SIGINT}
CHANGES = re.compile(rb"\s*(CREATE|DROP|RENAME|ALTER)\b", re.IGNORECASE)


def faults():
    for fault in filter(None, os.environ.get("MAGEREWIND_FAULT", "").split(",")):
        where, number, what = fault.split(":")
        yield where, int(number), what


class Counter:
    """Counts the passes at one kind of place and triggers the requested fault there."""

    def __init__(self, where):
        self.passed = 0
        self.planned = [(number, what) for place, number, what in faults() if place == where]

    def reach(self, *, after=False):
        if not after:
            self.passed += 1
        for number, what in self.planned:
            if what == "eioall" and self.passed >= number and not after:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            if self.passed == number:
                self.act(what, after=after)

    def act(self, what, *, after):
        if what.endswith("after") is not after:
            return
        what = what.removesuffix("after")
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == "server":
            os.kill(int(os.environ["MAGEREWIND_SERVER"]), signal.SIGKILL)
        elif what == "freeze":
            os.kill(int(os.environ["MAGEREWIND_SERVER"]), signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGTERM)
        elif what == "halt":
            wire.USUAL = wire.HURRIED
            os.kill(int(os.environ["MAGEREWIND_SERVER"]), signal.SIGSTOP)
        elif what == "wait":
            with open(f"{os.environ['MAGEREWIND_GO']}.waits", "w", encoding="ascii"):
                pass
            while not os.path.exists(os.environ["MAGEREWIND_GO"]):
                time.sleep(0.01)
        elif what == "eio":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        elif what in SIGNALS:
            os.kill(os.getpid(), SIGNALS[what])


def wrap(owner, name, counter, *, only=lambda *_: True):
    real = getattr(owner, name)

    def counted(*arguments, **keywords):
        wanted = only(*arguments)
        if wanted:
            counter.reach()
        result = real(*arguments, **keywords)
        if wanted:
            counter.reach(after=True)
        return result

    setattr(owner, name, counted)


def main():
    wrap(durable, "rename_noreplace", Counter("rename"))
    wrap(durable, "fsync", Counter("fsync"))
    # Only now: the imports of these take their names from the wrapped module.
    from core.cli.main import run
    from core.database.server.connection import Connection
    from core.journal import Journal
    from core.operations import database_part, preflight, rollback_plan

    database_part.RECONNECT_FOR_S = 1.0  # no process restarts the server while a test waits
    if "nospacecheck" in os.environ.get("MAGEREWIND_FAULT", ""):
        for module in (preflight, rollback_plan):
            module.space_of = lambda _path: (1 << 60, 1 << 60)
    wrap(Journal, "append", Counter("journal"))

    def changes(_connection, sql, *_):
        raw = sql if isinstance(sql, bytes) else sql.encode("utf-8", "surrogateescape")
        return CHANGES.match(raw) is not None

    def swaps(_connection, sql, *_):
        return isinstance(sql, str) and sql.startswith("RENAME") and "_mrs_trial" not in sql

    def inserts(_connection, sql, *_):
        return isinstance(sql, bytes) and sql.startswith(b"INSERT")

    wrap(Connection, "execute", Counter("sql"), only=changes)
    wrap(Connection, "execute", Counter("insert"), only=inserts)
    wrap(Connection, "execute", Counter("swap"), only=swaps)
    wrap(Connection, "ask", Counter("rows"))
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
