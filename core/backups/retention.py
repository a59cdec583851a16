"""The backups that a policy keeps: a pure function of the existing sets, the policy and the time.

The rules are restic's (`forget`), applied to each kind by itself, to sets as wholes: a set stays
while a rule keeps it for one of its kinds, so that backups of the code never displace the last one
of the database. The location and the deletion of sets are not known here.

for each kind: its sets, newest first; those of the future, of others, and whose time is in doubt
    are left out
    last N; the newest of each of the last N days, weeks, months, years that have one; within a span
    of the newest; the oldest too, while a rule has numbers left
    the newest sound one, whatever the rules say
a damaged one stays as long as a sound one would in its place, and takes no place
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from core.backups.duration import Duration, excerpt, parse_duration

UNLIMITED: Final = -1
_UNLIMITED_WORDS: Final = frozenset({"unlimited", "-1"})
_LARGEST: Final = 1_000_000


class SoundState(StrEnum):
    """The known state of one kind's content in a set."""

    SOUND = "sound"  # read whole, and found to be right
    UNCHECKED = "unchecked"
    DAMAGED = "damaged"


class Rule(StrEnum):
    """The reason to keep a set; `NONE`: no rule keeps it."""

    LAST = "last"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    WITHIN = "within"
    NEWEST = "newest"  # the newest sound one of its kind
    MARKED = "marked"  # a person said so
    NEEDED = "needed"  # by a job, or an undo
    FOREIGN = "foreign"  # made by another program, or of unknown origin
    FUTURE = "future"  # its time has not come
    CLOCK = "clock"  # its time contradicts the order in which sets were made
    UNRULED = "unruled"  # there is no policy
    NONE = "none"


class Reason(Struct, frozen=True, kw_only=True):
    """A reason to keep a set: a rule, its kinds, and further details."""

    rule: Rule
    kinds: tuple[str, ...] = ()
    detail: str = ""


class RetentionPolicy(Struct, frozen=True, kw_only=True):
    """The numbers of sets to keep; 0 is no such rule, `UNLIMITED` all."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: Duration = field(default_factory=Duration)

    def __bool__(self) -> bool:
        """Return whether any rule keeps anything."""
        return bool(self.words)

    @property
    def words(self) -> tuple[str, ...]:
        """The rules as `daily=7`, from which `from_words` makes the same policy."""
        numbers = {name: getattr(self, name) for name in NUMBERED}
        said = [
            f"{name}={'unlimited' if number == UNLIMITED else number}"
            for name, number in numbers.items()
            if number
        ]
        return (*said, f"within={self.within}") if self.within else tuple(said)

    @classmethod
    def from_words(cls, words: Iterable[str]) -> RetentionPolicy:
        """Return the policy that `words` names. Raises ValueError with one line."""
        numbers: dict[str, int] = {}
        within = Duration()
        for word in words:
            name, _, value = word.partition("=")
            if name == "within":
                within = parse_duration(value)
            elif name in NUMBERED:
                numbers[name] = parse_number(value)
            else:
                raise ValueError(f"{name or 'nothing'} is no rule of retention")
        return cls(within=within, **numbers)


NUMBERED: Final = ("last", "daily", "weekly", "monthly", "yearly")


def parse_number(text: str) -> int:
    """Return how many are to be kept; `unlimited` keeps all. Raises ValueError with one line."""
    if text in _UNLIMITED_WORDS:
        return UNLIMITED
    digits = text.lstrip("0") or text[-1:]
    if not (text.isascii() and text.isdigit() and len(digits) < 8 and int(digits) <= _LARGEST):
        raise ValueError(
            f"a number from 0 to {_LARGEST} is expected, or unlimited (also -1), not "
            f"{excerpt(text)!r}"
        )
    return int(digits)


class Candidate(Struct, frozen=True, kw_only=True):
    """One set as retention sees it; `id` is the caller's own.

    `kinds` are those of its parts that are ours, or may be treated as ours.
    """

    id: str
    time_s: int
    kinds: Mapping[str, SoundState]
    marked: bool = False
    needed_by: str = ""
    foreign: tuple[str, ...] = ()  # its files of other programs
    in_doubt: bool = False  # its time is not to be believed


class Decision(Struct, frozen=True, kw_only=True):
    """Whether a set stays, and why."""

    candidate: Candidate
    reasons: tuple[Reason, ...]

    @property
    def keep(self) -> bool:
        """Whether any reason keeps it."""
        return all(reason.rule is not Rule.NONE for reason in self.reasons)


Bucket = Callable[[dt.datetime, int], tuple[int, ...]]
_BUCKETS: Final[Mapping[Rule, Bucket]] = {
    Rule.LAST: lambda _when, number: (number,),
    Rule.DAILY: lambda when, _: (when.year, when.month, when.day),
    Rule.WEEKLY: lambda when, _: tuple(when.isocalendar()[:2]),
    Rule.MONTHLY: lambda when, _: (when.year, when.month),
    Rule.YEARLY: lambda when, _: (when.year,),
}


class _Counter(Struct):
    """The unused rest of one numbered rule while the sets of one kind are gone through."""

    rule: Rule
    left: int
    newest: tuple[int, ...] | None = None

    def holds(self, when: dt.datetime, number: int, *, counts: bool, is_oldest: bool) -> bool:
        """Tell whether the rule keeps this set; one that `counts` takes a place."""
        if self.left == 0:
            return False
        bucket = _BUCKETS[self.rule](when, number)
        if bucket == self.newest and not is_oldest:
            return False
        if counts:
            self.newest = bucket
            self.left -= self.left > 0
        return True


def _moment(time_s: int, zone: dt.tzinfo | None) -> dt.datetime:
    return dt.datetime.fromtimestamp(time_s, zone)


def _of_kind(
    kind: str, sets: Sequence[Candidate], policy: RetentionPolicy, zone: dt.tzinfo | None
) -> dict[str, list[Rule]]:
    """Return which rules keep which of the sets of one kind; `sets` are newest first."""
    sound = [one for one in sets if one.kinds[kind] is not SoundState.DAMAGED]
    kept: dict[str, list[Rule]] = {one.id: [] for one in sets}
    counters = [_Counter(Rule(name), getattr(policy, name)) for name in NUMBERED]
    newest = sound[0] if sound else sets[0]
    since_s = policy.within.before(newest.time_s, zone) if policy.within else None
    number = 0
    for one in sets:
        counts = one.kinds[kind] is not SoundState.DAMAGED
        is_oldest = number + counts == len(sound)
        when = _moment(one.time_s, zone)
        kept[one.id] += [
            counter.rule
            for counter in counters
            if counter.holds(when, number, counts=counts, is_oldest=is_oldest)
        ]
        if since_s is not None and one.time_s > since_s:
            kept[one.id].append(Rule.WITHIN)
        number += counts
    best = next((one for one in sets if one.kinds[kind] is SoundState.SOUND), newest)
    kept[best.id].append(Rule.NEWEST)
    return kept


def _given(candidate: Candidate, now_s: float) -> list[Reason]:
    """Return the reasons that keep a set under any policy."""
    reasons = []
    if candidate.marked:
        reasons.append(Reason(rule=Rule.MARKED))
    if candidate.needed_by:
        reasons.append(Reason(rule=Rule.NEEDED, detail=candidate.needed_by))
    if candidate.foreign:
        reasons.append(Reason(rule=Rule.FOREIGN, kinds=candidate.foreign))
    if candidate.time_s > now_s:
        reasons.append(Reason(rule=Rule.FUTURE))
    if candidate.in_doubt:
        reasons.append(Reason(rule=Rule.CLOCK))
    return reasons


def decide(
    candidates: Iterable[Candidate],
    policy: RetentionPolicy,
    *,
    now_s: float,
    zone: dt.tzinfo | None = None,
) -> tuple[Decision, ...]:
    """Return for each set whether it stays and why, newest first.

    Days, weeks, months and years are those of `zone` (None: of this machine). A policy without a
    rule keeps all.
    """
    ordered = sorted(candidates, key=lambda one: (-one.time_s, one.id))
    counted = [one for one in ordered if one.time_s <= now_s and not one.in_doubt]
    by_rule: dict[str, dict[Rule, list[str]]] = {one.id: {} for one in ordered}
    for kind in dict.fromkeys(kind for one in counted for kind in one.kinds):
        of_kind = [one for one in counted if kind in one.kinds]
        for id_, rules in _of_kind(kind, of_kind, policy, zone).items():
            for rule in rules:
                by_rule[id_].setdefault(rule, []).append(kind)
    return tuple(
        Decision(candidate=one, reasons=_reasons(one, by_rule[one.id], policy, now_s))
        for one in ordered
    )


def _reasons(
    candidate: Candidate, rules: Mapping[Rule, list[str]], policy: RetentionPolicy, now_s: float
) -> tuple[Reason, ...]:
    by_rule = [Reason(rule=rule, kinds=tuple(rules[rule])) for rule in Rule if rule in rules]
    reasons = (*_given(candidate, now_s), *by_rule)
    if reasons:
        return reasons
    return (Reason(rule=Rule.NONE if policy else Rule.UNRULED),)
