"""Events of any text survive their way through a line of JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import events
from core.event_lines import from_line, to_line
from core.events import Stamped
from tests.strategies import ANY_EVENT


@given(ANY_EVENT, st.integers(0, 10**9))
def test_every_event_comes_back_from_its_line(event, seq):
    stamped = Stamped(seq=seq, time_s=1.5, event=event)
    line = to_line(stamped)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert from_line(line) == stamped


def test_a_line_is_json_for_any_reader_also_with_bytes_that_are_not_utf8():
    warned = events.Warned(code="changed", message="m", names=("caf\udce9.php",))
    row = json.loads(to_line(Stamped(seq=1, time_s=2, event=warned)).decode("utf-8"))
    assert row["names"][0] == {"text": "caf\\xe9.php", "b64": "Y2Fm6S5waHA="}
    assert row["v"] == 1


def test_a_reader_ignores_fields_and_types_of_a_later_version():
    line = b'{"v":2,"seq":3,"time_s":1,"type":"CommitReached","colour":"red"}\n'
    assert from_line(line) == Stamped(seq=3, time_s=1.0, event=events.CommitReached())
    assert from_line(b'{"v":2,"seq":3,"time_s":1,"type":"Teleported"}\n') is None


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"v":1}', b"\xff"])
def test_what_is_no_event_is_refused(line):
    with pytest.raises(ValueError):
        from_line(line)
