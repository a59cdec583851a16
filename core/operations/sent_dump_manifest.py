"""Builds the dump entry of a set manifest, index included: the dump is browsed without fetching."""

from __future__ import annotations

import os

from msgspec.structs import replace

from core.backups.manifest import Manifest
from core.repository.sending import Sent
from core.repository.sets import LARGEST_INDEX, PartManifest


def index_in(fd: int) -> bytes:
    """Return the index in a file, nothing for one that is too large for a manifest."""
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0) if size <= LARGEST_INDEX else b""


def dump_part(sent: Sent, facts: Manifest, index: bytes) -> PartManifest:
    """Return the part of a dump; its facts name no index that does not come along."""
    facts = replace(facts, index_sha256=facts.index_sha256 if index else "")
    return PartManifest(snapshot=sent.snapshot, facts=facts, index=index)
