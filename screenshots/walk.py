"""The walk behind the pictures: real jobs on a sample store, and what the engine answered then."""

from __future__ import annotations

import getpass
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

from msgspec import structs

from core.archive.plan.tree import PlannedNode
from core.backups.catalog import list_backups
from core.backups.manifest import write_manifest
from core.backups.place import open_backups
from core.events import Kind, Progressed, Stamped, Step, no_report
from core.magento.settings import DatabaseConnection, Secret
from core.magento.store import find_store
from core.operations.requests import BackupRequest, RollbackRequest
from core.sample.damage import damage_files, damage_schema
from core.sample.database import fill_schema
from core.sample.server import PrivateServer
from core.sample.sizes import Size
from core.sample.store import make_store
from screenshots.recording import Answers, Frozen, inside_key
from tui.engine.inside_port import StandingView
from tui.engine.store_engine import StoreEngine

ROOT = "/var/www/shop"
HOST = "web01"
BEGAN_S = 1_795_402_800  # 2026-11-23 03:00 UTC
LATER_S = 3 * 3600
TABLE = "catalog_product_entity"
OLDER_DAYS = (1, 2, 3, 4, 6, 7, 8, 9, 10, 12)
DB_ONLY = (3, 9)


def record() -> dict[str, Answers]:
    """Make a store, work on it, and return what the engine answered at each moment."""
    with tempfile.TemporaryDirectory(prefix="magerewind-shots-") as directory:
        root = os.path.join(directory, "shop")
        with PrivateServer(removes=(directory,)) as server:
            server.make_schema("shop")
            fill_schema(server, "shop", size=Size.SMALL)
            settings = DatabaseConnection(
                name="default",
                schema="shop",
                username="shop",
                password=Secret("shop"),
                socket=server.socket,
            )
            make_store(root, size=Size.SMALL, connection=settings)

            def damage() -> None:
                damage_files(root)
                damage_schema(settings)

            engine = StoreEngine(find_store(root, root=root), read_only=False)
            began_s = int(time.time())
            scenes = walk(engine, damage, began_s)
            engine.close()
            return {
                name: freeze(answers, root, server.socket, BEGAN_S - began_s)
                for name, answers in scenes.items()
            }


def look(engine: StoreEngine, now_s: float, *job_ids: str) -> Answers:
    """Return what the engine answers now; the size of the disk is not this machine's."""
    space = structs.replace(engine.space(), free_bytes=118_400_000_000, total_bytes=400_000_000_000)
    return Answers(
        now_s=now_s,
        closed=engine.closed(),
        store=engine.store(),
        database=engine.database(),
        space=space,
        backups=engine.backups(),
        jobs=engine.jobs(),
        health=engine.health(),
        streams={job_id: read_all(engine, job_id) for job_id in job_ids},
    )


def walk(engine: StoreEngine, damage: Callable[[], None], began_s: int) -> dict[str, Answers]:
    """Back up, damage, plan and roll back."""
    everything = BackupRequest(kinds=tuple(Kind), note="before the update to 2.4.8")
    backup = engine.start(everything)
    wait(engine, backup)
    older_sets(engine)
    done = look(engine, began_s + LATER_S, backup)
    done.check = engine.check_backup(everything)
    damage()
    names = {one.kind: one.name for one in engine.backups().sets[0].backups}
    request = RollbackRequest(
        code_file=names[Kind.CODE], media_file=names[Kind.MEDIA], db_file=names[Kind.DB]
    )
    plan = engine.plan(request, no_report)
    damaged = look(engine, began_s + LATER_S, backup)
    damaged.plan = structs.replace(plan, free_bytes=118_400_000_000)
    damaged.tree = tuple((kind, tuple(all_nodes(engine, kind))) for kind in plan.files)
    damaged.difference = engine.inside.difference(
        names[Kind.CODE], "app/etc/config.php", show_secrets=False, stop=lambda: False
    )
    look_inside(engine, damaged, names)
    newest = engine.backups().sets[0]
    files = [newest.of(kind) for kind in (Kind.CODE, Kind.MEDIA)]
    damaged.changed = tuple(engine.changed(one, lambda: False) for one in files if one is not None)
    damaged.newer = engine.newer(newest.timestamp)
    rollback = engine.start(structs.replace(request, confirmed_plan=plan.fingerprint))
    wait(engine, rollback)
    rolled_back = look(engine, time.time(), rollback, backup)
    return {
        "done": done,
        "running": in_the_middle(done, backup),
        "damaged": damaged,
        "rolled-back": rolled_back,
    }


def look_inside(engine: StoreEngine, answers: Answers, names: Mapping[Kind, str]) -> None:
    """Record what is in some directories and tables, beside the damaged store."""
    inside, parts, standing = engine.inside, [], []
    for kind, directories in ((Kind.CODE, ("", "app", "app/etc")), (Kind.DB, ("",))):
        for directory in directories:
            name, found = names[kind], list[StandingView]()
            key = inside_key(name, directory)
            parts.append((key, inside.children(name, directory, after="", stop=lambda: False)))
            inside.standing(name, directory, found=found.extend, stop=lambda: False)
            standing.append((key, tuple(found)))
    answers.inside, answers.standing = tuple(parts), tuple(standing)
    table = inside.table(names[Kind.DB], TABLE)
    rows = table.beside(0, show_secrets=False)
    table.close()
    answers.rows = structs.replace(rows, rows=rows.rows[:40], total=min(40, rows.total))


def older_sets(engine: StoreEngine) -> None:
    """Make sets of earlier days of the newest one, so that the list is that of a shop in use."""
    listing = list_backups(engine.backups().directory)
    with open_backups(listing.directory) as place:
        for backup in listing.sets[0].backups:
            manifest = backup.manifest
            assert manifest is not None
            for days in OLDER_DAYS:
                timestamp = backup.name.timestamp - days * 86_400 + 3_600 * (days % 3)
                name = backup.name.text.replace(str(backup.name.timestamp), str(timestamp))
                if days in DB_ONLY and backup.kind is not Kind.DB:
                    continue
                os.link(backup.path, os.path.join(listing.directory, name))
                note = "before the deployment of friday" if days == 4 else ""
                older = structs.replace(manifest, file_name=name, timestamp=timestamp, note=note)
                write_manifest(place, older)


def in_the_middle(done: Answers, job_id: str) -> Answers:
    """Return the moment when the same job had verified half of the code archive."""
    events = done.streams[job_id]
    middle = [
        index
        for index, stamped in enumerate(events)
        if isinstance(stamped.event, Progressed)
        and stamped.event.step is Step.VERIFY
        and stamped.event.kind is Kind.CODE
    ]
    last = middle[len(middle) // 2]
    job = structs.replace(done.jobs[0], running=True, outcome=None, elapsed_s=None)
    return structs.replace(
        done,
        now_s=events[last].time_s + 0.1,
        closed=True,
        backups=structs.replace(done.backups, sets=()),
        jobs=(job,),
        streams={job_id: events[: last + 1]},
    )


def read_all(engine: StoreEngine, job_id: str) -> list[Stamped]:
    """Return all events of a job."""
    stream = engine.stream(job_id)
    found: list[Stamped] = []
    while events := stream.poll():
        found.extend(events)
    return found


def all_nodes(engine: StoreEngine, kind: Kind) -> Iterator[PlannedNode]:
    """Yield the whole tree of a plan."""
    directories = [""]
    while directories:
        for node in engine.planned.children(kind, directories.pop(), 0):
            yield node
            if node.is_directory:
                directories.append(node.path)


def wait(engine: StoreEngine, job_id: str) -> None:
    """Wait for the end of a job."""
    stream = engine.stream(job_id)
    while not stream.ended:
        stream.poll()
        time.sleep(0.2)


def freeze(answers: Answers, root: str, server_socket: str, shift_s: int) -> Answers:
    """Return the answers as if they had been given on `HOST`, at `ROOT`, at `BEGAN_S`."""
    texts = {root: ROOT, server_socket: "/run/mysqld/mysqld.sock", socket.gethostname(): HOST}
    for one in answers.backups.sets:
        texts[str(one.timestamp)] = str(one.timestamp + shift_s)
        for backup in one.backups:
            for label, words in backup.details:
                if label == "Taken on":
                    texts[words.rpartition(" ")[2]] = _iso(one.timestamp + shift_s)
    frozen = Frozen(texts=texts, shift_s=shift_s)
    fields = {
        one.name: frozen.apply(getattr(answers, one.name), one.name)
        for one in structs.fields(answers)
        if one.name not in ("streams", "now_s")
    }
    user = getpass.getuser()
    fields["store"] = structs.replace(fields["store"], owner="deploy")
    fields["jobs"] = tuple(
        structs.replace(job, user="deploy" if job.user == user else job.user)
        for job in fields["jobs"]
    )
    streams = {
        job_id: [frozen.apply(stamped) for stamped in events]
        for job_id, events in answers.streams.items()
    }
    return Answers(now_s=answers.now_s + shift_s, streams=streams, **fields)


def _iso(when_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when_s))
