"""A swap, a revert or a forward that dies at any statement or record is brought to its end."""

from __future__ import annotations

import pytest

from core.database.server.connection import Connection
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import revert_tables
from core.journal import Journal
from tests.database.odd_schemas import NEW, OLD
from tests.database.schema_oracle import differences
from tests.database.shop_flow import new_journal
from tests.database.swap.swapped_shop import make_shop


class Killed(BaseException):
    """A process that dies: nothing catches it on the way."""


@pytest.fixture
def shop(server, schema, tmp_path):
    """A live shop that holds OLD, the portrait of it, and a dump and portrait of NEW."""
    return make_shop(server, schema, tmp_path, OLD, NEW)


def _count_statements(monkeypatch, shop, run):
    """Run something and return how many statements it sent."""
    sent = []
    real = Connection._cursor

    def counting(self, sql, *rest):
        sent.append(sql)
        return real(self, sql, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_cursor", counting)
        run()
    return len(sent)


def _kill_at(monkeypatch, at, *, after):
    """Let the process die before, or right after, its statement number `at`."""
    real = Connection._cursor
    seen = [0]

    def dying(self, sql, *rest):
        seen[0] += 1
        if seen[0] > at:
            raise Killed
        if seen[0] == at:
            if not after:
                raise Killed
            with real(self, sql, *rest):
                pass
            raise Killed
        return real(self, sql, *rest)

    monkeypatch.setattr(Connection, "_cursor", dying)


def _crashes(total, most):
    """Numbers of statements to die at: all, or evenly spread ones and the first and last."""
    step = max(1, total // most)
    return sorted({*range(1, total + 1, step), total})


@pytest.mark.parametrize("after", [False, True])
def test_a_swap_that_dies_at_any_statement_is_reverted_whole(monkeypatch, shop, after):
    journal = new_journal(shop.directory)
    staged = shop.stage(journal)
    total = _count_statements(monkeypatch, shop, lambda: shop.swap(staged, journal))
    revert_tables(shop.settings, journal)
    for at in _crashes(total, 8):
        journal = new_journal(shop.directory, f"swap-{at}.jsonl")
        staged = shop.stage(journal)
        with monkeypatch.context() as patch:
            _kill_at(patch, at, after=after)
            with pytest.raises(Killed):
                shop.swap(staged, journal)
        resumed = Journal.resume(journal.path)
        revert_tables(shop.settings, resumed)
        shop.check(shop.old, ours=True)


@pytest.mark.parametrize("after", [False, True])
def test_a_revert_that_dies_at_any_statement_is_done_by_the_next(monkeypatch, shop, after):
    journal = new_journal(shop.directory)
    shop.swap(shop.stage(journal), journal)
    total = _count_statements(monkeypatch, shop, lambda: revert_tables(shop.settings, journal))
    for at in _crashes(total, 8):
        journal = new_journal(shop.directory, f"revert-{at}.jsonl")
        shop.swap(shop.stage(journal), journal)
        with monkeypatch.context() as patch:
            _kill_at(patch, at, after=after)
            with pytest.raises(Killed):
                revert_tables(shop.settings, journal)
        revert_tables(shop.settings, Journal.resume(journal.path))
        shop.check(shop.old, ours=True)


@pytest.mark.parametrize("after", [False, True])
def test_forward_that_dies_anywhere_is_brought_to_its_end(monkeypatch, shop, after):
    """One store is killed over and over, one statement further each time."""
    journal = new_journal(shop.directory)
    shop.swap(shop.stage(journal), journal)
    at, tries = 1, 0
    while True:
        tries += 1
        with monkeypatch.context() as patch:
            _kill_at(patch, at, after=after)
            try:
                forward_tables(shop.settings, journal)
            except Killed:
                at += 3
                journal = Journal.resume(journal.path)
                continue
        break
    assert tries > 8
    shop.check(shop.wanted)
    forward_tables(shop.settings, journal)
    shop.check(shop.wanted)


def test_every_journal_record_is_a_place_to_die(monkeypatch, shop):
    for number in range(1, 6):
        journal = new_journal(shop.directory, f"j{number}.jsonl")
        seen = [0]
        real = Journal.append

        def dying(self, kind, *, _seen=seen, _number=number, _real=real, **payload):
            _seen[0] += 1
            if _seen[0] == _number:
                raise Killed
            return _real(self, kind, **payload)

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "append", dying)
            try:
                shop.swap(shop.stage(journal), journal)
                died = False
            except Killed:
                died = True
        assert died == (number <= 4)
        revert_tables(shop.settings, Journal.resume(journal.path))
        shop.check(shop.old, ours=True)


def test_a_server_that_dies_leaves_the_old_or_the_new(server, shop):
    journal = new_journal(shop.directory)
    shop.swap(shop.stage(journal), journal)
    server.kill()
    server.start()
    forward_tables(shop.settings, journal)
    shop.wanted.pop("rows memory_table", None)
    now = shop.now()
    now.pop("rows memory_table", None)
    assert differences(shop.wanted, now) == {}
