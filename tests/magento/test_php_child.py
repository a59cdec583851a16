"""PHP beyond data is evaluated by php: as the owner, for a limited time, or not at all."""

from __future__ import annotations

import os
import shutil
import stat

import pytest

from core.errors import ConfigurationError
from core.magento.env_php import parse_configuration, read_configuration
from core.magento.php.ask_php import ask_php
from core.magento.php.read_array import parse_array
from core.magento.store import find_store
from tests.magento.conftest import OWNER
from tests.magento.php_values import HEREDOCS, VALUES

needs_php = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")
ENVIRON = {"PATH": os.environ.get("PATH", os.defpath), "SHOP": "é"}
UID = os.geteuid()
LOOP = """<?php
$hosts = [];
foreach (['a', 'b'] as $host) {
    $hosts[$host] = ['host' => $host, 'password' => "p\\xffw", 'float' => 1.0];
}
return ['db' => ['connection' => $hosts], 'dir' => __DIR__, 'env' => getenv('SHOP')];
"""


def run_program(path="/nowhere/env.php", *, source, uid=UID, environ=ENVIRON, timeout_s=5.0):
    return ask_php(path, source=source, owner_uid=uid, environ=environ, timeout_s=timeout_s)


@needs_php
def test_a_loop_is_asked_of_php(store, configure):
    configure(LOOP)
    found = read_configuration(store, environ=ENVIRON)
    assert found.get("dir") == f"{store.root}/app/etc"
    assert found.get("env") == "é"
    assert found.get("db/connection/b/float") == 1.0
    assert [each.password.reveal() for each in found.connections()] == ["p\udcffw"] * 2


@needs_php
def test_an_include_beside_the_file(store, configure):
    with open(f"{store.root}/app/etc/local.php", "w") as file:
        file.write("<?php return ['install' => ['date' => 'x']];")
    configure("<?php\nreturn array_merge(require __DIR__ . '/local.php', ['a' => 1]);")
    assert read_configuration(store, environ=ENVIRON).installed


@needs_php
def test_a_source_out_of_an_archive_may_declare(store):
    source = b"<?php\ndeclare(strict_types=1);\nnamespace X;\nreturn ['a' => strtoupper('b')];\n"
    found = parse_configuration(source, None, path="env.php", environ=ENVIRON, owner_uid=UID)
    assert found.get("a") == "B"
    with pytest.raises(
        ConfigurationError, match=r"line 4: a call of strtoupper\(\) is not data\.$"
    ):
        parse_configuration(source, None, path="env.php", environ=ENVIRON)


@needs_php
def test_what_the_parser_makes_of_a_value_is_what_php_makes_of_it():
    """Every value and heredoc of the parser's own tests, against the real thing."""
    expressions = [text for text, _ in VALUES] + [text for text, _ in HEREDOCS]
    lines = ",\n".join(text for text in expressions if "::ATTR" not in text)
    source = f"<?php error_reporting(0); $v = ['k' => 'val'];\nreturn [\n{lines}\n];".encode()
    parsed = parse_array(
        source.replace(b"error_reporting(0);", b""), path="/env.php", environ=ENVIRON
    )
    asked = run_program(source=source)
    assert {key: (type(value), value) for key, value in asked.items()} == {
        key: (type(value), value) for key, value in parsed.items()
    }


@needs_php
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("return 'x';", "it does not return an array"),
        ("throw new Exception('S3cret');", "php gave no value for it"),
        ("exit('S3cret');", "php gave no value for it"),
        ("echo 'S3cret'; return strlen('S3cret');", "it does not return an array"),
        ("while (true) {}", "php gave no value within 0.5 s"),
        ("while (true) { fwrite(STDOUT, str_repeat('S3cret', 99999)); }", "gave no value"),
    ],
)
def test_php_that_gives_nothing(text, reason):
    with pytest.raises(ConfigurationError, match=reason) as caught:
        run_program(source=f"<?php {text}".encode(), timeout_s=0.5)
    assert "S3cret" not in str(caught.value)
    assert "\n" not in caught.value.message


@needs_php
def test_output_of_the_file_does_not_disturb():
    assert run_program(source=b"<html><?php echo 'x'; return ['a' => strlen('x')];") == {b"a": 1}


@needs_php
def test_evaluated_code_sees_the_place_of_its_file(store, configure):
    """A file's own path and its neighbours are as if php had opened it."""
    with open(f"{store.root}/app/etc/more.php", "w") as file:
        file.write("<?php return ['more' => basename(__FILE__)];")
    configure(
        "<?php\nforeach ([1] as $x) {}\n"
        "return ['file' => __FILE__, 'dir' => __DIR__, 'text' => '__FILE__', 'line' => __LINE__,"
        " 'low' => __dir__, 'beside' => (require 'more.php') + (include __DIR__ . '/more.php')];"
    )
    found = read_configuration(store, environ=ENVIRON)
    assert found.get("file") == store.env_php
    assert found.get("dir") == found.get("low") == os.path.dirname(store.env_php)
    assert found.get("text") == "__FILE__"
    assert found.get("line") == 3
    assert found.get("beside/more") == "more.php"


@needs_php
def test_the_place_of_a_shared_file_is_where_it_really_is(root):
    """As PHP has it, `__DIR__` is that of the file behind the link."""
    for path in (root, f"{root}/app/etc"):
        os.chown(path, os.geteuid(), -1)
    store = find_store(root)
    shared = os.path.join(os.path.dirname(root), "shared")
    os.mkdir(shared)
    for text in ("", "foreach ([1] as $x) {} "):
        with open(f"{shared}/env.php", "w") as file:
            file.write(f"<?php {text}return ['dir' => __DIR__];")
        os.unlink(store.env_php)
        os.symlink("../../../shared/env.php", store.env_php)
        assert read_configuration(store, environ=ENVIRON).get("dir") == shared


@needs_php
def test_a_path_of_odd_letters_is_written_out(tmp_path):
    path = f"{tmp_path}/it's \\ odd\n/env.php"
    os.mkdir(os.path.dirname(path))
    assert run_program(path, source=b"<?php return [strval(__FILE__)];") == {0: os.fsencode(path)}


def test_another_account_s_file_is_not_executed():
    other = OWNER if os.geteuid() != OWNER else 0
    with pytest.raises(ConfigurationError, match=r"only its owner, .*, may execute it|no php"):
        run_program(source=b"<?php return [];", uid=other)


def test_without_php_the_line_and_the_construct_are_named(store, configure):
    configure("<?php\nforeach (['S3cret'] as $x) {}\nreturn [];\n")
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(store, environ={"PATH": "/nowhere"})
    assert caught.value.message == (
        f"{store.env_php}, line 2: a loop (foreach) is not data, "
        "and there is no php on this machine to ask for its value."
    )


@pytest.fixture
def pretended(root):
    """A php that is a shell script: its requests are recorded, and it answers anything."""
    path = os.path.join(os.path.dirname(root), "php")

    def make(script):
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        return {"PATH": f"{os.path.dirname(path)}:/usr/bin:/bin"}

    return make


@pytest.mark.parametrize(
    "answer",
    ["", "x", '["s","!!"]', '["a",[[1]]]', '["v",{}]', "[" * 9999, '["o",null]', '["q",1]'],
)
def test_an_answer_that_makes_no_sense(pretended, answer):
    environ = pretended(f"printf '\\0magerewind:%s' '{answer}'")
    with pytest.raises(ConfigurationError) as caught:
        run_program(source=b"<?php", environ=environ)
    assert caught.value.__cause__ is None


def test_an_answer_is_taken_after_whatever_was_printed(pretended):
    environ = pretended('printf \'noise\\0magerewind:["a",[[["v",3],["s","w6k="]]]]\'')
    assert run_program(source=b"<?php", environ=environ) == {3: "é".encode()}


def test_what_php_leaves_behind_does_not_hold_the_answer(pretended):
    environ = pretended("sleep 600 & printf '\\0magerewind:[\"a\",[]]'")
    assert run_program(source=b"<?php", environ=environ) == {}
