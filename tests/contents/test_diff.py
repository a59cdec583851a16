"""A backup of files beside the store as it is now."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from core.contents.secrets import masked, secrets_in
from core.events import decode_text
from tests.archive.trees import damage, tree_hash
from tests.contents.looking import NAME, Looking, foreign, make_store


@pytest.fixture
def shop(tmp_path: Path) -> Looking:
    made = make_store(tmp_path / "shop")
    made.put("app/code/same.php", b"<?php\n")
    made.back_up()
    return made


def lines(shop: Looking, *words: str) -> list[str]:
    said = shop.run("info:backups:diff", NAME, *words)
    assert (said.code, said.err) == (0, "")
    return said.out.splitlines()


def test_nothing_differs(shop: Looking) -> None:
    assert len(lines(shop)) == 1
    assert lines(shop, "app/code/A.php") == ["1 the same."]
    assert lines(shop, "app/etc") == ["3 the same."]


def test_what_comes_back_what_is_new_and_what_changed(shop: Looking) -> None:
    (shop.root / "app/code/same.php").unlink()
    shop.put("app/code/new.php", b"<?php new\n")
    shop.put("app/etc/config.php", b"<?php return [1];\n")
    (shop.root / "app/etc/env.php").chmod(0o640)
    (shop.root / "app/code/link").unlink()
    (shop.root / "app/code/link").symlink_to("B.php")
    found = lines(shop)
    assert [line.split("  (")[0] for line in found[:-1]] == [
        "~ app/code/link",
        "- app/code/new.php",
        "+ app/code/same.php",
        "~ app/etc/config.php",
        "~ app/etc/env.php",
    ]
    assert "mode 0640 -> 0600" in found[4]
    assert found[-1].startswith("1 would come back, 1 only now, 3 changed, ")
    assert [line[0] for line in lines(shop, "app/etc")[:-1]] == ["~", "~"]
    assert lines(shop, str(shop.root / "app/code/new.php"))[-1] == "1 only now."
    rows = [json.loads(line) for line in lines(shop, "--json")]
    assert [row["type"] for row in rows] == ["Difference"] * 5 + ["DifferenceTotals"]
    assert rows[4]["now"]["mode"] == "0640"
    assert rows[4]["content"] is False


def test_a_path_is_no_pattern(shop: Looking) -> None:
    shop.put("app/[a]*/new", b"")
    shop.put("app/a1/new", b"")
    assert lines(shop, "app/[a]*")[:-1] == ["- app/[a]*  (directory)", "- app/[a]*/new  (0 Bytes)"]


def test_owners_that_differ_are_told(shop: Looking) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    os.chown(shop.root / "app/code/A.php", 12345, 12346)
    [line, *_] = lines(shop, "app/code/A.php")
    assert "owner 12345:12346 -> root:0" in line


def test_a_text_is_shown_line_by_line(shop: Looking) -> None:
    shop.put("app/code/same.php", b"<?php\nnow\x1b[31m\n")
    found = lines(shop, "app/code/same.php")
    assert found[0].startswith("~ app/code/same.php  (content")
    assert found[1:] == [
        "--- app/code/same.php (now)",
        f"+++ app/code/same.php ({NAME})",
        "@@ -1,2 +1 @@",
        " <?php",
        "-now\\x1b[31m",
        "1 changed.",
    ]


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("app/code/binary.bin", b"\0now", "A binary file"),
        ("vendor/large.bin", b"small", "Files of more than 1 MiB"),
        ("app/code/same.php", b"x\n" * 20_001, "More than 20,000 lines"),
        ("app/code/same.php", b"<?php\r\n", "Only the ends of lines differ"),
        ("app/code/same.php", b"<?php\n" + b"%d\n" * 5_000, "more lines of the diff"),
        ("app/code/same.php", b"y" * 9_000, "more characters"),
    ],
)
def test_limits_are_said(shop: Looking, path: str, content: bytes, said: str) -> None:
    shop.put(path, content)
    found = lines(shop, path)
    assert said in "\n".join(found)
    assert len(found) < 2_010
    assert max(map(len, found)) < 2_100


def test_a_large_file_is_compared_whole(shop: Looking) -> None:
    path = shop.root / "vendor/large.bin"
    assert lines(shop, "vendor/large.bin") == ["1 the same."]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert lines(shop, "vendor/large.bin")[-1] == "1 changed."


def test_a_tree_differs_as_a_rollback_would_change_it(shop: Looking) -> None:
    before = tree_hash(str(shop.root))
    damage(str(shop.root / "app"), random.Random(1))
    after = tree_hash(str(shop.root))
    paths = before.keys() | after.keys()
    differing = {path for path in paths if before.get(path) != after.get(path)}
    rows = [json.loads(line) for line in lines(shop, "--json")][:-1]
    assert {os.fsencode(decode_text(row["path"])) for row in rows} == differing
    assert len(differing) > 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((NAME, "app/nothing"), f"There is no app/nothing in {NAME}, nor in the store."),
        ((NAME, "var/log"), "There is no var/log"),
        (("1763869000_snapshot.tgz",), "doesn't exist"),
    ],
)
def test_what_is_nowhere_is_one_clear_line(
    shop: Looking, words: tuple[str, ...], message: str
) -> None:
    said = shop.run("info:backups:diff", *words)
    assert said.code == 1
    assert message in said.err
    assert not said.out


def test_an_archive_of_several_kinds_is_not_compared(shop: Looking) -> None:
    (shop.backups / foreign(shop)).rename(shop.backups / "1763869000_snapshot.tgz")
    said = shop.run("info:backups:diff", "1763869000_snapshot.tgz")
    assert said.code != 0
    assert "holds several kinds" in said.err


def test_an_archive_of_others_is_compared_too(shop: Looking) -> None:
    name = foreign(shop, "--sort=none")
    shop.put("app/code/same.php", b"<?php // now\n")
    said = shop.run("info:backups:diff", name, "app/code/same.php")
    assert said.code == 0
    assert "-<?php // now" in said.out
    assert "~ app/code/same.php" in shop.run("info:backups:diff", name).out


# Forms of env.php: arrays, old and broken ones, and every form that hides a password.
CONFIGURATIONS = (
    "<?php return ['db' => ['connection' => ['default' => ['x' => 'h', 'password' => 'hush1']]]];",
    '<?php return array("crypt" => array("key" => "hush2\nhush3"), "x" => 1);',
    "<?php return ['queue' => ['amqp' => ['user' => 'u', 'password' => 12345678]]];",
    "<?php return ['session' => ['redis' => ['password' => 'a' . 'hush4', 'host' => 'h']]];",
    "<?php return ['cache' => ['backend_options' => ['password' => getenv('P') ?: 'hush5']]];",
    "<?php return ['cache' => ['server' => 'redis://:hush6@h:1', 'x' => 'tcp://u:hush7@h']];",
    "<?php $config['db']['connection']['default']['password'] = 'hush8'; return $config;",
    "<?php $password = \"hush9\"; define('DB_PASSWORD', 'hush10'); return [];",
    "<?php // 'password' => 'hush11'\n# token: hush12\n/* secret = hush13 */ return [];",
    "<?php return ['p' => ['password' => <<<'E'\nhush14\nE\n, 'api_token' => 'hush15']];",
    "<?php return ['secrets' => ['a' => ['b' => ['c' => 'hush16', 'd' => 'hush17']]]];",
    "<?php return ['db' => ['password' => 'hush18\\'hush19', 'driver_options' => [1 => 'k']]];",
    "<?php return ['db' => ['password' => 'hush20",
    "<?php return ['lock' => ['x' => 'password=hush21;host=h']];",
    "<?php return ['x' => 'Zm9vYmFyMDEyMzQ1Njc4OWh1c2gyMg2'];",
    '{"http-basic": {"repo.magento.com": {"username": "hush23", "password": "hush24"}}}',
    '{"github-oauth": {"github.com": "hush25"}, "bearer": {"h": "hush26"}}',
)


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_no_secret_is_left_and_a_change_is_seen(text: str) -> None:
    changed = text.replace("hush", "HUSH").replace("12345678", "87654321").replace("Zm9v", "Zm8v")
    for then, now in ((text, changed), (changed, text), (text, text), (text, ""), ("", text)):
        sides = masked(then, now)
        for side in sides:
            assert "hush" not in side.lower()
            assert "12345678" not in side
            assert "87654321" not in side
            assert "OWh1c2gyMg2" not in side
        assert (sides[0] == sides[1]) == (then == now)


@pytest.mark.parametrize("piece", ["pass", "a", "aA+/", "a.", "1", "'a'=>["])
def test_no_text_holds_up_the_masking(piece: str) -> None:
    text = f"<?php return ['x' => '{piece * (300_000 // len(piece))}', 'password' => 'hush'];"
    assert "hush" not in masked(text, "")[0]  # with each piece begun anew, it takes an hour


def test_what_is_no_secret_stays() -> None:
    text = (
        "<?php return ['backend' => ['frontName' => 'admin'], 'cache' => ['frontend' => ["
        "'default' => ['id_prefix' => '69d_', 'backend' => 'Magento\\\\Framework\\\\Redis',"
        "'backend_options' => ['server' => '/var/run/redis.sock', 'database' => '0']]]],"
        "'db' => ['connection' => ['default' => ['host' => 'db.example.com', 'dbname' => 'shop']]],"
        "'install' => ['date' => 'Tue, 07 Nov 2023 08:40:55 +0000'], 'MAGE_MODE' => 'production'];"
    )
    assert masked(text, text) == (text, text)
    assert not secrets_in([text])


def test_the_secrets_of_env_php_are_masked_unless_asked_for(shop: Looking) -> None:
    shop.put("app/etc/env.php", b"<?php return ['db' => ['password' => 'new-one']];\n", 0o600)
    for words in (("app/etc/env.php",), ("app/etc/env.php", "--json")):
        said = "\n".join(lines(shop, *words))
        assert "**** (now)" in said
        assert "hush" not in said
        assert "new-one" not in said
    said = "\n".join(lines(shop, "app/etc/env.php", "--show-secrets"))
    assert "-<?php return ['db' => ['password' => 'new-one']];" in said
    assert "+<?php return ['db' => ['password' => 'hush']];" in said
