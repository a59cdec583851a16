"""Staging tables of finished jobs go with the next rollback; those of strangers stay."""

import os

import pytest

from core.database.schema.names import short_id, staged_name
from core.events import Kind
from tests.shop import Shop


def test_the_next_rollback_drops_what_a_finished_job_left(server, tmp_path):
    shop = Shop.make(tmp_path / "shop", server, "leftovers")
    request = shop.back_up((Kind.DB,))
    finished = os.listdir(shop.store.jobs_directory)[0]
    ours, stranger = staged_name(short_id(finished), 1), staged_name("20200101000000ffff", 1)
    server.run(f"CREATE TABLE {ours} (a INT); CREATE TABLE {stranger} (a INT)", schema=shop.schema)
    assert sorted(shop.leftovers()) == sorted([stranger, ours])
    summary, events = shop.run(request)
    assert summary.exit_code == 0, events
    assert shop.leftovers() == [stranger]
    named = [event.names for event in events if type(event).__name__ == "Noted" and event.names]
    assert (stranger,) in named
    server.run(f"DROP DATABASE {shop.schema}")


@pytest.mark.long
def test_the_scratch_table_of_a_killed_check_goes_with_the_recovery(server, tmp_path):
    shop = Shop.make(tmp_path / "shop", server, "trials")
    request = shop.back_up((Kind.DB,))
    gone = staged_name("trial999999999", 0)
    server.run(
        f"CREATE TABLE {gone} (a INT); CREATE VIEW {gone}_v AS SELECT 1;"
        f"CREATE SEQUENCE {gone}_s; CREATE PROCEDURE {gone}_p () SELECT 1;"
        f"CREATE EVENT {gone}_e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
        schema=shop.schema,
    )
    summary, _ = shop.run(request, fault="journal:2:kill")
    assert summary.interrupted
    assert sorted(shop.leftovers()) == [gone, f"{gone}_s", f"{gone}_v"]
    summary, events = shop.recover()
    assert summary.exit_code == 0, events
    assert shop.leftovers() == []
    assert (
        server.run(
            "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'trials'"
            " UNION SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'trials'"
        ).split()
        == []
    )
    server.run("DROP DATABASE trials")
