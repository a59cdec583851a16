"""What the parser makes of PHP as people write it in env.php."""

from __future__ import annotations

import pytest

from core.magento.php.read_array import parse_array
from core.magento.php.syntax import NotData

PATH = "/srv/shop/app/etc/env.php"


def parse(text, **environ):
    source = text.encode() if isinstance(text, str) else text
    return parse_array(source, path=PATH, environ=environ)


def value(expression, **environ):
    return parse(f"<?php return [{expression}];", **environ)[0]


# Each pair was compared with PHP 8.2; tests/magento/test_php_child.py does so where php is.
VALUES = [
    ("'a'", b"a"),
    (r"'it\'s \\ \n $x'", rb"it's \ \n $x"),
    (r'"\n\r\t\v\e\f\\\$\"\q"', b'\n\r\t\v\x1b\f\\$"\\q'),
    (r'"\x41\x4\101\777\u{1F600}\u{e9}"', b"A\x04A\xff\xf0\x9f\x98\x80\xc3\xa9"),
    (r'"\\x41 {not} $ 5"', rb"\x41 {not} $ 5"),
    ("b\"x\" . b'y'", b"xy"),
    ("true", True),
    ("FALSE", False),
    ("Null", None),
    ("0", 0),
    ("-1", -1),
    ("+1", 1),
    ("- -1", 1),
    ("0x1F", 31),
    ("0X1f", 31),
    ("0b11", 3),
    ("0o17", 15),
    ("017", 15),
    ("1_000_000", 1000000),
    ("9223372036854775807", 2**63 - 1),
    ("9223372036854775808", 2.0**63),
    ("-9223372036854775808", -(2.0**63)),
    ("1.5", 1.5),
    (".5", 0.5),
    ("1.", 1.0),
    ("1e3", 1000.0),
    ("-2.5E-7", -2.5e-7),
    ("1 . 2", b"12"),
    ("1.0 . ''", b"1"),
    ("1.25e30 . ''", b"1.25E+30"),
    ("0.00001 . ''", b"1.0E-5"),
    ("1e14 . '|' . 1e13 . '|' . 0.1 . '|' . -0.0", b"1.0E+14|10000000000000|0.1|-0"),
    ("1.23456789012345678 . ''", b"1.2345678901235"),
    ("true . false . null . 'x'", b"1x"),
    ("60 * 60 * 24", 86400),
    ("1 + 2 - 4", -1),
    ("1 | 4", 5),
    ("7 & 6", 6),
    ("'a' === 'a'", True),
    ("'1' === 1", False),
    ("1 !== 2", True),
    ("null ?? 'd'", b"d"),
    ("$never ?? 'd'", b"d"),
    ("$never['a']['b'] ?? 'd'", b"d"),
    ("false ?? 'd'", False),
    ("'' ?: 'd'", b"d"),
    ("'0' ?: 'd'", b"d"),
    ("'0.0' ?: 'd'", b"0.0"),
    ("[] ?: 'd'", b"d"),
    ("true ? 'y' : 'n'", b"y"),
    ("!'x'", False),
    ("true && false || true", True),
    ("(int) '3abc'", 3),
    ("(int) ' 42'", 42),
    ("(int) '1e3'", 1000),
    ("(int) 3.99", 3),
    ("(int) 'abc'", 0),
    ("(int) true", 1),
    ("(bool) '0'", False),
    ("(bool) 'false'", True),
    ("(boolean) 2", True),
    ("(string) 12", b"12"),
    ("(string) false", b""),
    ("(float) '1.5x'", 1.5),
    ("(double) 1", 1.0),
    ("(array) 'x'", {0: b"x"}),
    ("(array) null", {}),
    ("(('x'))", b"x"),
    ("array()", {}),
    ("array('a' => 1, 2,)", {b"a": 1, 0: 2}),
    ("['7' => 1, '07' => 2, '-7' => 3, '-0' => 4]", {7: 1, b"07": 2, -7: 3, b"-0": 4}),
    ("[true => 1, false => 2, null => 3, 1.9 => 4]", {1: 4, 0: 2, b"": 3}),
    ("[5 => 'a', 'b', 2 => 'c', 'd']", {5: b"a", 6: b"b", 2: b"c", 7: b"d"}),
    ("['a' => 1, 'a' => 2]", {b"a": 2}),
    ("[...['x', 'k' => 1], ...['y', 'k' => 2]]", {0: b"x", b"k": 2, 1: b"y"}),
    ("['a' => 1] + ['a' => 2, 'b' => 3]", {b"a": 1, b"b": 3}),
    ("['a', /* one */ 'b' // two\n, # three\n 'c']", {0: b"a", 1: b"b", 2: b"c"}),
    (r"\Magento\Framework\Lock::class", rb"Magento\Framework\Lock"),
    ("PHP_EOL . DIRECTORY_SEPARATOR", b"\n/"),
    ("__LINE__", 1),
    ("@getenv('NEVER_SET_ANYWHERE')", False),
    ("dirname('/a/b/c')", b"/a/b"),
    ("'a\r\nb'", b"a\r\nb"),
]


@pytest.mark.parametrize(("expression", "wanted"), VALUES, ids=[text for text, _ in VALUES])
def test_a_value(expression, wanted):
    found = value(expression)
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1007, "SSL_KEY"),
        (1008, "SSL_CERT"),
        (1009, "SSL_CA"),
        (1010, "SSL_CAPATH"),
        (1011, "SSL_CIPHER"),
        (1014, "SSL_VERIFY_SERVER_CERT"),
    ],
)
def test_the_numbers_of_pdo(number, name):
    for written in (
        f"PDO::MYSQL_ATTR_{name}",
        rf"\PDO::MYSQL_ATTR_{name}",
        rf"Pdo\Mysql::ATTR_{name}",
    ):
        assert value(f"[{written} => 1]") == {number: 1}


def test_the_environment():
    assert value("getenv('X')", X="é") == "é".encode()
    assert value("getenv('X')") is False
    assert value(r"\getenv('X') ?: 'd'", X="") == b"d"
    assert value("$_ENV['X'] ?? 'd'", X="1") == b"1"
    assert value("$_ENV['X'] ?? 'd'") == b"d"
    assert value("\"p{$_ENV['X']}q$_SERVER[X]\"", X="1") == b"p1q1"


def test_the_place_of_the_file():
    assert value("__DIR__ . '/x'") == b"/srv/shop/app/etc/x"
    assert value("dirname(__DIR__)") == b"/srv/shop/app"
    assert value("__FILE__") == PATH.encode()


def test_variables_and_constants():
    found = parse(
        """<?php
        declare(strict_types=1);
        namespace Shop;
        use Magento\\Framework\\{A, B as C};
        use Vendor\\Thing as Other;
        const HOST = 'db';
        define('PORT', 3306);
        $user = 'shop';
        $all['db']['user'] = $user;
        $copy = $all;
        $all['db']['list'][] = "$user@{$user}";
        return ['host' => HOST . ':' . PORT, 'copy' => $copy, 'class' => Other::class,
                'own' => X::class, 'list' => $all['db']['list']];
        """,
    )
    assert found == {
        b"host": b"db:3306",
        b"copy": {b"db": {b"user": b"shop"}},
        b"class": b"Vendor\\Thing",
        b"own": b"Shop\\X",
        b"list": {0: b"shop@shop"},
    }


def test_a_variable_may_be_returned():
    text = "<?php $c = ['a' => ['x' => 1]]; $c['a']['y'] = $c['a']['x']; $c[] = 'n'; return $c;"
    assert parse(text) == {b"a": {b"x": 1, b"y": 1}, 0: b"n"}


HEREDOCS = [
    ("<<<E\nE", b""),
    ("<<<E\n\nE", b""),
    ("<<<E\na\nE", b"a"),
    ("<<<E\na\n\nE", b"a\n"),
    ('<<<"E"\na\\t\\"b"\nE', b'a\t\\"b"'),
    ("<<<'E'\na\\t$x\nE", b"a\\t$x"),
    ("<<<E\n  a\n    b\n\n  E", b"a\n  b\n"),
    ("<<<'E'\n  a\n    b\n  E", b"a\n  b"),
    ("<<<E\n  {$v['k']}\n  $v[k]  x\n  E", b"val\nval  x"),
    ("<<<E\r\n  a\r\n  b\r\n  E", b"a\r\nb"),
]


@pytest.mark.parametrize(("text", "wanted"), HEREDOCS)
def test_a_heredoc(text, wanted):
    assert parse(f"<?php $v = ['k' => 'val']; return [{text}, 1];") == {0: wanted, 1: 1}


def test_bytes_that_are_no_text_stay_what_they_are():
    odd = bytes(byte for byte in range(256) if byte not in b"'\\")
    assert parse(b"<?php return ['" + odd + b"' => '" + odd + b"'];") == {odd: odd}
    assert parse(b'<?php return ["\xe9\x00\xff"];') == {0: b"\xe9\x00\xff"}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff<?php return ['a' => 1];",
        "<?php\r\nreturn [\r\n  'a' => 1,\r\n];\r\n",
        "<?php\nreturn ['a' => 1];\n?>\n",
        "<?php return ['a' => 1] ?>",
        "#!/usr/bin/env php\n<?php return ['a' => 1];",
        "<?PHP return ['a' => 1]; foreach ($never as $reached) {}",
        "<?php /* one */ // two\n return (['a' => 1]);",
    ],
)
def test_a_file_in_any_dress(text):
    assert parse(text) == {b"a": 1}


NOT_DATA = [
    ("foreach ([1] as $x) {}", 2, "a loop (foreach)"),
    ("while (0) {}", 2, "a loop (while)"),
    ("if (true) { return []; }", 2, "a condition (if)"),
    ("include 'x.php';", 2, "an include"),
    ("return ['a' =>\n function () {}];", 3, "a closure"),
    ("return ['a' => fn() => 1];", 2, "a closure"),
    ("return ['a' => new X()];", 2, "a new object"),
    ("return ['a' => `id`];", 2, "a shell command"),
    ("return ['a' => file_get_contents('/x')];", 2, "a call of file_get_contents()"),
    ("return ['a' => X::y()];", 2, "a method call"),
    ("return ['a' => $x->y];", 2, "an object's property"),
    ("return ['a' => &$x];", 2, "a reference"),
    ("return ['a' => $x];", 2, "a variable that is not set"),
    ("return ['a' => X::Y];", 2, "a class constant that is not known"),
    ("return ['a' => NEVER];", 2, "a constant that is not known"),
    ("return ['a' => (object) []];", 2, "a cast to object"),
    ("return ['a' => '1' + 1];", 2, "the operator + between what are no numbers"),
    ("$_ENV['X'] = 1; return [];", 2, "a change of $_ENV"),
    ("$$x = 1; return [];", 2, "a PHP dynamic variable name"),
    ("$x = 1;", 2, "a value that is no array where one is returned"),
    ("return 'x';", 2, "a value that is no array where one is returned"),
    ("echo 1; return [];", 2, "an output (echo)"),
]


@pytest.mark.parametrize(("text", "line", "construct"), NOT_DATA, ids=[x[0] for x in NOT_DATA])
def test_what_is_not_data_is_named_with_its_line(text, line, construct):
    with pytest.raises(NotData) as caught:
        parse("<?php\n" + text)
    assert caught.value.construct in (construct, "a variable by name")
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["just text", "", "<html>"])
def test_what_is_no_php(text):
    with pytest.raises(NotData, match="no PHP"):
        parse(text)


def test_a_syntax_error_has_its_line():
    with pytest.raises(NotData, match="line 3 holds a syntax error"):
        parse("<?php\nreturn [\n 'a' => => 1,\n];")
    with pytest.raises(NotData, match="a syntax error"):
        parse("<?php return ['a' => 1")


def test_nesting_without_end_is_refused():
    with pytest.raises(NotData, match="nested too deep"):
        parse("<?php return " + "[" * 5000 + "]" * 5000 + ";")
