"""The order of records, flushes and renames in each kind of job, as it is written down beside.

A crash leaves the flushed state, so recovery relies on this order: no act may go missing or change
places unseen. Where it is meant to change, tests/goldens.py says how.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from core.operations.requests import BackupRequest, DiscardRequest, UndoRequest
from tests.goldens import hold_against
from tests.operations.tracing import traced
from tests.shop import ALL, Shop

WRITTEN = Path(__file__).with_name("order")


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory):
    made = Shop.make(tmp_path_factory.mktemp("order") / "store", server, "in_order")
    made.request = made.back_up()
    made.damage()
    return made


def in_words(shop, text):
    """Return the lines of a trace without varying parts; repeated ones once."""
    lines = []
    for line in text.splitlines():
        line = line.replace(f"{shop.root}/var/.magerewind", "STATE")  # noqa: PLW2901
        line = re.sub(r"/\.magerewind\S*-(stage|aside)-\S+", r"/\1", line)  # noqa: PLW2901
        line = re.sub(r"STATE/(stage|aside)-[^/ ]*", r"\1", line)  # noqa: PLW2901
        line = re.sub(r"(stage|aside)/[^ ]*", r"\1/ENTRY", line)  # noqa: PLW2901
        line = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}", "ID", line)  # noqa: PLW2901
        line = re.sub(r"\b\d{10}_", "TIME_", line)  # noqa: PLW2901
        line = re.sub(r"\.\d+\.partial", ".partial", line)  # noqa: PLW2901
        words = []
        for word in line.split(f"{shop.root}"):
            if words and not re.match(r"(/var(/backups\S*|/\.maintenance\.flag)?)?( |$)", word):
                word = re.sub(r"^[^>]*?(?= -> |$)", " LIVE", word)  # noqa: PLW2901
            words.append(word)
        line = " ".join("".join(words).split()).replace("file LIVE", "LIVE")  # noqa: PLW2901
        lines.append(line.replace("directory LIVE", "LIVE"))
    return [line for line, _ in itertools.groupby(lines)]


def check(shop, trace, name):
    lines = in_words(shop, trace.read_text())
    hold_against(WRITTEN / f"{name}.txt", "\n".join(lines) + "\n")


def test_a_backup(shop, tmp_path):
    trace = tmp_path / "trace"
    summary = traced(shop, lambda client: client.start(BackupRequest(kinds=ALL)), trace)
    assert summary.exit_code == 0
    check(shop, trace, "backup")


def test_a_rollback_its_undo_and_the_end_of_that(shop, tmp_path):
    requests = {
        "rollback": lambda _: shop.request,
        "undo": lambda job_id: UndoRequest(job_id=job_id),
        "discard": lambda job_id: DiscardRequest(job_id=job_id),
    }
    job_id = ""
    for name, request in requests.items():
        trace, asked = tmp_path / name, request(job_id)
        summary = traced(shop, lambda client, asked=asked: client.start(asked), trace)
        assert summary.exit_code == 0, (name, summary)
        job_id = summary.job_id
        check(shop, trace, name)


def test_many_files_are_flushed_together(shop, tmp_path):
    summary = traced(
        shop, lambda client: client.start(shop.request), tmp_path / "trace", together=True
    )
    assert summary.exit_code == 0, summary
    check(shop, tmp_path / "trace", "rollback-together")
    undo, trace = UndoRequest(job_id=summary.job_id), tmp_path / "undo"
    summary = traced(shop, lambda client: client.start(undo), trace, together=True)
    assert summary.exit_code == 0, summary
    check(shop, trace, "undo-together")
    discard = DiscardRequest(job_id=summary.job_id)
    traced(shop, lambda client: client.start(discard), tmp_path / "discard")


@pytest.mark.parametrize(
    ("name", "dies"), [("revert", "swap-end:2"), ("forward", "commit:1"), ("tidy", "verified:2")]
)
def test_a_recovery(shop, tmp_path, name, dies):
    request = BackupRequest(kinds=ALL) if name == "tidy" else shop.request
    summary = traced(shop, lambda client: client.start(request), tmp_path / "died", dies=dies)
    assert summary.interrupted
    trace = tmp_path / "trace"
    assert traced(shop, lambda client: client.recover(), trace).exit_code == 0
    check(shop, trace, name)
