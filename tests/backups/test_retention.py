"""Retention against a model that says of each set by itself whether it stays."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.backups.duration import Duration, parse_duration
from core.backups.manifest import Manifest
from core.backups.order import times_in_doubt
from core.backups.retention import (
    NUMBERED,
    UNLIMITED,
    Candidate,
    RetentionPolicy,
    Rule,
    SoundState,
    decide,
)
from core.backups.stripped import STRIPPED, tables_without_rows
from core.database.dump.strip import resolve
from core.events import Kind

NOW = 1_790_000_000
DAY = 86_400
SOUND, UNCHECKED, DAMAGED = SoundState


def a_set(time_s, *, id_=None, **more):
    more.setdefault("kinds", {"db": SOUND})
    return Candidate(id=id_ or str(time_s), time_s=time_s, **more)


# The model: formats instead of tuples, sets of texts instead of counters, one set at a time.
FORMATS = {"daily": "%Y%m%d", "weekly": "%G%V", "monthly": "%Y%m", "yearly": "%Y"}


def bucket_of(rule, one):
    if rule == "last":
        return one.id
    return dt.datetime.fromtimestamp(one.time_s, dt.UTC).strftime(FORMATS[rule])


def newer(one, other):
    return (one.time_s, [-ord(c) for c in one.id]) > (other.time_s, [-ord(c) for c in other.id])


def model_rule(rule, number, one, others):
    """Whether a numbered rule keeps `one`, where `others` are all that take places besides it."""
    if number == 0:
        return False
    above = [other for other in others if newer(other, one)]
    spent = {bucket_of(rule, other) for other in above}
    if number != UNLIMITED and len(spent) >= number:
        return False
    is_oldest = len(above) == len(others)
    return bucket_of(rule, one) not in spent or is_oldest


def model_within(span, one, others):
    if not span:
        return False
    latest = max([one.time_s, *(other.time_s for other in others)])
    when = dt.datetime.fromtimestamp(latest, dt.UTC)
    month = when.month - span.months
    year = when.year - span.years
    while month < 1:
        month, year = month + 12, year - 1
    start = dt.datetime(year, month, 1, tzinfo=dt.UTC)
    start += dt.timedelta(days=when.day - 1 - span.days, hours=when.hour - span.hours)
    start += dt.timedelta(minutes=when.minute, seconds=when.second)
    return one.time_s > start.timestamp()


def model_stays(one, sets, policy, now_s):
    if one.marked or one.needed_by or one.foreign or one.in_doubt or one.time_s > now_s:
        return True
    sets = [other for other in sets if other.time_s <= now_s and not other.in_doubt]
    for kind, standing in one.kinds.items():
        peers = [other for other in sets if kind in other.kinds]
        others = [other for other in peers if other is not one and other.kinds[kind] is not DAMAGED]
        if any(model_rule(rule, getattr(policy, rule), one, others) for rule in NUMBERED):
            return True
        if model_within(policy.within, one, others):
            return True
        for wanted in ({SOUND}, {SOUND, UNCHECKED}, set(SoundState)):
            of_that = [other for other in peers if other.kinds[kind] in wanted]
            if of_that:
                if not any(newer(other, one) for other in of_that) and standing in wanted:
                    return True
                break
    return False


numbers = st.sampled_from([0, 0, 1, 2, 3, 7, UNLIMITED])
spans = st.builds(
    Duration,
    years=st.integers(0, 2),
    months=st.integers(0, 14),
    days=st.integers(0, 40),
    hours=st.integers(0, 30),
)
policies = st.builds(
    RetentionPolicy,
    **dict.fromkeys(NUMBERED, numbers),
    within=st.one_of(st.just(Duration()), spans),
).filter(bool)
times = st.one_of(
    st.integers(0, 40).map(lambda days: NOW - days * DAY // 2),
    st.integers(0, 60).map(lambda months: NOW - months * 30 * DAY),
    st.integers(NOW - 3 * DAY, NOW + 3 * DAY),
    st.integers(0, NOW + 400 * DAY),
)
rarely = st.integers(0, 9).map(lambda number: number == 0)


@st.composite
def histories(draw):
    made = []
    for number in range(draw(st.integers(0, 14))):
        kinds = draw(
            st.dictionaries(
                st.sampled_from(["code", "media", "db", STRIPPED]),
                st.sampled_from([SOUND, SOUND, SOUND, UNCHECKED, DAMAGED]),
            )
        )
        made.append(
            Candidate(
                id=f"{number:02}",
                time_s=draw(times),
                kinds=kinds,
                marked=draw(rarely),
                needed_by="a job" if draw(rarely) else "",
                in_doubt=draw(rarely),
                foreign=() if kinds else ("db",),
            )
        )
    return made


@settings(max_examples=60, deadline=None, derandomize=True)
@given(histories(), policies)
def test_each_set_is_decided_as_the_model_says(sets, policy):
    decided = decide(sets, policy, now_s=NOW, zone=dt.UTC)
    assert sorted(one.candidate.id for one in decided) == sorted(one.id for one in sets)
    for decision in decided:
        expected = model_stays(decision.candidate, sets, policy, NOW)
        assert decision.keep is expected, decision
        assert decision.reasons


@settings(max_examples=60, deadline=None, derandomize=True)
@given(histories(), policies, st.randoms(use_true_random=False))
def test_a_kill_between_deletions_never_dooms_another_set(sets, policy, random):
    doomed = {d.candidate.id for d in decide(sets, policy, now_s=NOW, zone=dt.UTC) if not d.keep}
    left = []
    for one in sets:
        # Any of its files may be gone already.
        gone = [kind for kind in one.kinds if one.id in doomed and random.random() < 0.5]
        kinds = {kind: standing for kind, standing in one.kinds.items() if kind not in gone}
        if kinds or not one.kinds:
            left.append(
                Candidate(
                    id=one.id,
                    time_s=one.time_s,
                    kinds=kinds,
                    marked=one.marked,
                    needed_by=one.needed_by,
                    in_doubt=one.in_doubt,
                    foreign=one.foreign,
                )
            )
    again = {d.candidate.id for d in decide(left, policy, now_s=NOW, zone=dt.UTC) if not d.keep}
    assert again == doomed & {one.id for one in left}


def doomed_at(sets, policy, now_s):
    decided = decide(sets, policy, now_s=now_s, zone=dt.UTC)
    return {one.candidate.id for one in decided if not one.keep}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(histories(), policies, st.integers(0, NOW + 1000 * DAY))
def test_no_clock_dooms_what_the_latest_would_keep(sets, policy, now_s):
    """A clock that is behind sees fewer sets, and dooms no set that a later one keeps."""
    assert doomed_at(sets, policy, now_s) <= doomed_at(sets, policy, NOW + 2000 * DAY)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(histories(), policies, st.integers(0, 3000))
def test_a_clock_that_is_ahead_of_all_sets_changes_nothing(sets, policy, days):
    past = [one for one in sets if one.time_s <= NOW]
    decided = decide(past, policy, now_s=NOW, zone=dt.UTC)
    assert decide(past, policy, now_s=NOW + days * DAY, zone=dt.UTC) == decided


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 20), unique=True, max_size=8))
def test_in_doubt_is_what_not_all_of_the_longest_rising_rows_have(moments):
    rows = [
        frozenset(row)
        for size in range(len(moments), -1, -1)
        for row in itertools.combinations(moments, size)
        if list(row) == sorted(row)
    ]
    longest = [row for row in rows if len(row) == len(rows[0])]
    trusted = frozenset(moments).intersection(*longest)
    numbered = [(number, moment) for number, moment in enumerate(moments, 1)]
    unnumbered = [(0, 21), (0, 22), (99, 23), (99, 24)]  # of before, and copies
    assert times_in_doubt([*numbered, *unnumbered]) == frozenset(moments) - trusted


def test_a_set_of_the_code_alone_displaces_no_database():
    old = a_set(NOW - 9 * DAY, kinds={"code": SOUND, "db": SOUND})
    new = [a_set(NOW - day * DAY, kinds={"code": SOUND}) for day in range(5)]
    decided = decide([old, *new], RetentionPolicy(last=1), now_s=NOW)
    kept = {one.candidate.id: one for one in decided if one.keep}
    assert set(kept) == {new[0].id, old.id}
    assert [(reason.rule, reason.kinds) for reason in kept[old.id].reasons] == [
        (Rule.LAST, ("db",)),
        (Rule.NEWEST, ("db",)),
    ]


def test_the_newest_sound_one_stays_below_newer_unchecked_and_damaged_ones():
    sets = [
        a_set(NOW, kinds={"db": DAMAGED}),
        a_set(NOW - DAY, kinds={"db": UNCHECKED}),
        a_set(NOW - 2 * DAY, kinds={"db": SOUND}),
        a_set(NOW - 3 * DAY, kinds={"db": SOUND}),
    ]
    decided = decide(sets, RetentionPolicy(last=1), now_s=NOW)
    assert [one.keep for one in decided] == [True, True, True, False]


@pytest.mark.parametrize("prefix", ["", "m2_"])
@pytest.mark.parametrize(
    ("words", "without"),
    [
        (("@stripped", "@idx", "@aggregated"), ()),
        (("@log", "customer_entity"), ("customer_entity",)),
        (("*",), ("core_config_data", "customer_entity", "sales_order")),
        ((), ()),
    ],
)
def test_only_tables_with_rows_of_value_make_a_dump_a_stripped_one(prefix, words, without):
    names = ("core_config_data", "customer_entity", "customer_log", "sales_order", "session")
    rows = dict.fromkeys([f"{prefix}{name}" for name in (*names, "catalog_idx")], 7)
    dump = Manifest(
        file_name="1_db.sql", kind=Kind.DB, timestamp=1, size_bytes=1, sha256="", made_by="",
        host="", root="", created="", elapsed_s=0, verified=True, rows=rows,
        stripped=resolve(words, rows, prefix=prefix),
    )  # fmt: skip
    assert tables_without_rows(dump) == tuple(f"{prefix}{name}" for name in without)


def test_stripped_dumps_displace_no_full_one_and_are_counted_by_themselves():
    full = [a_set(NOW - day * DAY) for day in (7, 8)]
    stripped = [a_set(NOW - day * DAY, kinds={STRIPPED: SOUND}) for day in range(5)]
    decided = decide([*full, *stripped], RetentionPolicy(last=1), now_s=NOW)
    kept = [one.candidate.id for one in decided if one.keep]
    assert kept == [stripped[0].id, full[0].id]


def test_a_month_back_from_the_31st_is_what_restic_says():
    march = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC).timestamp()
    before = dt.datetime.fromtimestamp(Duration(months=1).before(march, dt.UTC), dt.UTC)
    assert before == dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["30d", "1y5m7d2h", "2h", "12m", " 7d "])
def test_a_duration_reads_back(text):
    assert str(parse_duration(text)) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "d", "30", "30 d", "-3d", "3s", "1.5d", "٣d", "1d ", "9999999d", "1d\n2h"]
)
def test_what_is_no_duration_is_refused(text):
    if text == "1d ":
        assert parse_duration(text) == Duration(days=1)
        return
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(policies)
@settings(max_examples=50, deadline=None, derandomize=True)
@example(RetentionPolicy(last=UNLIMITED, within=Duration(years=1, hours=3)))
def test_a_policy_reads_back_from_its_words(policy):
    assert RetentionPolicy.from_words(policy.words) == policy


def test_times_at_the_ends_of_the_calendar_are_decided():
    sets = [a_set(0), a_set(1), a_set(999_999_999_999)]
    policy = RetentionPolicy(last=1, within=Duration(years=9999))
    assert all(one.keep for one in decide(sets, policy, now_s=NOW))


def days_kept(policy, *moments):
    sets = [a_set(int(dt.datetime(*when, tzinfo=dt.UTC).timestamp())) for when in moments]
    decided = decide(sets, policy, now_s=NOW * 2, zone=dt.UTC)
    return [one.keep for one in sorted(decided, key=lambda one: one.candidate.time_s)]


def test_the_oldest_stays_while_a_rule_has_numbers_left():
    twice_a_day = [(2026, 1, 1, 1), (2026, 1, 1, 9), (2026, 1, 2, 1), (2026, 1, 2, 9)]
    assert days_kept(RetentionPolicy(daily=3), *twice_a_day) == [True, True, False, True]
    assert days_kept(RetentionPolicy(daily=2), *twice_a_day) == [False, True, False, True]


def test_what_is_just_as_old_as_the_span_goes():
    moments = [(2026, 1, 1, 12), (2026, 1, 1, 13), (2026, 1, 31, 12)]
    assert days_kept(RetentionPolicy(within=Duration(days=30)), *moments) == [False, True, True]
