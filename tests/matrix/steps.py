"""Steps that the tests of the matrix share, and what counts as the same schema."""

from __future__ import annotations

import hashlib
import os
import re

from msgspec.structs import replace

from core.database.dump.dump import DumpOptions, dump_schema
from core.database.load.load import load_beside
from core.database.load.server_check import check_against_server, check_dump
from core.database.server.connection import connect
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import swap_tables
from core.database.swap.undo import drop_aside, undo_tables
from core.journal import Journal
from core.magento.settings import Secret
from core.sample.database import fill_schema
from core.sample.sizes import Size
from tests.database.schema_oracle import portrait
from tests.matrix.schemas import COMMON, MARIADB_11_8_ONLY, MARIADB_ONLY, MYSQL_ONLY

JOB = "20261123-031500-1a2b"
UNDO = "20261123-041500-3c4d"
SAMPLES = os.environ.get("MAGEREWIND_SQL_SAMPLES", "")
"""A directory with real schemas, such as sakila: `NAME.sql`, or `NAME-schema.sql` and `-data`."""


def sources(build_name):
    """Return the names of the schemas that are tried on a server."""
    names = ["sample", "common", f"{build_name}-only"]
    if SAMPLES:
        files = {name.removesuffix(".sql") for name in os.listdir(SAMPLES) if name.endswith(".sql")}
        names += sorted({name.removesuffix("-schema").removesuffix("-data") for name in files})
    return names


def fill(server, settings, name):
    """Fill an empty schema."""
    if name == "sample":
        fill_schema(server, settings.schema, size=Size.SMALL)
        return
    texts = {
        "common": COMMON,
        "mariadb-only": MARIADB_ONLY + MARIADB_11_8_ONLY,
        "mysql-only": MYSQL_ONLY,
    }
    if name in texts:
        server.run(texts[name], schema=settings.schema)
        return
    for part in (f"{name}-schema.sql", f"{name}-data.sql", f"{name}.sql"):
        path = os.path.join(SAMPLES, part)
        if os.path.exists(path):
            # As the shop's own account, so that it is the definer of what is made.
            text = into(text_of(path), name, settings.schema)
            server.run(text, schema=settings.schema, username="shop")


def text_of(path):
    """Return a script, which older ones write in latin1."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def into(text, name, schema):
    """Return a script that makes the schema `name` as one that fills another."""
    text = re.sub(r"(?mi)^(CREATE|DROP) (DATABASE|SCHEMA)\b.*?;\s*$", "", text)
    text = re.sub(r"(?mi)^USE `?\w+`?\s*;", f"USE `{schema}`;", text)
    return re.sub(rf"\b{name}\.", f"{schema}.", text)


def dump(settings, path, **options):
    """Dump a schema into a new file; return the path and the summary."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        summary = dump_schema(
            settings, fd, options=DumpOptions(**options), created="2026-11-23T03:15:00Z"
        )
    finally:
        os.close(fd)
    return str(path), summary


def seen(settings):
    """Return the whole schema as the administrator sees it, without its own name in texts."""
    root = replace(settings, username="root", password=Secret(""))
    found = portrait(root)
    with connect(root) as connection:
        for table, column in connection.query(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND DATA_TYPE = 'float'"
            " AND LEFT(TABLE_NAME, 3) <> '_mr'"
        ):
            # As text a float has six digits; as a double, all of them.
            values = connection.query(f"SELECT `{column}` + 0e0 FROM `{table}` ORDER BY 1")
            found[f"floats {table}.{column}"] = values
    return {what: _normal(value, settings.schema) for what, value in found.items()}


def _normal(value, schema):
    if isinstance(value, str):
        value = value.replace(f"`{schema}`.", "")
        # MySQL remembers whether a character set was said or meant; its own dump says it.
        return re.sub(r" CHARACTER SET (\w+)(?= COLLATE \1_)", "", value)
    if isinstance(value, (list, tuple)):
        return tuple(_normal(one, schema) for one in value)
    return value


class Rollback:
    """A rollback of the database alone, as the operations do it."""

    def __init__(self, settings, directory):
        self.settings, self.directory = settings, str(directory)
        self.definitions = os.path.join(self.directory, "definitions.json")
        self.undo_definitions = os.path.join(self.directory, "undo.json")

    def check(self, path, *, map_collations=False, partial=True):
        """Return the check of the dump, and that against the server.

        A dump of ours has a manifest in a store, which vouches for its packages. The schema that
        another dump is of is given as --from-schema does.
        """
        with open(path, "rb") as file:
            head = file.read(4096)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        ours = head.startswith(b"-- magerewind dump")
        named = re.search(rb"^-- Host: .*Database: (\w+)", head, re.MULTILINE)
        check = check_dump(
            path,
            schema=self.settings.schema,
            sha256=digest if ours else None,
            from_schema=named[1].decode() if named else "",
        )
        return check, check_against_server(
            check, self.settings, map_collations=map_collations, partial=partial
        )

    def run(self, path, *, map_collations=False, expected_rows=None):
        """Load beside, swap, go forward; return everything that was said."""
        check, against = self.check(path, map_collations=map_collations)
        assert against.problems == ()
        journal = Journal.create(os.path.join(self.directory, "journal"))
        staged = load_beside(
            path,
            check,
            self.settings,
            job_id=JOB,
            journal=journal,
            expected_rows=expected_rows,
            map_collations=map_collations,
        )
        swap_tables(
            staged, self.settings, journal=journal, definitions_path=self.definitions, partial=False
        )
        said = forward_tables(self.settings, journal)
        journal.close()
        return (*check.warnings, *against.warnings, *staged.warnings, *said)

    def undo(self):
        """Undo it; return what was said."""
        journal = Journal.create(os.path.join(self.directory, "undo-journal"))
        staged = undo_tables(self.settings, journal, job_id=UNDO, definitions_path=self.definitions)
        swap_tables(staged, self.settings, journal=journal, definitions_path=self.undo_definitions)
        said = forward_tables(self.settings, journal)
        journal.close()
        return said

    def discard(self):
        """Drop what the undo left aside."""
        return drop_aside(self.settings, self.undo_definitions)
