"""Calendar events, compared with systemd's own answers."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess

import pytest

from core.schedule.calendar import interval_s, parse_times

NOW = dt.datetime(2026, 2, 27, 12, 31)  # noqa: DTZ001 - by the wall clock
EVENTS = (
    "daily",
    "hourly",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "02:30",
    "*-*-* 02:30:00",
    "Mon..Fri 03:00",
    "Sat,Sun 04:05:00",
    "Fri..Sun 23:59",
    "*-*-01 04:00",
    "*-02,08-29 00:00",
    "*:0/20",
    "08..18/5:15",
    "Wed",
)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("event", EVENTS)
def test_the_next_moments_are_those_of_systemd(event):
    said = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=4", f"--base-time={NOW} UTC", event],
        env={"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout
    expected = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d):00 UTC", said)
    times = parse_times(event)
    assert times is not None
    found = times.after(NOW)
    assert [f"{next(found):%Y-%m-%d %H:%M}" for _ in expected] == expected


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("daily", "0 0 * * *"),
        ("Mon..Fri 03:00", "0 3 * * 1,2,3,4,5"),
        ("Sun 04:30", "30 4 * * 0"),
        ("*-*-01 04:00", "0 4 1 * *"),
        ("Mon *-*-01 04:00", None),
    ],
)
def test_cron_gets_the_same_moments(event, fields):
    times = parse_times(event)
    assert times is not None
    assert times.cron == fields


@pytest.mark.parametrize(
    "event",
    [
        "",
        "bad",
        "25:00",
        "02:61",
        "Mon..Xyz 02:00",
        "*-13-01",
        "02:30:15",
        "a b c",
        "2026-01-01 02:00",
    ],
)
def test_what_is_not_understood_is_left_to_systemd(event):
    assert parse_times(event) is None


def test_the_longest_pause_counts():
    times = parse_times("Mon..Fri 03:00")
    assert times is not None
    assert interval_s(times, NOW) == 3 * 86_400
