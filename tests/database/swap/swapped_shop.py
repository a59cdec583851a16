"""A live shop and the dump of another one, for the tests of a swap."""

from __future__ import annotations

import ast

from msgspec.structs import replace

from core.database.swap.swap import swap_tables
from tests.database.schema_oracle import differences, portrait
from tests.database.shop_flow import fill, native_dump, stage


def make_shop(server, schema, tmp_path, old, new):
    source = replace(schema, schema=schema.schema + "src")
    server.make_schema(source.schema)
    try:
        fill(server, source.schema, new)
        path = native_dump(server, source.schema, tmp_path / "new.sql")
        # Defaults that take from a sequence name the schema.
        text = repr(portrait(source)).replace(f"`{source.schema}`", f"`{schema.schema}`")
        wanted = ast.literal_eval(text)
    finally:
        server.run(f"DROP DATABASE `{source.schema}`")
    fill(server, schema.schema, old)
    return Shop(schema, path, portrait(schema), wanted, tmp_path)


class Shop:
    def __init__(self, settings, path, old, wanted, directory):
        self.settings, self.path = settings, path
        self.old, self.wanted, self.directory = old, wanted, directory
        self.definitions = str(directory / "definitions.json")

    def stage(self, journal, **options):
        source = self.settings.schema + "src"  # which defaults that take from a sequence name
        staged = stage(self.path, self.settings, journal, from_schema=source, **options)
        return replace(staged, keeps=())

    def swap(self, staged, journal, **options):
        return swap_tables(
            staged, self.settings, journal=journal, definitions_path=self.definitions, **options
        )

    def now(self, *, ours=False):
        return portrait(self.settings, ours=ours)

    def check(self, wanted, *, ours=False):
        assert differences(wanted, self.now(ours=ours)) == {}
