"""The file of metrics: whole or not at all, readable by others, failures counted on."""

import os
import re

import pytest

from core.backups.manifest import Manifest, write_manifest
from core.backups.place import open_backups
from core.errors import MagerewindError
from core.events import Kind
from core.notify.metrics import write_metrics
from tests.notify.facts import DONE, FAILED

SAMPLE = re.compile(r'^(\w+)\{((?:\w+="(?:[^"\\\n]|\\.)*",?)+)\} (\S+)$')


def samples(path):
    found = {}
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, line
            found[match[1], match[2]] = float(match[3])
    return found


@pytest.fixture
def backups(tmp_path):
    place = tmp_path / "var/backups"
    place.mkdir(parents=True)
    ours = (1700000000, 100, 60.0), (1700000500, 200, 70.0), (1800000000, 300, 80.0)
    with open_backups(str(place)) as held:
        for timestamp, size, elapsed_s in ours:
            name = f"{timestamp}_filesystem_media.tgz"
            (place / name).write_bytes(bytes(size))
            unknown = dict.fromkeys(("made_by", "host", "root", "created", "sha256"), "")
            described = Manifest(
                file_name=name, kind=Kind.MEDIA, timestamp=timestamp, size_bytes=size,
                elapsed_s=elapsed_s, verified=True, **unknown,
            )  # fmt: skip
            write_manifest(held, described)
    (place / "1700000550_filesystem_media.tgz").write_bytes(bytes(400))  # of unknown origin
    return str(place)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "collector").mkdir()
    return tmp_path / "collector/shop.prom"


def test_the_newest_of_each_kind_and_the_last_job_are_told(backups, file):
    before = os.umask(0o077)
    try:
        write_metrics(str(file), backups, DONE, 1700000600.0)
    finally:
        os.umask(before)
    found = samples(file)
    labels = 'store="shop",kind="media"'
    assert found["magerewind_backup_last_success_timestamp_seconds", labels] == 1700000500
    assert found["magerewind_backup_age_seconds", labels] == 100
    assert found["magerewind_backup_size_bytes", labels] == 200
    job = 'store="shop",operation="backup"'
    assert found["magerewind_job_last_success", job] == 1
    assert found["magerewind_job_duration_seconds", job] == 61.5
    assert file.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in file.parent.iterdir()] == ["shop.prom"]
    text = file.read_text()
    for name in {name for name, _ in found}:
        assert text.count(f"# TYPE {name} ") == text.count(f"# HELP {name} ") == 1


def test_failures_are_counted_on_of_the_kinds_that_failed(backups, file):
    for facts in (FAILED, DONE, {**FAILED, "kinds": ["media", "db"]}):
        write_metrics(str(file), backups, facts, 1700000600.0)
    found = samples(file)
    count = "magerewind_failures_total"
    assert found[count, 'store="shop",operation="backup",kind="media"'] == 2
    assert found[count, 'store="shop",operation="backup",kind="db"'] == 1
    assert found["magerewind_job_last_success", 'store="shop",operation="backup"'] == 0


@pytest.mark.parametrize("content", [b"nonsense {", b"\xff" * 1000, b"x" * 400_000])
def test_a_file_that_is_none_of_ours_counts_nothing_and_is_replaced(backups, file, content):
    file.write_bytes(content)
    write_metrics(str(file), backups, DONE, 1700000600.0)
    assert samples(file)


def test_a_link_in_its_place_is_replaced_and_what_it_leads_to_is_left(backups, file, tmp_path):
    (tmp_path / "kept").write_text("kept")
    file.symlink_to(tmp_path / "kept")
    write_metrics(str(file), backups, DONE, 1700000600.0)
    assert (tmp_path / "kept").read_text() == "kept"
    assert not file.is_symlink()
    file.unlink()
    os.mkfifo(file)
    write_metrics(str(file), backups, DONE, 1700000600.0)
    assert samples(file)


def test_odd_names_stay_inside_of_their_quotes(backups, file):
    write_metrics(str(file), backups, {**DONE, "store": 'a"b\\c\nd'}, 1700000600.0)
    assert samples(file)


def test_a_directory_that_is_not_there_is_an_error_of_ours(backups, file):
    with pytest.raises((MagerewindError, OSError), match=r"No such|not there"):
        write_metrics(str(file.parent / "none/x.prom"), backups, DONE, 1.0)
