"""The form of a plan's file: its tables, its indexes, and the conditions on its rows.

The sums of directories are made anew with each plan; a plan of an older version has none.
"""

from __future__ import annotations

from typing import Final

PLAN_FORMAT: Final = 2

SCHEMA: Final = """
PRAGMA user_version = 2;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE attribute (content_at INTEGER, name BLOB, value BLOB);
CREATE TABLE sparse (content_at INTEGER PRIMARY KEY, map BLOB);
CREATE TABLE directory (
  path BLOB PRIMARY KEY, parent BLOB, added INTEGER, changed INTEGER, removed INTEGER,
  mode_only INTEGER, written INTEGER, gone INTEGER
) WITHOUT ROWID;
CREATE INDEX directory_parent ON directory (parent);
CREATE TABLE region (id INTEGER PRIMARY KEY, root BLOB, stage BLOB, aside BLOB);
CREATE TABLE entry (
  id INTEGER PRIMARY KEY, path BLOB, action TEXT, unit INTEGER, region INTEGER,
  content_at INTEGER,
  type_then INTEGER, mode_then INTEGER, size_then INTEGER, mtime_then INTEGER,
  uid_then INTEGER, gid_then INTEGER, link_then BLOB,
  type_now INTEGER, mode_now INTEGER, size_now INTEGER, mtime_now INTEGER,
  uid_now INTEGER, gid_now INTEGER, ino_now INTEGER, ino_staged INTEGER
);
"""
INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS entry_path ON entry (path)",
    "CREATE INDEX IF NOT EXISTS entry_unit ON entry (unit)",
    "CREATE INDEX IF NOT EXISTS attribute_content ON attribute (content_at)",
    "CREATE INDEX IF NOT EXISTS entry_content ON entry (content_at)",
)
_COLUMNS: Final = ("added", "changed", "removed", "mode_only", "written", "gone")
KEEP_SUMS: Final = (
    "INSERT INTO directory VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
    + ", ".join(f"{one} = {one} + excluded.{one}" for one in _COLUMNS)
)
"""A directory that the rows come back to has its numbers added."""
_DOTS: Final = "x'2f2e2e2f'"  # /../
_BELOW: Final = "CAST(x'2f' || path || x'2f' AS BLOB)"
OUTSIDE: Final = f"""
SELECT EXISTS (SELECT 1 FROM entry WHERE
  typeof(id) <> 'integer' OR typeof(path) <> 'blob' OR typeof(unit) <> 'integer'
  OR typeof(region) <> 'integer' OR region NOT IN (SELECT id FROM region)
  OR action NOT IN ('add', 'change', 'remove', 'mode')
  OR typeof(ino_now) NOT IN ('integer', 'null') OR typeof(ino_staged) NOT IN ('integer', 'null')
  OR typeof(mode_now) NOT IN ('integer', 'null') OR typeof(mode_then) NOT IN ('integer', 'null')
  OR instr(path, x'00') OR instr({_BELOW}, {_DOTS}) OR substr(path, 1, 1) = x'2f'
  OR (CAST(substr(path, 1, ?) AS BLOB) <> ? AND path <> ?))
"""
