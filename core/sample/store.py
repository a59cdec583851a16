"""A tree of files that is shaped like an installed Magento 2 store.

It owns the layout and the oddities that real stores have: long paths, names that are not UTF-8,
links of each sort, unusual modes, empty directories. It knows nothing of backups.
"""

from __future__ import annotations

import json
import os
import random
from typing import Final

from core.magento.settings import DatabaseConnection, Secret
from core.sample.pictures import jpeg, png
from core.sample.sizes import FILES, Size
from core.sample.text import SourceText, words
from core.sample.tree import Tree

VERSION: Final = "2.4.7-p3"
_EDITION: Final = "community"
_UNSET: Final = DatabaseConnection(
    name="default", schema="magento", username="magento", password=Secret("magento")
)
# Where a module keeps its files; a third of the paths are between 100 and 220 bytes long.
_PLACES: Final = (
    "Api/{0}Interface.php",
    "Api/Data/{0}SearchResultsInterface.php",
    "Block/Adminhtml/{0}/Edit/Tab/Form{1}.php",
    "Controller/Adminhtml/{0}/{1}.php",
    "Model/{0}.php",
    "Model/ResourceModel/{0}/Collection{1}.php",
    "Plugin/{0}Plugin.php",
    "Observer/{0}Observer.php",
    "Setup/Patch/Data/{0}.php",
    "etc/{0}.xml",
    "etc/adminhtml/{0}.xml",
    "view/frontend/layout/{0}_{1}.xml",
    "view/frontend/templates/{0}/{1}.phtml",
    "view/frontend/web/js/{0}/{1}.js",
    "view/adminhtml/web/css/source/_{0}.less",
    "Test/Unit/Model/ResourceModel/{0}/Indexer/Fulltext/{1}ProviderTest.php",
    "Test/Integration/testsuite/Magento/{0}/Model/ResourceModel/_files/{0}{1}_with_rollback.php",
    "Test/Mftf/ActionGroup/{0}/AdminAssertAttribute{0}{1}IsVisibleOnTheGridActionGroup.xml",
    "i18n/{0}_{1}.csv",
    "README.{0}.md",
)
_FILES_OF_A_MODULE: Final = 180

_CONSOLE: Final = """\
#!/usr/bin/env php
<?php
// Stands in for Magento's own console in the sample store.
$command = $argv[1] ?? 'list';
if ($command === '--version' || $command === '-V') {
    echo "Magento CLI @VERSION@\\n";
    exit(0);
}
if ($command === 'cache:flush') {
    echo "Flushed cache types:\\nconfig\\nlayout\\nblock_html\\nfull_page\\n";
    exit(0);
}
fwrite(STDERR, "\\n  Command \\"$command\\" is not defined.\\n\\n");
exit(1);
"""
_ENV_PHP: Final = """<?php
return [
    'backend' => [
        'frontName' => 'admin_sample'
    ],
    'cache' => [
        'frontend' => [
            'default' => [
                'id_prefix' => 'abc_'
            ]
        ],
        'allow_parallel_generation' => false
    ],
    'queue' => [
        'consumers_wait_for_messages' => 1
    ],
    'crypt' => [
        'key' => '%(key)s'
    ],
    'db' => [
        'table_prefix' => %(table_prefix)s,
        'connection' => [
            'default' => [
                'host' => %(host)s,
                'dbname' => %(schema)s,
                'username' => %(username)s,
                'password' => %(password)s,
                'model' => 'mysql4',
                'engine' => 'innodb',
                'initStatements' => 'SET NAMES utf8;',
                'active' => '1',
                'driver_options' => [
                    1014 => false
                ]
            ]
        ]
    ],
    'resource' => [
        'default_setup' => [
            'connection' => 'default'
        ]
    ],
    'x-frame-options' => 'SAMEORIGIN',
    'MAGE_MODE' => 'production',
    'session' => [
        'save' => 'files'
    ],
    'lock' => [
        'provider' => 'db'
    ],
    'directories' => [
        'document_root_is_pub' => true
    ],
    'cache_types' => [
        'config' => 1,
        'layout' => 1,
        'full_page' => 1
    ],
    'install' => [
        'date' => 'Tue, 14 Mar 2023 09:26:53 +0000'
    ]
];
"""


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def env_php(connection: DatabaseConnection, *, seed: int = 1) -> bytes:
    """Return the text of `app/etc/env.php` for a database connection, as Magento writes it."""
    host = connection.socket or f"{connection.host}:{connection.port}"
    key = random.Random(f"key {seed}").randbytes(16).hex()  # noqa: S311 - a sample, not a secret
    values = {
        "key": key,
        "table_prefix": _quoted(connection.table_prefix),
        "host": _quoted(host),
        "schema": _quoted(connection.schema),
        "username": _quoted(connection.username),
        "password": _quoted(connection.password.reveal()),
    }
    return (_ENV_PHP % values).encode("utf-8", "surrogateescape")


def _composer() -> tuple[bytes, bytes]:
    package = f"magento/product-{_EDITION}-edition"
    project = {
        "name": f"magento/project-{_EDITION}-edition",
        "type": "project",
        "version": VERSION,
        "require": {package: VERSION},
    }
    lock = {
        "content-hash": "0" * 32,
        "packages": [
            {"name": "magento/framework", "version": "103.0.7-p3", "type": "magento2-library"},
            {"name": "magento/magento2-base", "version": VERSION, "type": "magento2-component"},
            {"name": package, "version": VERSION, "type": "metapackage"},
        ],
    }
    return json.dumps(project, indent=4).encode(), json.dumps(lock, indent=4).encode()


def _put_base(tree: Tree, text: SourceText) -> None:
    """Make the files that every installation has, and those that trap an ignore list."""
    project, lock = _composer()
    tree.put("composer.json", project)
    tree.put("composer.lock", lock)
    tree.put("bin/magento", _CONSOLE.replace("@VERSION@", VERSION).encode(), mode=0o755)
    for name in ("index.php", "pub/index.php", "pub/get.php", "pub/static.php", "pub/cron.php"):
        tree.put(name, text.php("Sample", "Bootstrap", 1_500))
    for name in (".gitignore", ".gitattributes", ".htaccess", ".user.ini", "pub/.htaccess"):
        tree.put(name, text.prose(name, 400))
    tree.put(".github/workflows/check.yml", text.prose("check", 300))
    tree.put("COPYING.txt", text.prose("Copying", 12_000))
    tree.put("nginx.conf.sample", text.prose("nginx", 7_000))
    tree.put("auth.json", b'{"http-basic": {}}\n', mode=0o600)
    # Names that begin like an ignored path without being one.
    tree.put("variants/read me.txt", text.prose("variants", 200))
    tree.put("update.sh", b"#!/bin/sh\nexit 0\n", mode=0o755)
    tree.put("pub/media_old/kept.txt", b"kept\n")
    # Paths that Magento leaves out of a backup of the code.
    for name in (
        ".git/HEAD",
        ".idea/workspace.xml",
        "node_modules/left/index.js",
        "update/app.php",
    ):
        tree.put(name, text.prose(name, 100))


def _put_configuration(tree: Tree, rng: random.Random, env: bytes) -> None:
    modules = sorted({"Magento_" + "".join(words(rng, 2)) for _ in range(120)})
    rows = "".join(f"        {_quoted(module)} => 1,\n" for module in modules)
    config = f"<?php\nreturn [\n    'modules' => [\n{rows}    ]\n];\n"
    tree.put("app/etc/config.php", config.encode(), mode=0o640)
    tree.put("app/etc/env.php", env, mode=0o640)
    tree.put("app/etc/di.xml", b"<config/>\n")
    tree.put("app/etc/vendor_path.php", b"<?php\nreturn './vendor';\n")


def _module_files(rng: random.Random) -> list[tuple[str, str, str]]:
    """Return (path, namespace, class) of the files of one module."""
    first, second = words(rng, 2)
    vendor = rng.choices(("magento", "acme", "third-party"), (8, 1, 1))[0]
    base = f"vendor/{vendor}/module-{first}-{second}-{rng.randrange(10_000)}".lower()
    entities = ["".join(words(rng, 2)) for _ in range(2)]
    actions = ["".join(words(rng, rng.randint(1, 3))) for _ in range(12)]
    files = {}
    for place in rng.choices(_PLACES, k=_FILES_OF_A_MODULE):
        entity = rng.choice(entities)
        path = f"{base}/{place.format(entity, rng.choice(actions))}"
        files[path] = (path, f"Sample\\{first}\\{second}", entity)
    return list(files.values())


def _content(text: SourceText, path: str, namespace: str, name: str) -> bytes:
    length = text.length()
    match path.rpartition(".")[2]:
        case "php" | "phtml":
            return text.php(namespace, name, length)
        case "xml":
            return text.xml(name, length)
        case "js" | "less":
            return text.script(name, length)
        case _:
            return text.prose(name, length)


def _put_code(tree: Tree, rng: random.Random, text: SourceText, count: int) -> None:
    """Make about `count` files of installed code: vendor, lib, setup, generated."""
    end = tree.files + count
    while tree.files < end:
        for path, namespace, name in _module_files(rng):
            tree.put(path, _content(text, path, namespace, name))
            if path.endswith("Interface.php") and rng.random() < 0.5:
                proxy = f"generated/code/{namespace}/{name}Proxy.php".replace("\\", "/")
                tree.put(proxy, text.php(namespace, name, 1_200))
    for number in range(count // 100):
        tree.put(f"lib/web/mage/{number:04}.js", text.script(str(number), text.length()))
    tree.put("lib/web/images/spinner.png", png(rng, 60_000))
    tree.put("vendor/autoload.php", b"<?php\n")


def _put_oddities(tree: Tree, base: str) -> None:
    """Make the names, links, modes and empty things that real stores have, below `base`."""
    for name in (
        "two words.txt",
        "cost $5 & 'more' \"quoted\".txt",
        "-rf",
        "back\\slash.txt",
        "line\nbreak.txt",
        "größe-äöü-漢字-\N{SHOPPING TROLLEY}.txt",
        "combining-e\N{COMBINING ACUTE ACCENT}.txt",
    ):
        tree.put(f"{base}/{name}", name.encode())
    tree.put(os.fsencode(base) + b"/latin-caf\xe9.txt", b"latin 1\n")
    tree.put(os.fsencode(base) + b"/broken-\xff\xfe-dir/inside-\x80.txt", b"bytes\n")
    tree.put(f"{base}/" + "long-name-" * 20 + ".txt", b"a name of 204 bytes\n")
    tree.put(f"{base}/empty.txt", b"")
    tree.directory(f"{base}/empty directory")
    tree.directory(f"{base}/nested/empty/inside")
    tree.link(f"{base}/link to file", "two words.txt")
    tree.link(f"{base}/link to directory", "nested")
    tree.link(f"{base}/link dangling", "no/such/file")
    tree.link(f"{base}/link absolute", "/etc/hostname")
    tree.link(f"{base}/link upwards", "../..")
    tree.link(os.fsencode(base) + b"/link-\xe9", os.fsencode("latin-caf") + b"\xe9.txt")
    tree.link(f"{base}/link long", "deep/" * 40 + "target")
    tree.put(f"{base}/second name.txt", b"one file, two names\n")
    tree.same_file(f"{base}/first name.txt", f"{base}/second name.txt")
    for mode in (0o400, 0o444, 0o600, 0o640, 0o711, 0o664, 0o775):
        tree.put(f"{base}/mode {mode:o}.sh", f"#!/bin/sh\n# {mode:o}\n".encode(), mode=mode)
    for mode in (0o500, 0o700, 0o1777, 0o2775):
        tree.directory(f"{base}/directory {mode:o}", mode=mode)


def _put_media(tree: Tree, rng: random.Random, count: int, largest: int) -> None:
    """Make `count` pictures: products, their resized copies, and content."""
    caches = [rng.randbytes(16).hex() for _ in range(3)]
    pictures = 0
    while pictures < count:
        name = f"{rng.choice(words(rng, 4)).lower()}-{pictures:06}"
        folder = f"{name[0]}/{name[1]}"
        size = min(largest, int(rng.lognormvariate(9.2, 0.8)))
        suffix, make = rng.choices((("jpg", jpeg), ("png", png)), (4, 1))[0]
        tree.put(f"pub/media/catalog/product/{folder}/{name}.{suffix}", make(rng, size))
        cache = f"pub/media/catalog/product/cache/{rng.choice(caches)}/{folder}"
        tree.put(f"{cache}/{name}.{suffix}", make(rng, size // 4))
        pictures += 2
    tree.put("pub/media/.htaccess", b"Options -Indexes\n")
    tree.put("pub/media/wysiwyg/banner one.jpg", jpeg(rng, largest))
    tree.put("pub/media/tmp/upload.tmp", b"")
    tree.directory("pub/media/import")


def _put_var(tree: Tree, rng: random.Random, text: SourceText, static: int) -> None:
    """Make the entries that a backup leaves out: `var`, `pub/static`."""
    version = "1710408413"
    tree.put("pub/static/deployed_version.txt", version.encode())
    tree.put("pub/static/.htaccess", b"RewriteEngine On\n")
    for number in range(static):
        name = f"{words(rng, 1)[0].lower()}-{number}.js"
        path = f"pub/static/frontend/Magento/luma/en_US/js/{number % 16}/{name}"
        tree.put(path, text.script(name, text.length()))
    for number in range(40):
        tree.put(f"var/cache/mage--{number % 16:x}/mage---{number}", rng.randbytes(300))
    tree.put("var/page_cache/mage--0/mage---page", text.prose("page", 4_000))
    tree.put("var/view_preprocessed/pub/static/a.less", text.script("a", 500))
    tree.put("var/log/system.log", text.prose("system.log", 30_000))
    tree.put("var/.setup_cronjob_status", b"")
    tree.directory("var/tmp", mode=0o770)
    tree.directory("pub/errors/default")


def make_store(
    target: str, *, size: Size, seed: int = 1, connection: DatabaseConnection | None = None
) -> None:
    """Fill the directory `target` (made if missing) with a store; the same seed, the same store.

    small has about 3,000 files, medium 60,000, large 110,000. `app/etc/env.php` names
    `connection`, or a database that is not there. Nothing is flushed to disk.
    """
    rng = random.Random(f"store {seed} {size.value}")  # noqa: S311 - repeatable on purpose
    counts = FILES[size]
    os.makedirs(target, exist_ok=True)
    tree, text = Tree(target, rng), SourceText(rng)
    _put_base(tree, text)
    _put_configuration(tree, rng, env_php(connection or _UNSET, seed=seed))
    _put_code(tree, rng, text, counts.code)
    _put_oddities(tree, "vendor/acme/odd")
    _put_media(tree, rng, counts.pictures, counts.largest_picture)
    _put_oddities(tree, "pub/media/odd")
    _put_var(tree, rng, text, counts.static)
    tree.link("vendor/bin/magento-sample", "../../bin/magento")
    tree.link("app/code", "../vendor/acme")
    tree.directory("app/etc", mode=0o2755)  # root works only where it alone may write


def write_env(root: str, connection: DatabaseConnection, *, seed: int = 1) -> None:
    """Let the store at `root` use another database."""
    with open(os.path.join(root, "app/etc/env.php"), "wb") as out:
        out.write(env_php(connection, seed=seed))
