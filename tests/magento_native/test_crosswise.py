"""Backup by one, rollback by the other: magerewind and Magento itself, all four ways.

Needs an installed Magento tree with a dump of its schema, and php; `make magento` runs it. The tree
is copied, and the copy gets a database of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shop import connection_to

TREE = os.environ.get("MAGEREWIND_MAGENTO", "")
DUMP = os.environ.get("MAGEREWIND_MAGENTO_DUMP", os.path.join(TREE, "magento2.sql"))
PHP = os.environ.get("MAGEREWIND_PHP", "php8.2")
# Magento cuts its statements with regular expressions that give up on long ones.
LIMITS = ("pcre.jit=0", "pcre.backtrack_limit=100000000", "memory_limit=-1")
KINDS = ("code", "media", "db")
ADDED = ("app/code/added.php", "pub/media/added.txt")

pytestmark = [
    pytest.mark.magento,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not os.path.isfile(os.path.join(TREE, "bin/magento")) or not os.path.isfile(DUMP),
        reason="MAGEREWIND_MAGENTO names no Magento tree with a dump magento2.sql in it",
    ),
    pytest.mark.skipif(shutil.which(PHP) is None, reason=f"there is no {PHP}"),
]


class Installed:
    """A copy of the tree at work on a schema of a private server."""

    def __init__(self, root, server):
        self.root = Path(root)
        self.server = server
        self.settings = connection_to(server, "native")
        shutil.copytree(TREE, root, symlinks=True, ignore=shutil.ignore_patterns("magento2*.sql"))
        for name in ("var/backups", "var/cache", "var/.magerewind"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        self._load()
        self._configure()
        media = self.root / "pub/media/catalog/product/a"
        media.mkdir(parents=True, exist_ok=True)
        for number in range(20):
            (media / f"{number}.jpg").write_bytes(b"\xff\xd8picture %d" % number)

    def _load(self):
        self.server.make_schema("native")
        text = Path(DUMP).read_text(encoding="utf-8", errors="surrogateescape")
        text = text.replace("utf8mb4_0900_ai_ci", "utf8mb4_general_ci")
        text = re.sub(r"DEFINER=`[^`]*`@`[^`]*`", "", text)
        done = subprocess.run(
            self.server.client("native"),
            input=text.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # Magento's own rollback fails at every trigger: it knows no DELIMITER.
        triggers = self.ask("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS")
        self.server.run("".join(f"DROP TRIGGER `{one}`;" for one in triggers), schema="native")
        self.server.run(
            "CREATE VIEW seen AS SELECT config_id, CONCAT(path, ';') AS p"
            " FROM core_config_data; GRANT ALL ON native.* TO shop@localhost;",
            schema="native",
        )

    def _configure(self):
        path = self.root / "app/etc/env.php"
        values = {"host": self.server.socket, "dbname": "native", "username": "shop"}
        text = path.read_text()
        for key, value in {**values, "password": "shop"}.items():
            text = re.sub(rf"('{key}' => )'[^']*'", rf"\g<1>'{value}'", text)
        enabled = (
            "'system' => ['default' => ['system' => ['backup' => ['functionality_enabled' => 1]]]],"
        )
        path.write_text(text.replace("return [", f"return [ {enabled}", 1))

    def ask(self, query):
        """Return the first column of what is found in the schema."""
        where = " AND " if " WHERE " in query else " WHERE "
        column = "TRIGGER_SCHEMA" if "TRIGGERS" in query else "TABLE_SCHEMA"
        return self.server.run(f"{query}{where}{column} = 'native'").splitlines()[1:]

    def magento(self, *words, stdin=""):
        options = [word for limit in LIMITS for word in ("-d", limit)]
        return self._run([PHP, *options, "bin/magento", *words], stdin)

    def ours(self, *words):
        return self._run([sys.executable, "-I", "-m", "core", *words, "--root", str(self.root)], "")

    def _run(self, command, stdin):
        done = subprocess.run(
            command, cwd=self.root, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stdout[-4000:], done.stderr[-4000:])
        return done.stdout

    def back_up(self, maker):
        """Return the names of a backup by kind."""
        kinds = [f"--{kind}" for kind in KINDS]
        if maker == "ours":
            said = self.ours("setup:backup", *kinds, "--names=magento")
        else:
            said = self.magento("setup:backup", *kinds)
        names = re.findall(r"backup filename: (\S+)", said)
        assert len(names) == 3, said
        return dict(zip(KINDS, names, strict=True))

    def roll_back(self, taker, names):
        words = ["setup:rollback", *(f"--{kind}-file={name}" for kind, name in names.items())]
        if taker == "ours":
            self.ours(*words, "--yes", "--no-flush")
            self.ours("job:discard", "--yes")
        else:
            said = self.magento(*words, stdin="y\ny\n")
            assert said.count("[SUCCESS]") == 3, said

    def damage(self):
        autoload = self.root / "vendor/magento/framework/App/Bootstrap.php"
        autoload.write_text(autoload.read_text() + "\n// damaged\n")
        (self.root / "vendor/magento/module-catalog/README.md").unlink()
        media = self.root / "pub/media/catalog/product/a"
        (media / "1.jpg").write_bytes(b"damaged")
        (media / "2.jpg").unlink()
        for path in ADDED:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text("added")
        self.server.run(
            "SET FOREIGN_KEY_CHECKS = 0;"
            "UPDATE core_config_data SET value = 'damaged' WHERE path NOT LIKE 'system/backup%';"
            "DROP TABLE url_rewrite; DROP VIEW seen; DELETE FROM eav_attribute LIMIT 20;",
            schema="native",
        )

    def files(self):
        """Return what code and media hold: by path, the digest or the target of a link."""
        found = {}
        left_out = {"var", "pub/static", "generated", "node_modules", ".git"}
        for directory, names, files in os.walk(self.root):
            inside = os.path.relpath(directory, self.root)
            names[:] = [
                name for name in names if os.path.normpath(f"{inside}/{name}") not in left_out
            ]
            for name in files:
                path = os.path.join(directory, name)
                key = os.path.normpath(os.path.join(inside, name))
                if os.path.islink(path):
                    found[key] = os.readlink(path)
                else:
                    found[key] = hashlib.blake2b(Path(path).read_bytes()).hexdigest()
        return found

    def tables(self):
        """Return a checksum of the rows and the definition of every table, and every view."""
        tables = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = "
        names = [f"`native`.`{name}`" for name in self.ask(f"{tables}'BASE TABLE'")]
        sums = self.server.run(f"CHECKSUM TABLE {', '.join(names)} EXTENDED").splitlines()[1:]
        found = dict(line.split("\t") for line in sums)
        for name in names:
            create = self.server.run(f"SHOW CREATE TABLE {name}").splitlines()[1]
            found[f"definition of {name}"] = re.sub(r" AUTO_INCREMENT=\d+", "", create)
        for name in self.ask(f"{tables}'VIEW'"):
            row = self.server.run(f"SHOW CREATE VIEW `native`.`{name}`").splitlines()[1]
            # Magento writes neither who defined a view nor under which character set.
            found[f"view {name}"] = re.sub(r"DEFINER=\S+", "", row.split("\t")[1])
        return found


@pytest.fixture(scope="module")
def installed(server, tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("magento") / "store", server)


def differences(before, after):
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@pytest.mark.parametrize("taker", ["ours", "magento"])
@pytest.mark.parametrize("maker", ["ours", "magento"])
def test_backup_by_one_and_rollback_by_the_other(maker, taker, installed):
    installed.magento("cache:flush")
    files, tables = installed.files(), installed.tables()
    names = installed.back_up(maker)
    listed = installed.magento("info:backups:list") + installed.ours("info:backups:list")
    assert [listed.count(name) for name in names.values()] == [2, 2, 2]
    installed.ours("info:backups:verify", *names.values())
    installed.damage()
    installed.roll_back(taker, names)
    # Where the backups are kept, Magento unpacks over what is there.
    stays = set(ADDED) if taker == "magento" else set()
    assert differences(files, installed.files()) == stays
    assert differences(tables, installed.tables()) == set()
    for path in stays:
        (installed.root / path).unlink()
    assert not (installed.root / "var/.maintenance.flag").exists()
