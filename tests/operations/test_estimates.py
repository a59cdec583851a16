"""The estimated size and time of a backup, by an earlier one; no store."""

from __future__ import annotations

import pytest

from core.backups.manifest import Manifest
from core.events import Kind
from core.operations.estimates import _by_earlier

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
    earlier = Manifest(
        file_name="1763869000_filesystem.tgz", kind=kind, timestamp=1763869000, size_bytes=file,
        sha256="ab" * 32, made_by="magerewind 0.1.0", host="web1", root="/var/www/shop",
        created="2025-11-23T03:36:40+00:00", elapsed_s=0.5, verified=True, content_bytes=before,
    )  # fmt: skip
    found = _by_earlier(earlier, kind, 1, now)
    assert least <= found.file_bytes <= most
    assert (found.seconds is None) is (now > 20 * before)
