"""A sample shop for tests: a tree, a schema, a client for its jobs, and ways to damage it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from core.events import Kind
from core.jobs.client import RUNNER, Client
from core.magento.settings import DatabaseConnection, Secret
from core.magento.store import find_store
from core.operations.requests import BackupRequest, RollbackRequest
from core.sample.database import fill_schema
from core.sample.sizes import Size
from core.sample.store import make_store
from tests import oracles

FAULTY_RUNNER = str(Path(__file__).parent / "crash" / "faulty_runner.py")
ALL = (Kind.CODE, Kind.MEDIA, Kind.DB)
# The needs of the cases; a tree of thousands of files would only make each of them slower.
KEPT_VENDOR = ("acme", "magento", "bin", "autoload.php", "composer")


def connection_to(server, schema):
    """Return the settings of an ordinary account on a schema."""
    return DatabaseConnection(
        name="default",
        schema=schema,
        username="shop",
        password=Secret("shop"),
        socket=server.socket,
    )


class Shop:
    """A store at `root` whose database is `schema` of `server`."""

    def __init__(self, root, server, schema, *, fault=""):
        self.root = str(root)
        self.server = server
        self.schema = schema
        self.settings = connection_to(server, schema)
        self.fault = fault

    @classmethod
    def make(cls, root, server, schema, *, whole=False):
        """Make one; without `whole` most of vendor/ is left out."""
        shop = cls(root, server, schema)
        server.make_schema(schema)
        fill_schema(server, schema, size=Size.SMALL)
        make_store(shop.root, size=Size.SMALL, connection=shop.settings)
        if not whole:
            vendor = Path(root) / "vendor"
            for entry in sorted(vendor.iterdir()):
                if entry.name not in KEPT_VENDOR:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            modules = sorted((vendor / "magento").iterdir())
            for entry in modules[3:]:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        return shop

    @property
    def store(self):
        return find_store(self.root, root=self.root, for_rollback=True)

    def client(self, *, fault="", **more):
        environ = {**os.environ, **more}
        if not fault:
            return Client(self.store, environ=environ, runner=RUNNER)
        environ["MAGEREWIND_FAULT"] = fault
        environ["MAGEREWIND_SERVER"] = str(self.server.pid)
        runner = (sys.executable, "-I", FAULTY_RUNNER, "job:run")
        return Client(self.store, environ=environ, runner=runner)

    def run(self, request, *, fault="", plan=None):
        """Run a job to its end, or to its runner's death; return its summary and events."""
        client = self.client(fault=fault)
        job = client.start(request, plan=plan)
        events = [stamped.event for stamped in client.follow(job.job_id, interval_s=0.02)]
        return client.result_of(job.job_id), events

    def recover(self, *, fault="", from_host=None):
        client = self.client(fault=fault)
        job = client.recover(from_host=from_host)
        events = [stamped.event for stamped in client.follow(job.job_id, interval_s=0.02)]
        return client.result_of(job.job_id), events

    def back_up(self, kinds=ALL, **options):
        """Back up and return the rollback request for it."""
        summary, events = self.run(BackupRequest(kinds=kinds, **options))
        assert summary.exit_code == 0, (summary, events)
        files = {
            f"{event.kind}_file": event.file_name
            for event in events
            if type(event).__name__ == "BackupCompleted"
        }
        return RollbackRequest(**files)

    def state(self):
        """All that a backup of all three kinds covers."""
        return {
            **oracles.tree_entries(self.root),
            **oracles.schema_entries(self.server, self.schema),
        }

    def job_journal(self, job_id):
        return os.path.join(self.store.jobs_directory, job_id, "journal.jsonl")

    def closed(self):
        return os.path.lexists(os.path.join(self.root, "var/.maintenance.flag"))

    def leftovers(self):
        """The leftovers a finished job must not have: partial files, staged tables, stages."""
        found = [
            name
            for name in os.listdir(os.path.join(self.root, "var/backups"))
            if name.endswith(".partial")
        ]
        tables = self.server.run(
            "SELECT TABLE_NAME FROM information_schema.TABLES "
            f"WHERE TABLE_SCHEMA = '{self.schema}' AND TABLE_NAME LIKE '\\_mrs\\_%'"
        ).splitlines()[1:]
        return found + tables

    def damage(self):
        """Change files and tables in every way; the same every time."""
        root = Path(self.root)
        odd = root / "vendor/acme/odd"
        victims = sorted(
            path for path in odd.rglob("*") if path.is_file() and not path.is_symlink()
        )
        victims[0].write_bytes(b"<?php damaged();")
        victims[1].unlink()
        victims[2].chmod(0o600)
        victims[3].unlink()
        victims[3].mkdir()
        (victims[3] / "inside").write_text("a directory where a file was")
        shutil.rmtree(min((root / "vendor/magento").iterdir()))
        (root / "app/etc/new").mkdir()
        (root / "app/etc/new/later.php").write_text("<?php return 'later';")
        (root / "index-later.php").symlink_to("pub/index.php")
        (root / "bin/magento").unlink()
        media = sorted(path for path in (root / "pub/media").rglob("*.jpg") if path.is_file())
        media[0].write_bytes(b"not a picture")
        media[1].unlink()
        (root / "pub/media/later.jpg").write_bytes(b"\xff\xd8later")
        self.server.run(
            """
            SET FOREIGN_KEY_CHECKS = 0, timestamp = 1790000000;
            UPDATE core_config_data SET value = 'damaged' ORDER BY config_id LIMIT 3;
            DELETE FROM sales_order ORDER BY entity_id LIMIT 5;
            DROP TABLE url_rewrite;
            DROP VIEW IF EXISTS inventory_stock_1;
            CREATE TABLE later (id INT PRIMARY KEY, store_id SMALLINT UNSIGNED NOT NULL,
              CONSTRAINT LATER_STORE FOREIGN KEY (store_id) REFERENCES store (store_id));
            INSERT INTO later VALUES (1, 0);
            CREATE DEFINER=shop@localhost TRIGGER later_insert BEFORE INSERT ON later
              FOR EACH ROW SET NEW.id = NEW.id;
            """,
            schema=self.schema,
        )
