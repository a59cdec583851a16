"""Writes the index of a dump while the dump is written, from several threads, in little memory.

Lines of rows wait in memory by table until they are a block's worth together; then all of them are
written, a block for each table.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import asdict

from core import durable
from core.database.index.entries import FIRST_LINE, LAST_LINE, Place, Session, Span

_WAITING: Final = 256 << 10  # bytes of lines in memory


class IndexWriter:
    """The index of one dump, written to `fd` from its beginning; a regular file.

    Not flushed to disk here. Raises StorageError.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._digest = hashlib.sha256()
        self._offset = 0
        self._lines: defaultdict[str, list[bytes]] = defaultdict(list)
        self._waiting = 0
        self._tables: dict[str, dict[str, Any]] = {}
        self._objects: list[dict[str, Any]] = []
        self._append(FIRST_LINE)

    def rewind(self) -> None:
        """Forget all that was noted, for another try."""
        with self._lock:
            try:
                os.ftruncate(self._fd, 0)
                os.lseek(self._fd, 0, os.SEEK_SET)
            except OSError as error:
                raise durable.translate(error, "write the index of the dump") from error
            self._begin()

    def table(self, name: str, place: Place, *, fingerprint: str) -> None:
        """Note the place of a table's definition."""
        with self._lock:
            row = {"name": name, "definition": _pair(place), "fingerprint": fingerprint}
            self._tables[name] = {**row, "rendering": "", "columns": (), "key": (), **_nothing()}

    def rendered(
        self, name: str, rendering: str, columns: tuple[str, ...], key: tuple[str, ...]
    ) -> None:
        """Note how the rows of a table are read, once its definition is noted."""
        with self._lock:
            self._tables[name] |= {"rendering": rendering, "columns": columns, "key": key}

    def rows(self, name: str, place: Place, rows: int, span: Span) -> None:
        """Note the place of a statement of rows."""
        fields = (place.offset, place.length, rows, span.after, span.upto, span.digest)
        line = json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"
        with self._lock:
            table = self._tables[name]
            table["rows"] += rows
            table["bytes"] += place.length
            self._lines[name].append(line)
            self._waiting += len(line)
            if self._waiting >= _WAITING:
                self._write_blocks()

    def thing(self, kind: str, name: str, place: Place, *, table: str = "") -> None:
        """Note the place of a sequence or of an object without rows."""
        with self._lock:
            row = {"kind": kind, "name": name, "table": table, "place": _pair(place)}
            self._objects.append(row)

    def alter(self, name: str, place: Place) -> None:
        """Note a statement that changes a table, such as one that adds its keys."""
        with self._lock:
            self._tables[name]["alters"].append(_pair(place))

    def forget(self, name: str) -> None:
        """Forget a table that the dump drops again."""
        with self._lock:
            self._tables.pop(name, None)
            self._lines.pop(name, None)

    def finish(
        self,
        session: Session,
        frames: Sequence[tuple[int, int]] = (),
        about: Mapping[str, Any] | None = None,
        skeleton: bytes = b"",
    ) -> str:
        """Write the directory and return the SHA-256 of the whole file.

        `frames`: where each frame of a compressed dump begins, in the text and in the file;
        `about`: values of JSON, for an index that was made of a dump that lay there; `skeleton`:
        the text of the dump without its rows.
        """
        with self._lock:
            self._write_blocks()
            block = json.dumps(frames, separators=(",", ":")).encode("ascii") + b"\n"
            framed = (self._offset, len(block))
            self._append(block)
            packed = base64.b64encode(zlib.compress(skeleton)) + b"\n" if skeleton else b""
            text_at = (self._offset, len(packed))
            self._append(packed)
            directory = {
                "session": asdict(session),
                "tables": list(self._tables.values()),
                "objects": self._objects,
                "frames": framed,
                **({"skeleton": text_at} if skeleton else {}),
                "about": about or {},
            }
            text = json.dumps(directory, separators=(",", ":")).encode("ascii") + b"\n"
            offset = self._offset
            self._append(text)
            self._append(LAST_LINE.format(offset=offset, length=len(text)).encode("ascii"))
            return self._digest.hexdigest()

    def _write_blocks(self) -> None:
        for name, lines in self._lines.items():
            block = b"".join(lines)
            self._tables[name]["blocks"].append((self._offset, len(block)))
            self._append(block)
        self._lines.clear()
        self._waiting = 0

    def _append(self, text: bytes) -> None:
        try:
            durable.write_all(self._fd, text)
        except OSError as error:
            raise durable.translate(error, "write the index of the dump") from error
        self._digest.update(text)
        self._offset += len(text)


def _pair(place: Place) -> tuple[int, int]:
    return place.offset, place.length


def _nothing() -> dict[str, Any]:
    return {"rows": 0, "bytes": 0, "blocks": [], "alters": []}
