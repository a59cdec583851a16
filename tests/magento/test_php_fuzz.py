"""A real-looking env.php, mutated: it has a value or a line, and never an unexpected error."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.magento.env_php import parse_configuration

WHOLE = Path(__file__).with_name("whole_env.php").read_bytes()
WORDS = re.compile(rb"\s+|\w+|'[^']*'|\"[^\"]*\"|.", re.DOTALL).findall(WHOLE)
ODD = b"""
define('X') define() define [ ] ( ) , => ... & $ $$a ${'x'} fn static ?-> :: ::class \\ 1e999
0x 0b 0o9 08 1_000 namespace use const getenv() getenv(1,2) defined() dirname() dirname(1,2)
(unset) (object) (float) (binary) - + ~ % / ** << <=> ??= ?: ::X PDO:: list($a)= [$a,$b]= $a[]=
$a[1][]=1; isset($a) clone ?> <?php <?= /* // #[A] \\u{110000} \\400 $_SERVER $_ENV[ $GLOBALS
"$a[0x1]" "$a[-1]" "{$a}" "${a['k']}" null INF NAN PHP_INT_MAX+1 -PHP_INT_MAX-1 b'x' B"x"
match(1){} yield throw exit __halt_compiler();
""".split()
ODD += [b"9" * 5000, b"\xff\xfe", b"\0", b"<<<E\n", b"use A\\{B,C};"]


def mutated(chance):
    """Return the file with some of its words taken out, put in, exchanged, repeated or spoilt."""
    words = list(WORDS)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 6])):
        at, other = chance.randrange(len(words)), chance.randrange(len(words))
        match chance.randrange(7):
            case 0:
                del words[at : at + chance.choice([1, 1, 2, 5])]
            case 1:
                words.insert(at, chance.choice(ODD))
            case 2:
                words[at] = chance.choice(ODD)
            case 3:
                words[at], words[other] = words[other], words[at]
            case 4:
                words[at:at] = words[other : other + chance.randrange(1, 9)]
            case 5 if words[at]:
                spoilt = bytearray(words[at])
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
                words[at] = bytes(spoilt)
            case _:
                words[at] = words[other]
    return b"".join(words)


def read(source):
    """Ask all that the engine asks; return whether there was an answer."""
    try:
        found = parse_configuration(source, None, path="app/etc/env.php", environ={"FOO": "1"})
        assert found.installed in (True, False)
        assert isinstance(found.mode, str | None)
        found.connections()
        found.default_connection()
    except ConfigurationError as error:
        assert "\n" not in error.message
        assert "app/etc/env.php" in error.message
        return False
    return True


def test_nothing_that_is_mutated_is_unexpected():
    assert read(WHOLE)
    answers = [read(mutated(random.Random(seed))) for seed in range(1500)]
    assert 100 < sum(answers) < 1400, "both kinds were met"


@pytest.mark.parametrize(
    "text",
    [
        "define('X');",
        "define();",
        "define('X', 1, 2, 3);",
        "$a = 'x'; $a['k'] = 1;",
        "const A;",
        "return [...'x'];",
        "return [1 => ];",
        "return dirname();",
        "return 1 << 2;",
        "return -'x';",
    ],
)
def test_what_has_no_value_has_its_line(text):
    with pytest.raises(ConfigurationError, match=r"env\.php, line 2: "):
        parse_configuration(f"<?php\n{text}".encode(), None, path="env.php", environ={})


@pytest.mark.parametrize("depth", [150, 500, 5000])
def test_nesting_without_end(depth):
    deep = "<?php $a = 1;" + "$a = ['k' => $a];" * depth + "return ['a' => $a, 'install' => 1];"
    try:
        found = parse_configuration(deep.encode(), None, path="env.php", environ={})
    except ConfigurationError as error:
        assert "nested too deep" in error.message
    else:
        assert found.get("install") == 1


def test_a_port_of_many_digits_is_none():
    text = (
        "<?php return ['db' => ['connection' => ['default' => "
        "['host' => 'db:%s', 'dbname' => 'm']]]];"
    )
    source = (text % ("1" * 5000)).encode()
    found = parse_configuration(source, None, path="env.php", environ={})
    assert found.default_connection().port == 3306
