"""Times of a dump that sets no time zone, on servers of any zone."""

from __future__ import annotations

import pytest

from core.database.load.server_check import check_against_server, check_dump
from core.database.server.connection import connect
from tests.database.server_settings import setting
from tests.database.shop_flow import fill, roll_back, write

ROW = (
    "CREATE TABLE z (id int PRIMARY KEY, ts timestamp NOT NULL);\n"
    "INSERT INTO z VALUES (1,'2024-07-01 12:00:00');\n"
)
NOON = 1719835200
MAGENTO = (
    "-- Magento DB backup\n--\n-- Host: localhost    Database: x\n"
    "-- ------------------------------------------------------\n"
)
ZONES = [("+05:30", NOON - 19800), ("-03:00", NOON + 10800), ("SYSTEM", NOON)]


def asked(path, settings):
    return check_against_server(check_dump(path, schema=settings.schema), settings, partial=True)


def warned(found):
    return [(one.message, one.names) for one in found.warnings if one.code == "time-zone"]


def instant(settings):
    with connect(settings) as connection:
        return connection.scalar("SELECT UNIX_TIMESTAMP(ts) FROM z")


@pytest.mark.parametrize(("zone", "expected"), ZONES)
@pytest.mark.parametrize("start", ["", "-- MySQL dump 10.13\n", "SET TIME_ZONE=DEFAULT;\n"])
def test_a_dump_without_a_zone_means_what_it_means_to_the_client(
    server, schema, tmp_path, zone, expected, start
):
    path = write(tmp_path, start + ROW)
    if start.startswith("--"):
        path = write(tmp_path, start + ROW + "-- Dump completed on 2024-07-01 12:00:00\n")
    with setting(server, "time_zone", f"'{zone}'", "'SYSTEM'"):
        found = asked(path, schema)
        roll_back(path, schema, tmp_path)
        ours = instant(schema)
        fill(server, schema.schema, "DROP TABLE z;" + ROW)
        assert instant(schema) == ours
    assert found.problems == ()
    if zone != "SYSTEM":
        assert ours == expected
        ((message, names),) = warned(found)
        assert f"{zone}, as its client would" in message
        assert names == ("z",)


@pytest.mark.parametrize("zone", ["+05:30", "-03:00"])
@pytest.mark.parametrize("start", [MAGENTO, "SET TIME_ZONE='+00:00';\n"])
def test_a_writer_that_is_known_to_mean_utc_is_taken_so(server, schema, tmp_path, zone, start):
    path = write(tmp_path, f"{start}{ROW}-- Dump completed on GMT 2024-07-01\n")
    with setting(server, "time_zone", f"'{zone}'", "'SYSTEM'"):
        found = asked(path, schema)
        roll_back(path, schema, tmp_path)
    assert (instant(schema), warned(found)) == (NOON, [])


def test_nothing_is_said_where_no_time_depends_on_it(server, schema, tmp_path):
    path = write(tmp_path, "CREATE TABLE z (d datetime);\nINSERT INTO z VALUES ('2024-07-01');\n")
    with setting(server, "time_zone", "'+05:30'", "'SYSTEM'"):
        assert warned(asked(path, schema)) == []


def test_an_event_without_a_zone_runs_by_that_of_the_server(server, schema, tmp_path):
    text = ROW + "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM z;\n"
    path = write(tmp_path, text)
    with setting(server, "time_zone", "'+05:30'", "'SYSTEM'"):
        ((_, names),) = warned(asked(path, schema))
        assert names == ("z", "e")
        roll_back(path, schema, tmp_path)
    zone = server.run(
        f"SELECT TIME_ZONE FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{schema.schema}'"
    )
    assert zone.split() == ["TIME_ZONE", "+05:30"]


def test_a_zone_that_the_server_does_not_know_is_a_problem(schema, tmp_path):
    path = write(tmp_path, f"SET time_zone = 'Mars/Olympus';\n{ROW}")
    (problem,) = asked(path, schema).problems
    assert "does not know the time zone 'Mars/Olympus'" in problem
