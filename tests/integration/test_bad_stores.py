"""A store that is broken, closed or incomplete: one line names it, and nothing is touched."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.integration.commands import as_root, instead, magerewind, untouched
from tests.long import few, some

BACKUP = ("setup:backup", "--db")


@pytest.fixture
def env_php(shop):
    return Path(shop.root) / "app/etc/env.php"


@pytest.fixture
def before(shop):
    return sorted(os.listdir(shop.store.backups))


def refused(shop, before, *words, **how):
    """Run a command that must be refused in one line, with nothing on stdout."""
    said = magerewind(shop, *words, code=1, **how)
    assert said.out == ""
    assert 1 <= len(said.problem) <= 2, "a line, and perhaps a hint"
    assert "Traceback" not in said.err
    assert "secr3t" not in said.err
    untouched(shop, before)
    return said.problem


def test_no_store(shop, tmp_path):
    said = magerewind(shop, "setup:backup", "--code", cwd=tmp_path, code=1)
    assert said.problem[0] == (
        f"No Magento store in {tmp_path} or above: looked for two of bin/magento, app/etc/, "
        "vendor/magento/, pub/index.php, var/backups/."
    )
    said = magerewind(shop, "info:store", "--root", str(tmp_path / "no such"), code=1)
    assert said.problem[0] == f"No Magento store: there is no directory {tmp_path}/no such."


def test_var_backups_alone_is_enough_for_a_rollback_with_root_only(shop, tmp_path):
    (tmp_path / "var/backups").mkdir(parents=True)
    said = magerewind(shop, "setup:backup", "--code", "--root", str(tmp_path), code=1)
    assert "found var/backups" in said.problem[0]
    words = ("setup:rollback", "-y", "-c", "1700000000_filesystem.tgz", "--root", str(tmp_path))
    said = magerewind(shop, *words, code=1)
    assert said.problem[0] == (
        "The rollback file doesn't exist. Verify the file and try again. "
        "(1700000000_filesystem.tgz)"
    )


@pytest.mark.parametrize(
    ("content", "line"),
    few(
        [
            (None, "{path} is missing."),
            (b"not PHP at all\n", "{path}, line 1: no PHP: there is no <?php."),
            (b"<?php\nreturn ['db' => [;\n", "{path}, line 2: "),
            (
                b"<?php\n$a = [];\nforeach ([1] as $b) { $a[] = $b; }\nreturn $a;\n",
                "{path}, line 3: ",
            ),
            (b"", "{path}"),
        ],
        0,
        1,
        3,
    ),
)
def test_an_env_php_that_cannot_be_used(shop, before, env_php, content, line):
    with instead(env_php, content):
        problem = refused(shop, before, *BACKUP, environ={"PATH": "/nonexistent"})
        assert problem[0].startswith(line.format(path=env_php))
        if content and b"foreach" in content:
            assert "a loop (foreach) is not data" in problem[0]
        # Code does not need it.
        magerewind(shop, "setup:backup", "--code", "--dry-run", code=0)


def test_info_store_prints_what_it_knows_without_env_php(shop, env_php):
    with instead(env_php, None):
        said = magerewind(shop, "info:store", code=1)
        assert f"Root          {shop.root}" in said.lines
        assert any(line.startswith("Magento       2.4.") for line in said.lines)
        assert "Installed     unknown" in said.lines
        assert f"{env_php} is missing." in said.err


@as_root
def test_an_env_php_that_may_not_be_read(shop, before, env_php, ordinary):
    os.chown(env_php, 0, 0)
    env_php.chmod(0o600)
    try:
        problem = refused(shop, before, *BACKUP, uid=ordinary)
    finally:
        os.chown(env_php, ordinary, ordinary)
    assert problem == [
        f"{env_php} cannot be read: Permission denied.",
        "Run it as the owner of the store's files.",
    ]


@pytest.mark.parametrize(
    ("was", "becomes", "line"),
    [
        ("{socket}", "/nonexistent/socket", "No database server answers at /nonexistent/socket: "),
        ("'password' => 'shop'", "'password' => 'secr3t'", "refused the login of 'shop'."),
        ("'username' => 'shop'", "'username' => 'nobody'", "refused the login of 'nobody'."),
        ("'{schema}'", "'nowhere'", "The account 'shop' may not use the schema 'nowhere'."),
    ],
)
@pytest.mark.parametrize("command", some(["backup", "rollback"], "rollback"))
def test_a_database_that_cannot_be_used(shop, before, env_php, command, was, becomes, line):
    was = was.format(socket=shop.server.socket, schema=shop.schema)
    text = env_php.read_text()
    assert was in text
    with instead(env_php, text.replace(was, becomes).encode()):
        if command == "backup":
            problem = refused(shop, before, *BACKUP)
        else:
            said = magerewind(shop, "setup:rollback", "-y", "-d", shop.request.db_file, code=1)
            assert said.out == ""
            untouched(shop, before)
            problem = [text for text in said.problem if line in text]
        assert line in problem[0]


def test_a_group_of_tables_that_does_not_exist(shop, before):
    said = magerewind(shop, *BACKUP, "--strip", "@nothing", code=2)
    assert said.out == "", "refused before the store is closed"
    assert said.problem[0] == "--strip: There is no group of tables '@nothing'."
    untouched(shop, before)


def test_a_misspelt_table_of_strip_is_named(shop):
    words = ("--strip", "customer_entiy,customer_entity,@mailchimp", "--strip", "quot*x")
    planned = magerewind(shop, *BACKUP, *words, "--dry-run", code=0)
    at = planned.problem.index(
        "No table has these names, so the rows of none were left out for them:"
    )
    assert planned.problem[at + 1 : at + 3] == ["  customer_entiy", "  quot*x"]
    said = magerewind(shop, *BACKUP, "--no-verify", *words, code=0)
    assert said.problem[-4:] == [
        "Warning: No table has these names, so the rows of none were left out for them:",
        "  customer_entiy",
        "  quot*x",
        "Complete with 1 warning.",
    ]


def test_a_dump_that_holds_nothing_is_said_once(shop, before):
    dump = Path(shop.root) / "var/backups/1600000000_db.sql"
    dump.touch()
    try:
        said = magerewind(shop, "setup:rollback", "-d", dump.name, "--dry-run", code=1)
    finally:
        dump.unlink()
    assert said.problem.count("The dump holds nothing.") == 1
    assert len(said.problem) == len(set(said.problem)), said.err
    untouched(shop, before)


def test_other_databases_of_the_store_are_named(shop, env_php):
    default = re.search(r"'default' => \[\s*'host'.*?\]\s*\]", env_php.read_text(), re.DOTALL)[0]
    others = {
        "indexer": default,  # the same database once more
        "sales": default.replace(f"'{shop.schema}'", "'sales'"),
        "checkout": re.sub(r"'host' => '[^']*'", "'host' => 'db2.example:3306'", default),
    }
    entries = [text.replace("'default'", f"'{name}'", 1) for name, text in others.items()]
    text = env_php.read_text().replace(default, ",\n".join([default, *entries]))
    with instead(env_php, text.encode()):
        said = [
            magerewind(shop, *words, code=0) for words in ((*BACKUP, "--dry-run"), ("info:store",))
        ]
        (store,) = magerewind(shop, "info:store", "--json", code=0).objects
    assert [one["names"] for one in store["warnings"]] == [["checkout", "sales"]]
    assert said[0].problem == said[1].problem
    assert said[0].problem == [
        "Warning: Only the default connection is backed up; these use databases of their own:",
        "  checkout",
        "  sales",
    ]


def test_a_store_that_is_not_installed(shop, before, env_php):
    text = re.sub(r"'date' =>", "'no date' =>", env_php.read_text())
    with instead(env_php, text.encode()):
        sentence = "No information is available: the Magento application is not installed."
        problem = refused(shop, before, *BACKUP)
        assert problem[0] == sentence
        assert problem[1].startswith("Roll the code back: magerewind setup:rollback --code-file=")
        assert refused(shop, before, "setup:backup", "--media")[0] == sentence
        media, db = ("-m", shop.request.media_file), ("-d", shop.request.db_file)
        assert refused(shop, before, "setup:rollback", "-y", *media)[0] == sentence
        assert refused(shop, before, "setup:rollback", "-y", *db)[0] == sentence
        # The code backup holds values that the live file lacks.
        code = ("-c", shop.request.code_file)
        said = magerewind(shop, "setup:rollback", "--dry-run", *code, *media, *db, code=0)
        assert "is read from the code backup instead." in said.err


@as_root
def test_backups_that_may_not_be_written(shop, before, ordinary):
    backups = Path(shop.store.backups)
    os.chown(backups, 0, 0)
    backups.chmod(0o755)
    try:
        problem = refused(shop, before, "setup:backup", "--code", uid=ordinary)
    finally:
        os.chown(backups, ordinary, ordinary)
        backups.chmod(0o700)
    assert problem == [
        f"Backups directory is not writeable: {backups}",
        "This account owns the store: mend owner or mode there, or run it as root (--as root).",
    ]


@as_root
def test_var_that_may_not_be_written(shop, before, ordinary):
    said = magerewind(shop, "setup:backup", "--code", uid=ordinary + 1, code=1)
    assert "This account may not" in said.problem[0]
    assert "\n" not in said.problem[0]
    untouched(shop, before)


@as_root
def test_what_cannot_be_read_is_named_all_of_it(shop, before, ordinary):
    closed = [
        Path(shop.root) / "app/secret one",
        Path(shop.root) / "vendor/secret\x1b[31m",
        Path(shop.root) / "pub/media/secret two",
    ]
    for path in closed:
        path.touch()
        path.chmod(0o600)
    try:
        said = magerewind(shop, "setup:backup", "--code", "--media", uid=ordinary, code=1)
        untouched(shop, before)
        assert said.out == ""
        assert "\x1b" not in said.err
        for name in ("app/secret one", "vendor/secret\\x1b[31m", "pub/media/secret two"):
            assert name in said.err
        # Left out, they stop nothing.
        leave = ("--exclude", "app/secret one", "--exclude", "vendor/secret*")
        magerewind(shop, "setup:backup", "--code", *leave, "--dry-run", uid=ordinary, code=0)
    finally:
        for path in closed:
            path.unlink()


@as_root
def test_a_store_that_may_not_be_looked_into(shop, ordinary):
    mode = os.stat(shop.root).st_mode
    os.chmod(shop.root, 0o700)
    try:
        closed = f"Run it as {ordinary}, the owner of the store, or as root."
        for root, hint in (
            (shop.root, closed),
            (f"{shop.root}/pub", "Run it as the owner of the store."),
        ):
            words = ("setup:backup", "--code", "--root", root)
            said = magerewind(shop, *words, uid=ordinary + 1, cwd="/", code=1)
            assert said.problem == [
                f"Cannot look into {root}: permission denied.",
                hint,
            ]
    finally:
        os.chmod(shop.root, mode)
