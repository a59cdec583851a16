"""The estimated size and time of a backup of one kind, from earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.backups.catalog import list_backups
from core.backups.manifest import Manifest
from core.compression import Compression
from core.events import Kind
from core.magento.store import Store

_RATIOS: Final[Mapping[Kind, float]] = {Kind.CODE: 0.3, Kind.MEDIA: 1.0, Kind.DB: 1.0}
_COMPRESSED: Final[Mapping[str, float]] = {
    Compression.NONE: 1.0,
    Compression.GZIP: 0.3,
    Compression.ZSTD: 0.25,
}
"""Of the text of a dump, where no earlier one tells."""
_ROWS_ARE_GUESSED: Final = 1.25  # by the server
_MOST_GROWTH: Final = 20  # of the content since a backup, for its time to tell anything


class Estimate(Struct, frozen=True, kw_only=True):
    """The estimate for a backup of one kind. `file_bytes` is a guess from earlier backups.

    `content_bytes` is the size of the files, or of the tables on the server; `plain_bytes` is that
    of a dump before it is compressed.
    """

    items: int
    content_bytes: int
    file_bytes: int
    measured: bool  # False: the file size comes from a rule of thumb
    seconds: float | None = None  # from the newest backup of this kind
    plain_bytes: int | None = None


def estimated(
    store: Store,
    kind: Kind,
    items: int,
    content_bytes: int,
    strip: tuple[str, ...] = (),
    compress: Compression = Compression.NONE,
    *,
    text_bytes: int | None = None,
) -> Estimate:
    """Return the expected size of a file, by the newest backup of its kind that has a manifest.

    Without one, a dump has `text_bytes`, as the server's statistics of its tables have it.

    One that left out the rows of other tables tells less: it counts where there is no better one.
    """
    known = [
        backup.manifest
        for backup in list_backups(store.backups).backups
        if backup.kind is kind and backup.manifest is not None and backup.manifest.content_bytes
    ]
    alike = [manifest for manifest in known if bool(manifest.stripped) == bool(strip)]
    for manifest in (*alike, *known):
        found = _by_earlier(manifest, kind, items, content_bytes)
        return found if kind is not Kind.DB else _compressed(found, known, compress)
    found = Estimate(
        items=items,
        content_bytes=content_bytes,
        file_bytes=int(content_bytes * _RATIOS[kind]) if text_bytes is None else text_bytes,
        measured=False,
    )
    return found if kind is not Kind.DB else _compressed(found, known, compress)


def _compressed(found: Estimate, known: Iterable[Manifest], compress: Compression) -> Estimate:
    """Return the estimate of a dump, whose text is known, for its file."""
    text = found.file_bytes
    for manifest in known:
        if manifest.compress == compress and manifest.content_bytes:
            ratio = manifest.size_bytes / manifest.content_bytes
            return replace(found, file_bytes=int(text * ratio), plain_bytes=text)
    return replace(found, file_bytes=int(text * _COMPRESSED[compress]), plain_bytes=text)


def _by_earlier(manifest: Manifest, kind: Kind, items: int, content_bytes: int) -> Estimate:
    before = manifest.content_bytes or 1
    speed = before / manifest.elapsed_s if manifest.elapsed_s else None
    read_bytes, file_bytes = content_bytes, _archive_bytes(manifest, kind, content_bytes)
    if kind is Kind.DB:
        read_bytes = file_bytes = _dump_bytes(manifest, items, content_bytes)
    if read_bytes > before * _MOST_GROWTH:
        speed = None
    return Estimate(
        items=items,
        content_bytes=content_bytes,
        file_bytes=file_bytes,
        measured=True,
        seconds=read_bytes / speed if speed else None,
    )


def _archive_bytes(manifest: Manifest, kind: Kind, content_bytes: int) -> int:
    """Return how large an archive will be, by an earlier one.

    What has come since is of another density: the header of a small file is larger than the file,
    and pictures do not shrink.
    """
    before = manifest.content_bytes or 1
    density = manifest.size_bytes / before
    grown = content_bytes - before
    if grown <= 0:
        return int(content_bytes * density)
    return int(manifest.size_bytes + grown * max(_RATIOS[kind], min(1.0, density)))


def _dump_bytes(manifest: Manifest, items: int, schema_bytes: int) -> int:
    """Return how large a dump will be, by an earlier one.

    The server guesses now as it guessed then, so the two guesses are compared, and never one of
    them with the counts. A manifest of an earlier version has only the counted rows.
    """
    size = manifest.content_bytes or manifest.size_bytes
    if manifest.schema_bytes:
        grown = schema_bytes - manifest.schema_bytes
        density = size / manifest.schema_bytes
        # Tables take whole pages, which are nearly empty in a small schema: new rows fill them.
        return int(size + grown * (max(1.0, density) if grown > 0 else density))
    rows = sum((manifest.rows or {}).values())
    return int(size * max(1.0, _ROWS_ARE_GUESSED * items / rows)) if rows else size
