"""The estimated size and time of a backup, by an earlier one; no store."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from core.events import Kind
from core.operations.estimates import _by_earlier
from tests.backups.test_manifest import FULL

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("kind", "before", "file", "now", "least", "most"),
    [
        (Kind.MEDIA, 10, 260, 10 * GB, 10 * GB, 10.1 * GB),  # an archive of one small file
        (Kind.MEDIA, 1_000_000, 300_000, 10 * GB, 9.9 * GB, 10 * GB),  # texts, then pictures
        (Kind.CODE, 400_000_000, 100_000_000, 440_000_000, 110_000_000, 112_000_000),
        (Kind.CODE, 400_000_000, 100_000_000, 200_000_000, 50_000_000, 50_000_000),
    ],
)
def test_growth_has_a_density_of_its_own(kind, before, file, now, least, most):
    earlier = replace(FULL, kind=kind, content_bytes=before, size_bytes=file, elapsed_s=0.5)
    found = _by_earlier(earlier, kind, 1, now)
    assert least <= found.file_bytes <= most
    assert (found.seconds is None) is (now > 20 * before)
