"""The deployment configuration: made of files and environment; its secrets are never shown."""

from __future__ import annotations

import hashlib
import json
import os
import traceback

import pytest

from core.errors import ConfigurationError
from core.magento.env_php import (
    DeploymentConfiguration,
    differing_keys,
    parse_configuration,
    read_configuration,
)

NO_PHP = {"PATH": "/nowhere"}
ENV = b"""<?php
return [
    'db' => [
        'table_prefix' => 'm2_',
        'connection' => [
            'default' => [
                'host' => 'db:3307',
                'dbname' => 'shop',
                'username' => 'u',
                'password' => 'S3cret',
                'initStatements' => 'SET NAMES utf8;',
                'driver_options' => [1009 => '/ca.pem', 1014 => false],
            ],
            'checkout' => ['host' => 'other', 'dbname' => 'checkout'],
        ],
    ],
    'MAGE_MODE' => 'production',
    'install' => ['date' => 'Tue, 07 Nov 2023 08:40:55 +0000'],
];
"""


def parsed(text: bytes | str, config: bytes | None = None, **environ: str):
    source = text.encode() if isinstance(text, str) else text
    return parse_configuration(source, config, path="app/etc/env.php", environ=NO_PHP | environ)


def test_a_usual_configuration(store, configure):
    configure(ENV)
    found = read_configuration(store, environ=NO_PHP)
    assert found.installed
    assert found.mode == "production"
    assert found.table_prefix == "m2_"
    assert found.fingerprint == hashlib.sha256(ENV).hexdigest()
    assert [each.name for each in found.connections()] == ["default", "checkout"]
    default = found.default_connection()
    assert (default.host, default.port, default.schema) == ("db", 3307, "shop")
    assert (default.username, default.password.reveal()) == ("u", "S3cret")
    assert default.table_prefix == "m2_"
    assert default.tls is not None
    assert (default.tls.ca, default.tls.verify) == ("/ca.pem", False)
    assert found.get("db/connection/default/driver_options/1009") == "/ca.pem"
    assert found.get("db/nowhere", "d") == "d"
    assert found.get("MAGE_MODE/deeper") is None


def test_nothing_is_installed_in_an_empty_configuration():
    found = parsed("<?php return [];")
    assert not found.installed
    assert found.mode is None
    assert found.connections() == ()
    with pytest.raises(ConfigurationError, match="has no db/connection/default"):
        found.default_connection()


def test_a_connection_without_a_schema_cannot_be_used():
    text = "<?php return ['db' => ['connection' => ['default' => ['host' => 'db']]]];"
    assert parsed(text).connections()[0].schema == ""
    with pytest.raises(ConfigurationError, match="dbname"):
        parsed(text).default_connection()


@pytest.mark.parametrize(
    ("field", "value"), [("host", "['db1']"), ("password", "[]"), ("port", "'33O6'"), ("port", "0")]
)
def test_an_address_that_cannot_be_meant_leads_to_no_other_server(field, value):
    text = (
        "<?php return ['db' => ['connection' => ['default' => ['dbname' => 'shop', '{}' => {}]]]];"
    )
    with pytest.raises(ConfigurationError, match=f"db/connection/default/{field} is "):
        parsed(text.format(field, value)).default_connection()
    assert parsed(text.format(field, "'3307 '")).default_connection().schema == "shop"


def test_env_php_is_over_config_php():
    config = b"<?php return ['a' => ['x' => 1, 'y' => 2], 'l' => [1, 2, 3], 's' => ['k' => 1]];"
    found = parsed("<?php return ['a' => ['y' => 3], 'l' => [9], 's' => 'plain'];", config)
    assert (found.get("a/x"), found.get("a/y")) == (1, 3)
    assert [found.get(f"l/{number}") for number in range(3)] == [9, 2, 3]
    assert found.get("s") == "plain"


def test_a_broken_config_php_is_a_problem_and_no_error(store, configure):
    configure(ENV)
    with open(store.config_php, "w") as file:
        file.write("<?php\nreturn [\n")
    found = read_configuration(store, environ=NO_PHP)
    assert found.default_connection().schema == "shop"
    (problem,) = found.problems
    assert problem.startswith(f"{store.config_php}, line ")
    assert not parsed(ENV, b"<?php return [];").problems
    assert parsed(ENV, b"").problems


def test_the_override_replaces_whole_first_levels():
    override = json.dumps({"db": {"connection": {"default": {"host": "h", "5": [1]}}}})
    found = parsed(ENV, MAGENTO_DC__OVERRIDE=override)
    assert found.get("db/connection/default/host") == "h"
    assert found.get("db/connection/default/5/0") == 1
    assert found.get("db/connection/default/dbname") is None
    assert found.mode == "production"
    assert found.from_environment == ("db",)


@pytest.mark.parametrize("broken", ["", "{", "5", "null", '"x"', "[" * 9999])
def test_an_override_that_is_no_object_is_none(broken):
    found = parsed(ENV, MAGENTO_DC__OVERRIDE=broken)
    assert found.get("db/connection/default/host") == "db:3307"


def test_variables_reach_their_path():
    found = parsed(
        ENV,
        MAGENTO_DC_DB__CONNECTION__DEFAULT__HOST="elsewhere",
        MAGENTO_DC_DB__CONNECTION__DEFAULT__DRIVER_OPTIONS__1014="true",
        MAGENTO_DC_DB__CONNECTION__EXTRA__DBNAME="more",
        MAGENTO_DC_X__Y="false",
    )
    assert found.default_connection().host == "elsewhere"
    assert found.default_connection().schema == "shop"
    assert found.get("db/connection/default/driver_options/1014") is True
    assert found.get("x/y") is False
    assert [each.schema for each in found.connections()] == ["shop", "checkout", "more"]
    assert "db/connection/default/host" in found.from_environment


def test_a_variable_reaches_a_key_in_capitals_that_is_not_there():
    assert parsed("<?php return [];", MAGENTO_DC_MAGE_MODE="developer").mode == "developer"
    assert parsed(ENV, MAGENTO_DC_MAGE_MODE="developer").mode == "production"


@pytest.mark.parametrize(
    ("written", "variable", "wanted"),
    [
        ("#env(X)", "v", "v"),
        ("#env( X)", "v", "v"),
        ("#env( X )", "v", "v"),
        ("#env(X)", None, None),
        ('#env(X, "d")', None, "d"),
        ('#env(X,"d e")', "", "d e"),
        ('#env( X , "d")', "0", "d"),
        ('#env(X, "d")', "v", "v"),
        ("#env(X, 'd')", "v", "#env(X, 'd')"),
        ("x#env(X)", "v", "x#env(X)"),
    ],
)
def test_a_leaf_from_the_environment(written, variable, wanted):
    """As the pattern in Magento's DeploymentConfig.php has it."""
    quoted = written.replace("'", "\\'")
    text = f"<?php return ['db' => ['connection' => ['default' => ['host' => '{quoted}']]]];"
    environ = {} if variable is None else {"X": variable}
    found = parsed(text, **environ)
    assert found.get("db/connection/default/host") == wanted


def test_a_password_of_any_bytes():
    odd = bytes(range(1, 256))
    quoted = odd.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
    text = b"<?php return ['db' => ['connection' => ['default' => ['password' => '%s']]]];" % quoted
    (found,) = parsed(text).connections()
    assert os.fsencode(found.password.reveal()) == odd


def test_only_the_keys_that_differ_are_named():
    other = ENV.replace(b"S3cret", b"0ther").replace(b"production", b"default")
    other = other.replace(b"'username' => 'u',", b"").replace(b"1014 => false", b"1014 => 0")
    keys = differing_keys(parsed(ENV), parsed(other))
    assert set(keys) == {
        "db/connection/default/password",
        "db/connection/default/username",
        "db/connection/default/driver_options/1014",
    }
    assert differing_keys(parsed(ENV), parsed(ENV)) == ()
    assert differing_keys(parsed(ENV), parsed(b"<?php return ['db' => 1];"))


# Bad input


def message(store, environ=NO_PHP):
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(store, environ=environ)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_env_php_is_missing(store):
    os.unlink(store.env_php)
    assert message(store) == f"{store.env_php} is missing."


def test_env_php_cannot_be_read(store):
    dropped = os.geteuid() == 0
    os.chmod(store.env_php, 0)
    if dropped:
        os.seteuid(store.owner_uid)
    try:
        assert message(store) == f"{store.env_php} cannot be read: Permission denied."
    finally:
        if dropped:
            os.seteuid(0)


def test_env_php_is_no_php(store, configure):
    configure("DB_PASSWORD=S3cret\n")
    assert message(store) == f"{store.env_php}, line 1: no PHP: there is no <?php."


def test_env_php_is_cut(store, configure):
    configure(ENV[: ENV.index(b"'checkout'")])
    assert "a syntax error." in message(store)
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(store, environ={})
    assert "put an earlier copy in its place" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["directory", "fifo", "huge"])
def test_env_php_is_something_else(store, kind):
    os.unlink(store.env_php)
    match kind:
        case "directory":
            os.mkdir(store.env_php)
        case "fifo":
            os.mkfifo(store.env_php)
        case _:
            with open(store.env_php, "wb") as file:
                file.truncate(1 << 40)
    assert message(store) == f"{store.env_php} is no plain file of a sane size."


LEAKS = [
    b"'S3cret' . S3cret",
    b"S3cret",
    b'"$S3cret"',
    b'"{$x->S3cret}"',
    b"S3cret::S3cret",
    b"S3cret->S3cret()",
    b"strrev('S3cret')",
    b"(int) ['S3cret']['x']",
    b"'S3cret' + 1",
    b"-'S3cret'",
    b"['S3cret' => 1][['S3cret']]",
    b"'S3cret'",
    b"'S3cret",
    b"09S3cret",
]


@pytest.mark.parametrize("written", LEAKS)
def test_a_password_is_never_told(store, configure, written):
    configure(ENV.replace(b"'S3cret'", written))
    try:
        found = read_configuration(store, environ=NO_PHP)
    except ConfigurationError as error:
        told = "".join(traceback.format_exception(error)) + repr(error) + str(error.hint)
    else:
        told = repr(found) + repr(found.values) + str(found.get("db")) + repr(found.connections())
        told += repr(found.connections()[0].password) + f"{found.connections()[0].password}"
    assert "S3cret" not in told


def test_a_repr_says_which_file():
    found = parsed(ENV)
    assert isinstance(found, DeploymentConfiguration)
    assert repr(found).startswith("DeploymentConfiguration('app/etc/env.php', sha256 ")


@pytest.mark.parametrize(
    ("key", "expression", "variable"),
    [
        ("host", "getenv('DB_HOST_X')", "DB_HOST_X"),
        ("host", "getenv('DB_HOST_X') . ':3306'", "DB_HOST_X"),
        ("host", '(string) getenv( "DB_HOST_X" )', "DB_HOST_X"),
        ("dbname", "$_ENV['DB_NAME_X'] ?? null", "DB_NAME_X"),
        ("dbname", "'#env(DB_NAME_X)'", "DB_NAME_X"),
        ("username", "\\getenv('DB_USER_X', true)", "DB_USER_X"),
        ("password", "getenv('DB_PASSWORD_X')", "DB_PASSWORD_X"),
    ],
)
def test_a_variable_that_is_not_set_is_named(key, expression, variable):
    values = {"host": "'db'", "dbname": "'shop'", "username": "'u'", "password": "''"}
    values[key] = expression
    entry = ", ".join(f"'{name}' => {value}" for name, value in values.items())
    source = f"<?php return ['db' => ['connection' => ['default' => [{entry}]]]];"
    with pytest.raises(ConfigurationError, match=f"default/{key} .*{variable} is not set") as found:
        parsed(source).default_connection()
    assert "Set it for this command" in found.value.hint
    assert parsed(source).connections() == ()
    known = parsed(source, **{variable: "given"})
    assert known.default_connection().name == "default"
    assert known.unset == ()


def test_a_variable_with_a_default_needs_not_be_set():
    source = ENV.replace(b"'db:3307'", b"getenv('DB_HOST_X') ?: 'localhost'")
    assert parsed(source).default_connection().host == "localhost"
    source = ENV.replace(b"'S3cret'", b"''").replace(b"'u'", b"getenv('USER_X') ?: 'u'")
    assert parsed(source).default_connection().password.reveal() == ""


def test_a_prefix_that_is_not_set_is_named():
    source = ENV.replace(b"'m2_'", b"getenv('PREFIX_X')")
    with pytest.raises(ConfigurationError, match=r"db/table_prefix .*PREFIX_X is not set"):
        parsed(source).default_connection()
