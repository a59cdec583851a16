"""A rollback of tables as a difference, step by step, for tests that do something in between."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field

from core.database.compare.choose_kept import kept_tables
from core.database.compare.compare import compare_tables
from core.database.load.load import load_beside
from core.database.load.offline_check import check_dump
from core.database.schema.swap_file import Source, load_swap
from core.database.server.connection import connect
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import revert_tables, swap_tables
from core.database.swap.undo import undo_tables
from core.operations.kept_tables import KeptTables
from tests.database.dumping import as_root
from tests.database.indexing import dump_with_index, open_dump_index
from tests.database.schema_oracle import portrait
from tests.database.shop_flow import new_journal


@dataclass
class Difference:
    """One job on tables: `stage`, `swap`, then `forward` or `revert`. Use as a context."""

    settings: object
    directory: object
    dumped: tuple
    job_id: str = "20261123-031500-1a2b"
    undone: object = None
    staged: object = None
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self):
        path, beside, summary = self.dumped
        self.check = check_dump(path, sha256=summary.sha256, schema=self.settings.schema)
        self.index = self.stack.enter_context(open_dump_index(beside))
        place = os.path.join(self.directory, self.job_id)
        os.makedirs(place, exist_ok=True)
        self.journal = new_journal(place)
        self.definitions = os.path.join(place, "definitions.json")
        return self

    def __exit__(self, *_):
        self.kept.release()
        self.stack.close()

    def plan(self):
        """Choose the tables that stay."""
        source = Source(name="1_db.sql", sha256=self.dumped[2].sha256, index_sha256="0")
        if self.undone is not None:
            swap = load_swap(self.undone.definitions, schema=self.settings.schema)
            self.stayed = frozenset(swap.kept)
            self.staged = undo_tables(
                self.settings,
                self.journal,
                job_id=self.job_id,
                definitions_path=self.undone.definitions,
            )
            self.kept = KeptTables(swap.kept, source=source, index=self.index)
            self.kept.names = self.kept.same(self.settings)
            return self
        found = compare_tables(self.index, self.settings, self.check.tables)
        with connect(self.settings) as connection:
            names = kept_tables(connection, self.check, found.same)
        self.stayed = frozenset({*self.check.tables, *self.check.sequences})
        self.kept = KeptTables(names, source=source, index=self.index)
        return self

    def load(self, before, kept):
        everything = {*self.check.tables, *self.check.sequences}
        return load_beside(
            self.dumped[0],
            self.check,
            self.settings,
            job_id=self.job_id,
            journal=self.journal,
            kept=everything - (self.stayed - kept),
            before=before,
        )

    def stage(self, *, early=False):
        if early:
            self.kept.begin(self.settings, self.stayed - self.kept.names)
        self.staged = self.load(self.staged, self.kept.names)
        return self

    def lock_kept(self):
        self.staged = self.kept.lock_and_reload(self.settings, self.staged, self.load)
        return self

    def swap(self):
        swap_tables(
            self.staged, self.settings, journal=self.journal, definitions_path=self.definitions
        )
        self.kept.prove(self.settings)
        return self

    def forward(self):
        hold, self.kept.hold = self.kept.hold, None
        return forward_tables(self.settings, self.journal, hold)

    def revert(self):
        self.kept.release()
        revert_tables(self.settings, self.journal)

    def run(self):
        self.plan().stage(early=self.undone is None).lock_kept().swap()
        self.forward()
        return self


def dump_of(directory, settings):
    return dump_with_index(directory, settings)


def state(settings):
    """Return all of a schema but the present numbers of AUTO_INCREMENT."""
    found = portrait(as_root(settings))
    return {
        what: tuple(
            re.sub(r" AUTO_INCREMENT=\d+", "", one) if isinstance(one, str) else one for one in text
        )
        for what, text in found.items()
    }


def pointing_aside(server, schema):
    return server.run(
        "SELECT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE"
        f" WHERE TABLE_SCHEMA = '{schema.schema}' AND REFERENCED_TABLE_NAME LIKE '\\_mr%'"
    )
