"""A look inside a set that is only elsewhere: list, show, extract, diff, from a real repository."""

import json
import os
from pathlib import Path

import pytest
from msgspec import structs

from core.archive.plan.listing_file import write_listing
from core.cli.configured import Configuration
from core.cli.parser import parse
from core.database.server.connection import connect
from core.directories import Directory, StateFile
from core.errors import RepositoryUnreachable
from core.events import Kind, no_report
from core.operations.remote_kept import write_whole
from tui.engine.first_choice import begin_with
from tui.engine.store_engine import StoreEngine


@pytest.fixture(scope="module")
def away(shop, restic_path, template, tmp_path_factory):
    """A shop whose only set is in a repository, in a directory; its files have odd names too."""
    from tests.repository.conftest import Remote

    remote = Remote(shop, tmp_path_factory.mktemp("away"), restic_path, template)
    remote.add_directory()
    odd = Path(shop.root) / "app/odd"
    odd.mkdir()
    (odd / "one[1].php").write_text("<?php one();")
    os.link(odd / "one[1].php", odd / "$second")
    (odd / "new\nline").write_text("line")
    (odd / "link").symlink_to("nowhere")
    Path(os.fsdecode(os.fsencode(odd) + b"/bad\xff")).write_text("no UTF-8")
    remote.run("setup:backup", "--code", "--media", "--db", "--to", "off")
    (one,) = remote.sets()
    remote.stamp = one["timestamp"]
    return remote


def names(away):
    stamp = away.stamp
    return f"{stamp}_filesystem.tgz", f"{stamp}_filesystem_media.tgz", f"{stamp}_db.sql"


def test_the_names_of_the_list_are_looked_into(away, tmp_path):
    code, media, dump = names(away)
    rows = away.run("info:backups:list", "--json").objects
    assert {row["file_name"] for row in rows if row["type"] == "RemoteBackup"} == {*names(away)}
    listed = away.run("info:backups:files", code, "app/odd", "--json").objects
    found = {row["path"]: row for row in listed if isinstance(row["path"], str)}
    assert len(listed) == 6
    assert found["app/odd/link"]["link"] == "nowhere"
    assert found["app/odd/new\nline"]["size"] == 4
    assert found["app/odd/one[1].php"]["kind"] == "hard-link"  # of $second, which comes before it
    assert len(found) == 5  # and one that is no UTF-8
    assert away.run("info:backups:show", code, "app/odd/one[1].php").out == "<?php one();"
    assert away.run("info:backups:show", code, "app/odd/new\nline").out == "line"
    to = tmp_path / "to"
    away.run("info:backups:extract", code, "app/odd", "app/etc/config.php", "--to", str(to))
    assert (to / "app/odd/$second").read_text() == "<?php one();"
    assert (to / "app/odd/new\nline").read_text() == "line"
    assert os.readlink(to / "app/odd/link") == "nowhere"
    live = Path(away.shop.root) / "app/etc/config.php"
    assert (to / "app/etc/config.php").read_bytes() == live.read_bytes()
    assert "pub/media" in away.run("info:backups:files", media).out
    assert "core_config_data" in away.run("info:backups:files", dump).out


def test_a_table_is_shown_and_compared_without_the_whole_dump_here(away):
    dump = names(away)[2]
    shown = away.run("info:backups:show", dump, "core_config_data").out
    assert "CREATE TABLE `core_config_data`" in shown
    assert shown.count("INSERT INTO") >= 1
    with connect(away.shop.settings) as connection:
        connection.query("UPDATE core_config_data SET value = 'changed' LIMIT 1")
    said = away.run("info:backups:diff", dump, "core_config_data", "--show-secrets").out
    assert "changed" in said


def test_files_are_compared_as_a_rollback_does(away):
    code = names(away)[0]
    config = Path(away.shop.root) / "app/etc/config.php"
    before = config.read_bytes()
    mode = config.parent.stat().st_mode
    config.write_bytes(before + b"// later\n")
    config.parent.chmod(0o700)
    try:
        assert "-// later" in away.run("info:backups:diff", code, "app/etc/config.php").out
        rows = away.run("info:backups:diff", code, "app", "--json").objects
        changed = [row["path"] for row in rows if row.get("sign") == "~"]
        assert changed == ["app/etc", "app/etc/config.php"]  # a directory by its mode
    finally:
        config.write_bytes(before)
        config.parent.chmod(mode)


def test_a_look_asks_the_repository_for_nothing_that_is_known(away):
    code = names(away)[0]
    place = away.place / "off"
    away.run("info:backups:files", code)
    place.rename(away.place / "gone")
    try:
        assert "app/etc" in away.run("info:backups:files", code).out
        said = away.run("info:backups:show", code, "app/etc/config.php", code=1)
        assert len(said.problem) <= 2
    finally:
        (away.place / "gone").rename(place)
    kept = Path(away.shop.store.state_directory) / "listings"
    assert {one.stat().st_mode & 0o777 for one in kept.iterdir()} == {0o600}


def test_a_name_that_is_elsewhere_is_answered_with_its_place(away):
    dump = names(away)[2]
    for words in (("setup:rollback", "-d", dump, "--dry-run"), ("info:backups:verify", dump)):
        said = away.run(*words, code=1)
        assert f"It is in off: magerewind setup:rollback --set {away.stamp} --from off" in said.err


def test_what_is_not_there_is_one_line(away):
    code, _, _ = names(away)
    assert "There is no nowhere in" in away.run("info:backups:show", code, "nowhere", code=1).err
    said = away.run("info:backups:files", code, "--from", "nobody", code=2)
    assert "There is no repository 'nobody'" in said.err
    said = away.run("info:backups:files", "1234567890_filesystem.tgz", "--from", "off", code=1)
    assert "holds no set 1234567890" in said.err
    assert away.run("info:backups:files", "1234567890_filesystem.tgz", code=1).err
    said = away.run("info:backups:files", "wordpress.sql", "--from", "off", code=2)
    assert "is no name of a part of a set" in said.err


def test_a_set_of_an_older_version_gets_the_index_of_its_dump_from_the_dump(away):
    manifest = json.loads(
        away.restic("off", "dump", "--tag=kind=manifest", "latest", "/manifest.json")
    )
    assert manifest["parts"]["db"]["index"]
    for path in (Path(away.shop.store.state_directory) / "listings").iterdir():
        try:
            row = json.loads(path.read_bytes())
            row["parts"]["db"].pop("index")
        except (ValueError, KeyError):
            continue
        path.write_text(json.dumps(row))
    assert "core_config_data" in away.run("info:backups:files", names(away)[2]).out
    words = ("setup:rollback", "--set", "latest", "-d", "--from", "off", "--dry-run")
    assert "no table can be compared with it: its set has no index" in away.run(*words).err


def test_a_listing_that_was_cut_off_is_not_kept(tmp_path):
    def lines():
        yield from ()
        raise RepositoryUnreachable("The line is cut.")

    with Directory.scratch(str(tmp_path)) as directory:
        file = StateFile(directory, "listing")
        with pytest.raises(RepositoryUnreachable):
            write_whole(file, lambda partial: write_listing(partial, lines()))
    assert os.listdir(tmp_path) == []


def test_the_application_lists_looks_and_plans_from_there(away, monkeypatch):
    monkeypatch.setenv("PATH", away.path)
    line = parse(["--config", str(away.config), "info:backups:list"])
    configuration = Configuration(line, os.environ)
    engine = StoreEngine(
        away.shop.store, read_only=False, settings=lambda root: configuration.settings(line, root)
    )
    (one,) = engine.backups().sets
    assert (one.where, one.is_here, one.kinds) == (("off",), False, tuple(Kind))
    assert engine.backups().good(Kind.CODE) == ()  # of what is here, for what deletes
    code = names(away)[0]
    inside = engine.inside.children(code, "app/odd", after="", stop=lambda: False)
    assert {view.path for view in inside} >= {"app/odd/link", "app/odd/one[1].php"}
    config = Path(away.shop.root) / "app/etc/config.php"
    before = config.read_bytes()
    config.write_bytes(before + b"// later\n")
    choice = begin_with(engine, None, chosen=one.key, broken=frozenset())
    request = choice.request
    plan = engine.plan(request, no_report)
    assert not plan.stops
    assert f"--set {away.stamp}" in engine.command(request)
    assert "--from off" in engine.command(request)
    job = engine.start(structs.replace(request, confirmed_plan=plan.fingerprint))
    client = away.shop.client()
    assert list(client.follow(job, interval_s=0.02))
    assert client.result_of(job).exit_code == 0
    assert config.read_bytes() == before
    engine.close()
