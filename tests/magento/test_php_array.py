"""The parser's values for PHP as people write it in env.php."""

from __future__ import annotations

import pytest

from core.magento.php.read_array import parse_array
from core.magento.php.syntax import NotData
from tests.magento.php_values import HEREDOCS, VALUES

PATH = "/srv/shop/app/etc/env.php"


def parse(text, **environ):
    source = text.encode() if isinstance(text, str) else text
    return parse_array(source, path=PATH, environ=environ)


def value(expression, **environ):
    return parse(f"<?php return [{expression}];", **environ)[0]


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
