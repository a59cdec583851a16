"""Each snapshot method on each server: chosen where it should be, and consistent."""

from __future__ import annotations

import threading

import pytest

from core.database.dump.dump import DumpOptions
from core.database.dump.snapshot import SnapshotMethod
from core.database.server.connection import connect
from core.errors import DatabaseError
from tests.matrix.servers import EVERY, server_id, settings_of
from tests.matrix.steps import dump

TABLES = 4
DEADLOCK = 1213
TOTAL = TABLES * 100 * 1000
READER = "SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE, CREATE ROUTINE, ALTER ROUTINE"

# Server, binary log, account, methods that are allowed, the one that is taken.
EVERY_METHOD = [
    ("mariadb", False, "root", tuple(SnapshotMethod), SnapshotMethod.STAGES),
    ("mariadb", True, "root", tuple(SnapshotMethod), SnapshotMethod.STAGES),
    ("mariadb", True, "shop", tuple(SnapshotMethod), SnapshotMethod.POSITIONS),
    ("mariadb", False, "shop", tuple(SnapshotMethod), SnapshotMethod.TABLE_LOCKS),
    ("mariadb", True, "shop", (SnapshotMethod.TABLE_LOCKS,), SnapshotMethod.TABLE_LOCKS),
    ("mariadb", False, "reader", tuple(SnapshotMethod), SnapshotMethod.SINGLE),
    ("mariadb", True, "shop", (SnapshotMethod.SINGLE,), SnapshotMethod.SINGLE),
    ("mysql", False, "root", tuple(SnapshotMethod), SnapshotMethod.GLOBAL_LOCK),
    ("mysql", True, "root", tuple(SnapshotMethod), SnapshotMethod.GLOBAL_LOCK),
    ("mysql", False, "shop", tuple(SnapshotMethod), SnapshotMethod.TABLE_LOCKS),
    ("mysql", True, "shop", tuple(SnapshotMethod), SnapshotMethod.TABLE_LOCKS),
    ("mysql", False, "reader", tuple(SnapshotMethod), SnapshotMethod.SINGLE),
    ("mysql", True, "reader", tuple(SnapshotMethod), SnapshotMethod.SINGLE),
]
CASES = [
    pytest.param(
        (build, log),
        account,
        allowed,
        method,
        id=f"{server_id(build, log)}-{account}-{method.name}",
    )
    for build, log in EVERY
    for name, binary_log, account, allowed, method in EVERY_METHOD
    if (name, binary_log) == (build.name, log)
]


@pytest.fixture
def accounts(rooted, make):
    """Four accounts of money, and beside `shop` one that may only read."""
    statements = ""
    for number in range(TABLES):
        statements += f"CREATE TABLE money{number} (id int PRIMARY KEY, sum bigint);"
        values = ",".join(f"({one},1000)" for one in range(100))
        statements += f"INSERT INTO money{number} VALUES {values};"
    statements += (
        "CREATE TABLE memo (id int PRIMARY KEY) ENGINE=MyISAM; INSERT INTO memo VALUES (1)"
    )
    settings = make(rooted, statements)
    rooted.run(
        "CREATE USER IF NOT EXISTS 'reader'@'localhost' IDENTIFIED BY 'shop';"
        f"GRANT {READER} ON `{settings.schema}`.* TO 'reader'@'localhost'"
    )
    return settings


class Transfers:
    """Moves money between the tables as fast as it can, until it is left.

    It writes to the tables in any order, so LOCK TABLES and a transaction can wait for each other:
    the server ends the transaction (1213), and it is made again, as Magento does.
    """

    def __init__(self, settings):
        self.settings, self.made, self.over = settings, 0, threading.Event()
        self.begun = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        with connect(self.settings, lock_wait_s=60) as connection:
            number = 0
            while not self.over.is_set():
                number += 1
                source, target = number % TABLES, (number // 3 + 1) % TABLES
                try:
                    self._move(connection, source, target, number % 100)
                except DatabaseError as error:
                    if error.errno != DEADLOCK:
                        raise
                    connection.execute("ROLLBACK")
                    continue
                self.made = number
                if number >= 50:
                    self.begun.set()

    @staticmethod
    def _move(connection, source, target, row):
        connection.execute("START TRANSACTION")
        for table, change in ((source, -7), (target, 7)):
            connection.execute(f"UPDATE money{table} SET sum = sum + {change} WHERE id = {row}")
        connection.execute("COMMIT")

    def __enter__(self):
        self.thread.start()
        assert self.begun.wait(60)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.mark.parametrize(("rooted", "account", "allowed", "method"), CASES, indirect=["rooted"])
def test_the_sum_of_all_money_is_kept(rooted, accounts, make, tmp_path, account, allowed, method):
    settings = settings_of(rooted, accounts.schema, account)
    with Transfers(accounts) as transfers:
        before = transfers.made
        for number in range(3):
            path, summary = dump(
                settings, tmp_path / f"{number}.sql", connections=3, methods=allowed
            )
            assert summary.snapshot == method.value
            copy = make(rooted)
            rooted.load(path, copy.schema)
            with connect(settings_of(rooted, copy.schema, "root")) as connection:
                every = " UNION ALL ".join(f"SELECT sum FROM money{n}" for n in range(TABLES))
                assert connection.scalar(f"SELECT SUM(sum) FROM ({every}) t") == TOTAL
        assert transfers.made > before


def test_the_options_know_every_rung():
    assert DumpOptions().methods == tuple(SnapshotMethod)
