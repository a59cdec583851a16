"""An ordinary account on a server with a binary log: what it cannot do is known beforehand."""

from __future__ import annotations

import pytest

from core.database.load.load import load_beside
from core.errors import RightsMissing
from core.journal import Journal
from tests.database.schema_oracle import differences
from tests.matrix.servers import BUILDS, server_id
from tests.matrix.steps import JOB, Rollback, dump, fill, seen

WITH_LOG = [pytest.param((build, True), id=server_id(build, True)) for build in BUILDS]


@pytest.fixture
def distrusting(rooted):
    """A server that lets nobody but administrators make triggers: the default of MySQL."""
    rooted.run("SET GLOBAL log_bin_trust_function_creators = 0")
    yield rooted
    rooted.run("SET GLOBAL log_bin_trust_function_creators = 1")


@pytest.mark.parametrize("rooted", WITH_LOG, indirect=True)
def test_triggers_that_cannot_be_made_are_found_before_anything_is_touched(
    rooted, distrusting, make, tmp_path
):
    source = make(rooted)
    fill(rooted, source, "sample")
    path, _ = dump(source, tmp_path / "dump.sql")
    before = seen(source)
    check, against = Rollback(source, tmp_path).check(path, partial=False)
    assert len(against.problems) == 1
    assert "cannot make triggers" in against.problems[0]
    assert "log_bin_trust_function_creators" in against.problems[0]
    journal = Journal.create(str(tmp_path / "journal"))
    with pytest.raises(RightsMissing) as caught:  # as if nobody had asked
        load_beside(path, check, source, job_id=JOB, journal=journal)
    assert "log_bin_trust_function_creators" in str(caught.value.hint)
    journal.close()
    assert differences(before, seen(source)) == {}


@pytest.mark.parametrize("rooted", WITH_LOG, indirect=True)
def test_with_the_cure_the_same_account_can(rooted, make, tmp_path):
    source = make(rooted)
    fill(rooted, source, "sample")
    path, summary = dump(source, tmp_path / "dump.sql")
    before = seen(source)
    rooted.run("DELETE FROM core_config_data; DROP TABLE wishlist", schema=source.schema)
    assert Rollback(source, tmp_path).run(path, expected_rows=summary.rows) == ()
    assert differences(before, seen(source)) == {}
