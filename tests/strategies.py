"""Hypothesis strategies for any event."""

from hypothesis import strategies as st

from core import events
from core.events import Kind, Operation, Outcome, Step
from core.field_types import field_types

TEXT = st.text() | st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
VALUES = {
    "str": TEXT,
    "str | None": TEXT | st.none(),
    "int": st.integers(0, 2**60),
    "int | None": st.integers(0, 2**60) | st.none(),
    "float": st.floats(0, 1e9, allow_nan=False),
    "bool": st.booleans(),
    "tuple[str, ...]": st.lists(TEXT, max_size=4).map(tuple),
    "tuple[int, ...]": st.lists(st.integers(-1, 2**60), max_size=4).map(tuple),
    "Kind": st.sampled_from(Kind),
    "Kind | None": st.sampled_from(Kind) | st.none(),
    "tuple[Kind, ...]": st.lists(st.sampled_from(Kind), max_size=3).map(tuple),
    "Step": st.sampled_from(Step),
    "Outcome": st.sampled_from(Outcome),
    "Operation": st.sampled_from(Operation),
}


def any_event(cls):
    fields = {name: VALUES[kind] for name, kind in field_types(cls).items()}
    return st.builds(cls, **fields)


ANY_EVENT = st.sampled_from(list(events.EVENT_TYPES.values())).flatmap(any_event)
