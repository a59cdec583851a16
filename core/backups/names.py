"""The names of backups: those of Magento, of earlier versions of it, and ours.

The grammar is Magento's, `<unix time>_<type>[_<label>].<extension>`; its command line and its admin
pages have used different types over the years, and all of them are read here. So are dumps under
any name that ends in .sql, .sql.gz or .sql.zst: other programs name them so. Nothing here looks at
a disk: a name is the claim of a file, not a proof that it exists or is sound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from core.compression import Compression
from core.errors import InvalidBackupName
from core.events import Kind

INVALID: Final = "The rollback file is invalid. Verify the file and try again."


class Naming(StrEnum):
    """How a new backup is named; both are read everywhere."""

    DOCUMENTED = "documented"
    MAGENTO = "magento"  # as Magento itself has written, listed and taken them since 2.1


_NEW: Final[Mapping[Kind, str]] = {
    Kind.MEDIA: "filesystem_media.tgz",
    Kind.DB: "db.sql",
}
_NEW_CODE: Final[Mapping[Naming, str]] = {
    Naming.DOCUMENTED: "filesystem.tgz",
    Naming.MAGENTO: "filesystem_code.tgz",
}

# The longest type comes first: `filesystem_media` is not a `filesystem` with the label `media`.
# `snapshot` (code, media, database), `nomedia` (code, database) and `media` (media, database) come
# from the admin pages: several kinds in one archive, so they are listed but are of no single kind.
_PATTERN: Final = re.compile(
    r"""(?P<timestamp>[0-9]{1,12})_
        (?:(?P<archive>filesystem_code|filesystem_media|filesystem|snapshot|nomedia|media)
           (?:_(?P<archive_label>[0-9A-Za-z_-]+))?\.(?:tgz|tar\.gz)
          |(?P<dump>db)
           (?:_(?P<dump_label>[0-9A-Za-z_-]+))?\.(?:sql\.gz|sql\.zst|sql|gz|zst))""",
    re.VERBOSE | re.ASCII,
)
_ENDINGS: Final[Mapping[Compression, str]] = {
    Compression.NONE: "",
    Compression.GZIP: ".gz",
    Compression.ZSTD: ".zst",
}
LATEST: Final = 10**12 - 1
"""The last time that a name can hold, in unix seconds."""
FOREIGN: Final = "foreign"
"""The variant of a dump that another program has named: n98-magerun2, ddev, a person."""
_FOREIGN: Final = re.compile(
    r"(?P<label>[0-9A-Za-z_][0-9A-Za-z_.-]*)\.sql(?:\.gz|\.zst)?", re.ASCII
)
_DATE: Final = re.compile(
    r"(?<![0-9])(?P<date>(?:19|20)[0-9]{2}-?[01][0-9]-?[0-3][0-9])[_T-]?"
    r"(?P<time>[0-2][0-9][:-]?[0-5][0-9][:-]?[0-5][0-9])?(?![0-9])"
)
_KINDS: Final[Mapping[str, Kind]] = {
    "filesystem": Kind.CODE,
    "filesystem_code": Kind.CODE,
    "filesystem_media": Kind.MEDIA,
    "db": Kind.DB,
}
_WORDS: Final[Mapping[Kind, str]] = {Kind.CODE: "code", Kind.MEDIA: "media", Kind.DB: "DB"}


class BackupName(Struct, frozen=True, kw_only=True):
    """A name taken apart. `kind` is None where one archive holds several kinds."""

    text: str
    timestamp: int  # unix seconds; 0 where a foreign name has no date, and the file's time counts
    kind: Kind | None
    variant: str  # Magento's type: filesystem, filesystem_code, filesystem_media, db, snapshot…
    label: str = ""  # the label that a person gave it, as the name has it


def new_name(
    timestamp: int,
    kind: Kind,
    naming: Naming = Naming.DOCUMENTED,
    compress: Compression = Compression.NONE,
) -> str:
    """Return the base name of a new backup. `compress` is how a dump is compressed."""
    ending = _ENDINGS[compress] if kind is Kind.DB else ""
    return f"{timestamp}_{_NEW_CODE[naming] if kind is Kind.CODE else _NEW[kind]}{ending}"


def parse_name(text: str) -> BackupName | None:
    """Return the parts of a base name, or None if it is not the name of a backup."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return _foreign_name(text)
    variant = match["archive"] or match["dump"]
    label = match["archive_label"] or match["dump_label"] or ""
    # `filesystem` never has had a label: a word after it would be a type that we do not know.
    if variant == "filesystem" and label:
        return None
    return BackupName(
        text=text,
        timestamp=int(match["timestamp"]),
        kind=_KINDS.get(variant),
        variant=variant,
        label=label,
    )


def set_key(name: str, timestamp: int) -> str:
    """Return the name of the set that a backup of this name and time belongs to.

    It is the time, with the label that a person gave it. Dumps of other programs stand alone: that
    two of them are of one second says nothing.
    """
    parsed = parse_name(name)
    if parsed is None or not parsed.label:
        return str(timestamp)
    return name if parsed.variant == FOREIGN else f"{timestamp}_{parsed.label}"


def _foreign_name(text: str) -> BackupName | None:
    match = _FOREIGN.fullmatch(text)
    if match is None:
        return None
    return BackupName(
        text=text,
        timestamp=_time_in(match["label"]),
        kind=Kind.DB,
        variant=FOREIGN,
        label=match["label"],
    )


def _time_in(label: str) -> int:
    """Return the time that a name has, as UTC; 0 where it has none."""
    found = _DATE.search(label)
    if found is None:
        return 0
    date, time = (re.sub("[:-]", "", text or "000000") for text in found.groups())
    try:
        parsed = datetime.strptime(date + time, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return 0
    return max(0, int(parsed.timestamp()))


def _why_not(text: str, kind: Kind) -> str | None:
    if "/" in text or "\0" in text or text in {"", ".", ".."}:
        return "a rollback takes the base name of a file in var/backups"
    if text.startswith("="):
        return "write -c NAME or --code-file=NAME: with -c=NAME the sign is part of the name"
    if text.startswith(".") and text.endswith(".partial"):
        return "this is an unfinished backup"
    name = parse_name(text)
    if name is None:
        return (
            f"this is not the name of a {_WORDS[kind]} backup, such as {new_name(1700000000, kind)}"
        )
    if name.kind is None:
        return f"a {name.variant} backup of the admin pages holds several kinds at once"
    if name.kind is not kind:
        return f"this is a {_WORDS[name.kind]} backup, and a {_WORDS[kind]} backup is asked for"
    return None


def rollback_name(text: str, kind: Kind) -> BackupName:
    """Return the name of a backup of this kind.

    Raises InvalidBackupName, with Magento's sentence, for another kind, a path or anything else.
    """
    reason = _why_not(text, kind)
    name = parse_name(text)
    if reason is not None or name is None:
        raise InvalidBackupName(f"{INVALID} ({text or 'an empty name'})", hint=_sentence(reason))
    return name


def _sentence(reason: str | None) -> str | None:
    return reason and f"{reason[0].upper()}{reason[1:]}."


def manifest_name(name: str) -> str:
    """Return the base name of a backup's manifest: hidden, since Magento lists by the first dot."""
    return f".{name}.manifest.json"


def index_name(name: str) -> str:
    """Return the base name of a backup's index, hidden beside its manifest."""
    return f".{name}.index"


def backup_beside(name: str) -> str | None:
    """Return the backup whose manifest or index has this base name; None for any other name."""
    for beside in (manifest_name, index_name):
        ending = beside("")[1:]
        backup = name[1 : -len(ending)]
        if name == beside(backup) and parse_name(backup) is not None:
            return backup
    return None
