"""What the screens show, as pure functions: without an application, for any width."""

from __future__ import annotations

from datetime import UTC

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from core.events import Kind, Operation, Outcome, Progressed, Stamped, Step
from core.jobs.state import JobState, StepState, fold
from tests.tui.recorded_values import NOW_S, began, rollback_stream, sets
from tui.engine.pace import COLUMN_S, Pace
from tui.engine.views import BackupsView, BackupView, ChangedPart, NewerView, SetView
from tui.render import chart, days, facts, listing, steps, text
from tui.render.concern import Concern, concern_lines
from tui.render.job import Canvas, whole_percent, whole_share
from tui.render.sets import changed_line, head_line, set_line
from tui.render.verdict import tasks_of, whole_lines

DAY = 86_400


def at(width: int, glyphs: text.Glyphs = text.UNICODE) -> Canvas:
    return Canvas(width, glyphs, NOW_S)


def one_set(ago_s: float, *kinds: Kind, health: str = "verified") -> SetView:
    moment = int(NOW_S - ago_s)
    return SetView(
        timestamp=moment,
        backups=tuple(
            BackupView(
                name=f"{moment}_{kind}", kind=kind, timestamp=moment, size_bytes=9, health=health
            )
            for kind in kinds
        ),
    )


# Numbers in columns


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (12, "12 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (612_000_000, "612 MB"),
        (999_500_000, "1.0 GB"),
        (5_600_000_000, "5.6 GB"),
        (35_000_000_000, "35 GB"),
        (10**18, "1000 PB"),
    ],
)
def test_a_size_fits_its_column(size: int | None, shown: str) -> None:
    assert text.column_size(size) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("ago_s", "shown"),
    [
        (0, "now"),
        (59, "now"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (11_100, "3 h 5 m"),
        (45_000, "12 h"),
        (DAY + 28_800, "1 d 8 h"),
        (9 * DAY + 23 * 3_600, "9 d 23 h"),
        (34 * DAY, "34 d"),
        (-3_600, "to come"),
    ],
)
def test_an_age_is_in_two_units_below_ten_days(ago_s: float, shown: str) -> None:
    assert text.short_age(NOW_S - ago_s, NOW_S) == shown
    assert len(shown) <= 8


@pytest.mark.parametrize("width", [53, 54, 76, 120])
def test_rows_of_sets_stand_below_their_heads_and_are_never_wider(width: int) -> None:
    head = head_line(width + 2, UTC).plain
    for one in sets():
        row = set_line(one, width, NOW_S, UTC, text.UNICODE).plain
        assert cell_len(row) <= max(width, 53)
        if one.of(Kind.DB) is not None:
            end = head.index(" DB") + 3  # numbers at the right, below their heads
            assert f"  {row}"[end - 1] == "B"
            assert f"  {row}"[end] == " "


# Thirty days


def test_a_day_shows_its_best_set() -> None:
    found = days.day_states(
        [
            one_set(3_600, *Kind),
            one_set(DAY, Kind.DB),
            one_set(DAY + 60, *Kind, health="damaged"),
            one_set(2 * DAY, *Kind, health="damaged"),
            one_set(29 * DAY, *Kind, health="unverified"),
            one_set(31 * DAY, *Kind),
        ],
        NOW_S,
        UTC,
    )
    assert len(found) == 30
    assert found[-1] is days.Day.FULL
    assert found[-2] is days.Day.PART
    assert found[-3] is days.Day.DAMAGED
    assert found[0] is days.Day.FULL
    assert set(found[1:-3]) == {days.Day.NONE}


@pytest.mark.parametrize("width", [30, 58, 59, 100])
@pytest.mark.parametrize("glyphs", [text.UNICODE, text.ASCII])
def test_the_strip_fits(width: int, glyphs: text.Glyphs) -> None:
    states = days.day_states([one_set(0, *Kind)], NOW_S, UTC)
    line = days.strip_line(states, width, glyphs).plain.rstrip()
    assert cell_len(line) <= width
    assert line.endswith(glyphs.day_full)
    assert cell_len(days.dates_line(NOW_S, UTC, width).plain) <= width


def test_only_what_was_read_again_is_said_to_be_verified() -> None:
    unread = [one_set(0, *Kind, health="unverified"), one_set(DAY, Kind.DB)]
    assert "no full set" in days.newest_line(unread, NOW_S).plain
    assert "a day ago" in days.newest_line([*unread, one_set(DAY, *Kind)], NOW_S).plain


# The list of backups


def rows(
    term: str = "", sort: str = "newest", opened: frozenset[int] = frozenset()
) -> listing.SetRows:
    view = BackupsView(directory="", sets=sets(), unknown=("notes.txt",))
    texts = listing.texts_of(view, lambda when: text.local_time(when, UTC))
    return listing.rows_of(view, texts, term=term, sort=sort, opened=opened)


def test_the_filter_looks_at_every_column_and_has_its_own_totals() -> None:
    assert (rows().sets, len(rows().items)) == (4, 5)
    assert rows("damaged").sets == 1
    assert rows("damaged").size_bytes == 12
    assert rows("not read").sets == 2
    assert rows("upgrade 2.4.8 code").sets == 1
    assert rows("2026-10-20").sets == 1
    assert [item.key for item in rows("notes").items] == ["other notes.txt"]
    assert rows("nothing like it").items == ()


def test_sets_are_sorted_and_opened() -> None:
    first = sets()[0].timestamp
    assert [item.one.timestamp for item in rows(sort="oldest").items if item.one][-1] == first
    assert rows(sort="worst").items[0].one.health == "damaged"
    assert rows(sort="largest").items[0].one.timestamp == first
    opened = rows(opened=frozenset({sets()[0].key})).items
    assert [item.backup is not None for item in opened[:4]] == [False, True, True, True]


# What changed


def test_what_changed_has_the_signs_of_a_plan() -> None:
    part = ChangedPart(
        kind=Kind.CODE, changed=1, new=2, gone=304, where=("vendor/magento", "x" * 90)
    )
    row = changed_line(Kind.CODE, part, at(60)).plain
    assert row == "code          ~ 1      + 2    - 304  vendor/magento"
    assert (
        "nothing"
        in changed_line(
            Kind.CODE, ChangedPart(kind=Kind.CODE, changed=0, new=0, gone=0), at(60)
        ).plain
    )
    unfinished = ChangedPart(kind=Kind.CODE, changed=0, new=0, gone=0, whole=False)
    assert "not all was looked at" in changed_line(Kind.CODE, unfinished, at(60)).plain
    assert "?" in changed_line(Kind.CODE, OSError("gone"), at(60)).plain


@pytest.mark.parametrize(
    ("newer", "shown"),
    [
        (NewerView(orders=1, customers=0), "1 order newer"),
        (NewerView(orders=3, customers=2), "3 orders, 2 customers newer"),
        (NewerView(orders=0, customers=0), "no new order, no new customer"),
        (NewerView(uncounted=("orders cannot be counted: x",)), "? orders cannot be counted: x"),
        (OSError("dead"), "? the database does not answer"),
    ],
)
def test_what_is_newer_is_never_said_to_be_none_where_it_is_not_known(newer, shown: str) -> None:
    assert shown in facts.newer_line(newer, at(80)).plain


# Attention


def test_a_concern_is_folded_and_never_cut_and_its_keys_stand_with_it() -> None:
    words = " ".join(f"word{number}" for number in range(40))
    one = Concern(words=words, acts=(("r", "roll back"), ("f5", "look again")))
    shown = "\n".join(row.plain for row in concern_lines([one], 0, 40, 1, text.UNICODE))
    assert all(word in shown.split() for word in words.split())
    assert "[r] roll back" in shown
    assert "[F5] look again" in shown
    assert all(cell_len(row) <= 40 for row in shown.split("\n")[:-1])


def test_the_next_message_comes_first() -> None:
    both = [Concern(words="one"), Concern(words="two")]
    assert concern_lines(both, 1, 40, 1, text.ASCII)[0].plain == "! two"
    assert len(concern_lines(both, 0, 40, 9, text.ASCII)) == 2


# A job


def test_steps_before_closing_are_one_row_and_the_commit_is_marked() -> None:
    events = rollback_stream()
    at_load = [one for one in events if one.time_s < NOW_S - 4 * 3600 + 8.5]
    state = fold(at_load)
    labels = [group.label for group in steps.groups(state)]
    assert labels[0] == "Before closing"
    shown = [steps.group_line(group, state, at(80)).plain for group in steps.groups(state)]
    assert "4 steps" in shown[0]
    (commit,) = [row for row in shown if "Commit" in row]
    assert "point of no return" in commit
    over = fold(events)
    assert not any(
        "point of no" in steps.group_line(g, over, at(80)).plain for g in steps.groups(over)
    )
    assert not any(steps.sign_of(group, text.ASCII)[0] == ">" for group in steps.groups(over))


@pytest.mark.parametrize("height", [3, 5, 40])
def test_steps_keep_to_their_rows_around_the_one_that_runs(height: int) -> None:
    known = [StepState(step=step, outcome=Outcome.DONE, elapsed_s=1.0) for step in list(Step)[:9]]
    running = StepState(step=Step.SWAP, started_s=NOW_S - 5)
    state = JobState(steps=(*known, running, StepState(step=Step.OPEN)))
    shown = steps.step_rows(state, at(60), height)
    assert len(shown) <= height
    assert any("Swap" in row.plain for row in shown)


def test_the_share_of_the_whole_is_never_whole_before_the_end() -> None:
    done = StepState(step=Step.WRITE, kind=Kind.CODE, outcome=Outcome.DONE, total_bytes=10**9)
    half = StepState(
        step=Step.WRITE, kind=Kind.MEDIA, started_s=0, done_bytes=5 * 10**8, total_bytes=10**9
    )
    assert whole_percent(JobState(steps=(done, half))) == 75
    assert whole_share(JobState(steps=(done,))) == 0.99
    assert whole_share(JobState()) == 0.0
    assert whole_share(fold(rollback_stream())) == 1.0


def test_until_the_commit_it_is_said_that_all_can_be_put_back() -> None:
    begun = began(Operation.ROLLBACK, (Kind.DB,), "20261123-030000-abcd")
    commit = StepState(step=Step.COMMIT)
    state = JobState(began=begun, began_s=NOW_S - 9, steps=(commit,))
    shown = "\n".join(row.plain for row in whole_lines(state, 0.5, True, at(100)))
    assert 'Until "Commit" all can be put back' in shown
    assert "50 %" in shown
    assert "0:09 so far" in shown
    gone = whole_lines(state, 0.5, False, at(100))[0].plain
    assert "INTERRUPTED" in gone


def test_what_is_left_to_do_has_its_command() -> None:
    (task,) = tasks_of(fold(rollback_stream()))
    assert "PHP-FPM" in task.words


def moved(time_s: float, done: int, current: str) -> Stamped:
    event = Progressed(step=Step.LOAD, kind=Kind.DB, done_bytes=done, done_items=1, current=current)
    return Stamped(seq=0, time_s=time_s, event=event)


def test_the_pace_of_a_job_is_of_its_events() -> None:
    pace = Pace()
    for time_s, done, table in (
        (0, 0, "a"),
        (2, 200, "a"),
        (4, 400, "b"),
        (10, 1000, "b"),
        (12, 1000, "c"),
    ):
        pace.take(moved(time_s, done, table))
    total = sum(rate * COLUMN_S for rate in pace.rates(40))
    assert total == pytest.approx(1000, rel=0.2)  # the stretch that is not over is left out
    assert pace.slowest == ("b", 8.0)
    assert len(pace.rates(3)) == 3
    assert Pace().rates(5) == ()
    assert Pace().slowest is None


@pytest.mark.parametrize("glyphs", [text.UNICODE, text.ASCII])
def test_the_highest_rate_fills_the_chart(glyphs: text.Glyphs) -> None:
    rows = [row.plain for row in chart.chart_lines([0.0, 50.0, 100.0], 40, 4, glyphs)]
    assert len(rows) == 4
    assert len(rows[0]) == 3
    assert len(chart.chart_lines([1.0] * 300, 200, 4, glyphs)[0].plain) == chart.MOST_COLUMNS
    assert all(not row.plain for row in chart.chart_lines([], 40, 4, glyphs))
    if glyphs is text.ASCII:
        assert "".join(rows).isascii()


@pytest.mark.parametrize("moment", [-(10**12), 0, 10**12 - 1, 10**15])
def test_any_number_in_a_name_is_drawn_as_a_time(moment: int) -> None:
    one = replace(sets()[0], timestamp=moment)
    line = set_line(one, 80, NOW_S, UTC, text.ASCII)
    assert line.cell_length <= 80
    assert len(days.day_states([one], NOW_S, UTC)) == days.DAYS
    assert text.local_time(moment, None)
    assert text.clock_time(moment, UTC)
    assert len(text.short_age(moment, NOW_S)) < 9
