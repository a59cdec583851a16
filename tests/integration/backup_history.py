"""Backups of several days, made of one by copies of its files and manifests."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

DAY = 86_400


def backups(shop):
    return Path(shop.store.backups)


def copy_backup(shop, name, timestamp, **manifest):
    """Put a backup's copy of another time beside it, with a manifest of its own."""
    rest = name.partition("_")[2]
    copy = backups(shop) / f"{timestamp}_{rest}"
    shutil.copyfile(backups(shop) / name, copy)
    row = json.loads((backups(shop) / f".{name}.manifest.json").read_bytes())
    row |= {"file_name": copy.name, "timestamp": timestamp, **manifest}
    described = backups(shop) / f".{copy.name}.manifest.json"
    described.write_text(json.dumps(row))
    described.chmod(0o600)
    return copy


def own(shop):
    return int(shop.request.code_file.partition("_")[0])


def stamps(shop):
    names = (name.partition("_")[0] for name in os.listdir(backups(shop)) if name[0] != ".")
    return {int(stamp) for stamp in names if stamp.isdigit()}
