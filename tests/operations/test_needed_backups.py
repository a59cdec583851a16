"""A backup that an unfinished job or an undo needs is not deleted, on a real store."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

from core.events import Kind
from core.jobs.deleting import refuse_deletion
from core.operations.job_files import open_jobs
from core.operations.needed_backups import needed_backups
from core.operations.requests import DiscardRequest, UndoRequest
from tests.contents.looking import make_store
from tests.integration.commands import magerewind
from tests.shop import Shop


def needs(shop):
    return needed_backups(open_jobs(shop.store))


def refused(shop, name):
    """Try to delete it; return the refusal."""
    assert os.path.exists(os.path.join(shop.store.backups, name))
    said = magerewind(shop, "info:backups:delete", name, "--yes", code=1)
    assert os.path.exists(os.path.join(shop.store.backups, name))
    return said.err


def test_a_backup_is_needed_from_the_start_of_a_rollback_to_the_end_of_its_undo(tmp_path):
    made = make_store(tmp_path / "store")
    root = made.root
    made.put("app/etc/env.php", b"<?php return ['install' => ['date' => 'x']];", 0o600)
    made.put("pub/media/a.jpg", b"a picture")
    shop = Shop(root, SimpleNamespace(pid=0, socket=""), "none")  # files alone ask no server
    assert needed_backups(open_jobs(shop.store)) == {}
    request = shop.back_up((Kind.MEDIA,))
    name, later = request.media_file, Path(shop.root) / "pub/media/later.jpg"
    assert needs(shop) == {}
    later.write_bytes(b"\xff\xd8later")
    died, _ = shop.run(request, fault="rename:1:kill")
    assert died.interrupted
    assert needs(shop) == {name: f"job {died.job_id}"}
    assert f"{name} is not deleted: job {died.job_id} has not ended" in refused(shop, name)
    shop.recover()
    assert needs(shop) == {}
    done, _ = shop.run(request)
    assert not later.exists()
    assert needs(shop) == {name: f"the undo of job {done.job_id}"}
    assert needed_backups(open_jobs(shop.store), besides=done.job_id) == {}
    undone, _ = shop.run(UndoRequest(job_id=done.job_id))
    assert later.exists()
    assert needs(shop) == {name: f"the undo of job {undone.job_id}"}, "by way of what it undid"
    refuse_deletion(shop.client(), (name,))  # by hand: an undo of files holds all that it needs
    shop.run(DiscardRequest(job_id=undone.job_id))
    assert needs(shop) == {}
    magerewind(shop, "info:backups:delete", name, "--yes", code=0)
    assert not os.path.exists(os.path.join(shop.store.backups, name))
