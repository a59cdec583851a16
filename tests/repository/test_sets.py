"""Sets are whole, or their missing parts are named; forgetting never tears one apart."""

import pytest

from core.errors import ConfigurationError, RepositoryError, SetNotFound
from core.events import Kind
from core.repository.forgetting import UNFINISHED_FOR_S, old_unfinished
from core.repository.patterns import patterns
from core.repository.sets import choose_set, from_json, read_holdings, tags_of
from core.repository.settings import Repository

CODE, DB, MANIFEST, OTHER = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)


def row(identity, kind, *tags, timestamp=1700000000):
    return {
        "id": identity,
        "time": "2023-11-14T22:13:20.123456789Z",
        "tags": [*tags_of("shop", timestamp, kind), *tags],
        "paths": ["/srv/shop"],
        "summary": {"total_bytes_processed": 10},
    }


WHOLE = [
    row(CODE, "code"),
    row(DB, "db"),
    row(MANIFEST, "manifest", f"code={CODE}", f"db={DB}"),
]


def test_a_set_counts_with_its_manifest_and_all_that_it_names():
    (one,) = read_holdings(WHOLE, "off").sets
    assert (one.is_whole, one.bytes, set(one.parts)) == (True, 20, {Kind.CODE, Kind.DB})
    assert one.ids[0] == MANIFEST
    without = read_holdings(WHOLE[:2], "off")
    assert without.sets == ()
    assert len(without.unfinished) == 2
    (torn,) = read_holdings(WHOLE[1:], "off").sets
    assert torn.missing == (Kind.CODE,)
    with pytest.raises(SetNotFound, match="the snapshot of code is missing"):
        choose_set(read_holdings(WHOLE[1:], "off"), "1700000000", repository="off")
    with pytest.raises(SetNotFound, match="no complete set"):
        choose_set(read_holdings(WHOLE[1:], "off"), "latest", repository="off")


def test_a_snapshot_of_another_kind_is_no_part():
    rows = [row(OTHER, "media"), row(MANIFEST, "manifest", f"code={OTHER}")]
    (one,) = read_holdings(rows, "off").sets
    assert one.missing == (Kind.CODE,)


def test_the_latest_is_the_newest_with_the_kinds_that_are_asked_for():
    newer = row("5" * 64, "media", timestamp=1700000100)
    rows = [*WHOLE, newer]
    rows.append(row("6" * 64, "manifest", f"media={newer['id']}", timestamp=1700000100))
    found = read_holdings(rows, "off")
    assert choose_set(found, "latest", repository="off").timestamp == 1700000100
    chosen = choose_set(found, "latest", repository="off", kinds=(Kind.DB,))
    assert chosen.timestamp == 1700000000


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"id": "x", "tags": ["magerewind", "kind=code", "set=1"]},
        {"id": CODE, "tags": ["magerewind", "kind=code", "set=-1"]},
        {"id": CODE, "tags": ["magerewind", "kind=other", "set=1"]},
        {"id": CODE, "tags": None},
    ],
)
def test_snapshots_of_others_are_nobody_s_sets(odd):
    found = read_holdings([odd, *WHOLE], "off")
    assert (len(found.sets), found.unfinished) == (1, ())


def test_what_may_still_be_sent_is_not_forgotten():
    found = read_holdings(WHOLE[:2], "off")
    then = found.unfinished[0].time_s
    assert old_unfinished(found, then + 10) == ()
    assert len(old_unfinished(found, then + UNFINISHED_FOR_S + 1)) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"format": 99}', b"\xff", b'{"format":1}']
)
def test_a_manifest_that_is_none_ends_with_a_line(content):
    with pytest.raises(RepositoryError, match="manifest of the set cannot be read"):
        from_json(content)


def test_patterns_match_one_path_and_no_other():
    found = patterns([b"/a[1]*?\\$HOME", b"/tail ", b"/new\nline", b"/plain"])
    assert found.content == b"/a\\[1\\]\\*\\?\\\\$$HOME\n/plain\n"
    assert found.words == (b"/tail ", b"/new\nline")
    with pytest.raises(RepositoryError, match="names have line ends"):
        patterns(b"/%d\n" % number for number in range(1001))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "rest:https://me:secret@host/"}, "holds a password"),
        ({"url": ""}, "A url of"),
        ({"url": "backups/shop"}, "does not begin with a slash"),
        ({"url": "local:./shop"}, "does not begin with a slash"),
        ({"url": "/x", "password_file": None}, "A password_file or a password_command"),
        ({"url": "/x", "name": "local"}, "no name for a repository"),
    ],
)
def test_a_repository_that_would_give_its_secret_away_is_refused(fields, message):
    known = {"name": "off", "password_file": "/key", **fields}
    with pytest.raises(ConfigurationError, match=message):
        Repository(**known)
