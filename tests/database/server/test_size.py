"""The size of a dump, guessed from the server's statistics, beside a dump that was made."""

from __future__ import annotations

import os

from core.database.dump.dump import DumpOptions, dump_schema
from core.database.dump.strip import resolve
from core.database.server.size import estimate
from core.events import no_report
from core.sample.database import fill_schema
from core.sample.sizes import Size


def test_a_first_dump_is_near_its_estimate(server, schema, tmp_path):
    fill_schema(server, schema.schema, size=Size.SMALL)
    made = [f"CREATE TABLE empty_{number} LIKE quote;" for number in range(100)]
    server.run("".join(made), schema=schema.schema)
    found = estimate(schema)
    for strip in ((), ("sales_*", "catalog_*")):
        fd = os.open(tmp_path / "dump", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            options = DumpOptions(strip=strip)
            dump_schema(schema, fd, options=options, report=no_report, created="x", index_fd=None)
            size = os.fstat(fd).st_size
        finally:
            os.close(fd)
        guessed = found.text_bytes(resolve(strip, [table.name for table in found.tables]))
        assert 0.75 * size < guessed < 1.5 * size, (strip, size, guessed)
    assert found.bytes > 10 * size  # as InnoDB and MEMORY allocate
