"""Files of the configuration: problems of one, the merge of two, the settings of a store."""

import os
from pathlib import Path

import pytest

from core.config.files import read_layer
from core.config.load import check, load
from core.errors import InvalidConfig, UsageError
from core.events import Kind

PLAIN_LOGIN = """[notify.a]
type = "mail"
to = ["a@b"]
host = "mx.b"
user = "a"
password_file = "/x"
tls = "none"
"""


class Place:
    """A directory in the place of /etc/magerewind, and a home."""

    def __init__(self, path: Path) -> None:
        self.system = path / "etc"
        self.home = path / "home"
        (self.system / "conf.d").mkdir(parents=True)
        (self.home / ".config/magerewind").mkdir(parents=True)
        self.environ = {"HOME": str(self.home)}

    def write(self, name: str, text: str) -> Path:
        path = self.home / ".config/magerewind" if name == "own.toml" else self.system
        path = path / ("config.toml" if name == "own.toml" else name)
        path.write_text(text)
        return path

    def problems(self) -> tuple[str, ...]:
        return check(self.environ, system=str(self.system))[1]

    def load(self):
        return load(self.environ, system=str(self.system))

    def effective(self, name, **environ):
        return self.load().effective(name, environ)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[stores.shop.keep]\ndayly = 7",
            "unknown field 'dayly' in stores.shop.keep: did you mean 'daily'?",
        ),
        ("[store.shop]", "unknown field 'store': did you mean 'stores'?"),
        ("stores = 3", "stores: expected a table, got a whole number"),
        ("[stores]\nshop = 'x'", "stores.shop: expected a table, got a text"),
        ("[defaults]\nroot = '/a'", "unknown field 'root' in defaults"),
        (
            "[defaults]\ncompress = 'zip'",
            "defaults.compress: expected one of none, gzip, zstd, got 'zip'",
        ),
        (
            "[defaults]\nkinds = ['code', 'dump']",
            "defaults.kinds[1]: expected one of code, media, db, got 'dump'",
        ),
        ("[defaults]\nlevel = '9'", "defaults.level: expected a whole number, got a text"),
        ("[defaults]\nlevel = 10", "defaults.level: expected a whole number <= 9"),
        ("[defaults]\nverify = 1", "defaults.verify: expected true or false, got a whole number"),
        ("[defaults]\nexclude = 'a'", "defaults.exclude: expected a list, got a text"),
        (
            "[defaults.keep]\nwithin = '30 days'",
            "defaults.keep.within: expected a span such as '30d' or '1y6m' (h, d, w, m, y)",
        ),
        (
            "[defaults.hooks.backup]\non-success = [['a']]",
            "unknown field 'on-success' in defaults.hooks.backup: did you mean 'on_success'?",
        ),
        (
            "[defaults.hooks]\nbefore = [['a'], 'b']",
            "defaults.hooks.before[1]: expected a list, got a text",
        ),
        ("[stores.shop]\nroot = 'srv'", "stores.shop.root: expected an absolute path"),
        (
            "[repositories.far]\nurl = 's3:x'\npassword = 'hunter2'",
            (
                "unknown field 'password' in repositories.far: a secret does not stand here; give "
                "password_file or password_command"
            ),
        ),
        (
            "[notify.mail]\ntype = 'mail'\nto = ['a@b']\nsmtp_password = 'hunter2'",
            (
                "unknown field 'smtp_password' in notify.mail: a secret does not stand here; give "
                "password_file or password_command"
            ),
        ),
        (
            "[notify.a]\ntype = 'slack'",
            "notify.a.type: expected one of ping, webhook, mail, apprise, got 'slack'",
        ),
        (
            "[notify.a]\ntype = 'ping'\nurl = 'https://u:hunter2@h/'",
            "notify.a.url: expected an http or https URL without user and password",
        ),
        # problems of the merged files
        ("[stores.shop]\nlevel = 1", "stores.shop: 'root' is missing"),
        (
            "[notify.ops]\ntype = 'ping'\nurl = 'http://h/'\n[defaults]\nnotify = ['opz']",
            "defaults.notify: there is no [notify.opz]: did you mean 'ops'?",
        ),
        (
            "[stores.a]\nroot = '/srv/x'\n[stores.b]\nroot = '/srv//x/'",
            "stores.b.root: /srv/x is stores.a's already",
        ),
        (
            "[stores.a]\nroot = '/a'\n[stores.b]\nroot = '/b'\n[defaults]\nmetrics_file = '/m'",
            "stores.b.metrics_file: /m is stores.a's already",
        ),
        (
            "[notify.a]\ntype = 'ping'",
            "notify.a: one of url, url_file, url_command",
        ),
        (
            "[repositories.far]\nurl = 'x'\npassword_file = '/a'\npassword_command = ['b']",
            "repositories.far: give only one of password_file and password_command",
        ),
        (
            "[notify.a]\ntype = 'webhook'\nurl = 'http://h'\ntemplate = '{'",
            "notify.a.template is not JSON",
        ),
        (
            "[notify.a]\ntype = 'webhook'\nurl = 'http://h'\ntemplate.text = '${sumary}'",
            "notify.a.template: unknown ${sumary}: did you mean ${summary}?",
        ),
        (
            "[notify.a]\ntype = 'webhook'\nurl = 'http://h'\ntemplate.at = 2026-01-01",
            "notify.a.template is not JSON",
        ),
        (
            "[notify.a]\ntype = 'webhook'\nurl = 'http://h'\nheaders.Authorization = 'hunter2'",
            "notify.a.headers.Authorization: a secret does not stand here",
        ),
        (
            "[notify.a]\ntype = 'webhook'\nurl = 'http://h'\nheaders.'a b' = 'x'",
            "notify.a: 'a b' is no name of a header",
        ),
        (
            PLAIN_LOGIN,
            "notify.a: the password would go unencrypted; set tls",
        ),
        ("[defaults]\nexclude = ['@cache']", "defaults.exclude: There is no exclusion @cache"),
        ("[defaults]\nstrip = ['@logs']", "did you mean '@log'?"),
        ("a = ", "is not TOML"),
        ("a = " + "[" * 5000, "is not TOML"),
    ],
)
def test_each_mistake_is_one_line_with_file_key_and_what_was_meant(place, text, problem):
    path = place.write("config.toml", text)
    found = place.problems()
    assert len(found) == 1
    assert found[0].startswith(str(path))
    assert problem in found[0]
    assert "\n" not in found[0]
    assert "hunter2" not in found[0]
    with pytest.raises(InvalidConfig, match=r"is not TOML|config\.toml: "):
        place.load()


def test_every_problem_of_every_file_is_told(place):
    place.write("config.toml", "[defaults]\nlevel = -1\nverfy = true")
    place.write("conf.d/10.toml", "nonsense")
    place.write("own.toml", "[stores.shop]\nroot = 3")
    assert len(place.problems()) == 4
    with pytest.raises(InvalidConfig) as refused:
        place.load()
    assert "conf.d/10.toml" in refused.value.message
    place.write("conf.d/10.toml", "")
    (place.system / "conf.d/20.toml").symlink_to("/no/such/file")
    with pytest.raises(InvalidConfig, match=r"There is no file .*20\.toml"):
        place.load()


def test_a_mistake_of_one_table_hides_none_of_another(place):
    path = place.write(
        "config.toml",
        "[stores.a]\nroot = '/srv/x'\nnotify = ['nosuch', 'right', 'wrong']\nverfy = true\n"
        "[stores.b]\nroot = '/srv/x'\nexclude = ['../x']\n[stores.c]\nroot = 5\n[stores.d]\n"
        "[notify.right]\ntype = 'ping'\n[notify.wrong]\ntype = 'pong'\n"
        "[repositories.r]\nurl = 5\n[repositories]\nq = 1",
    )
    found = [line.removeprefix(f"{path}: ") for line in place.problems()]
    assert [line[:44] for line in found] == [
        "unknown field 'verfy' in stores.a: did you m",
        "stores.c.root: expected a text, got a whole ",
        "notify.wrong.type: expected one of ping, web",
        "repositories.r.url: expected a text, got a w",
        "repositories.q: expected a table, got a whol",
        "stores.a.notify: there is no [notify.nosuch]",
        "stores.b.exclude: An exclusion is a path bel",
        "stores.b.root: /srv/x is stores.a's already",
        "stores.d: 'root' is missing",
        "notify.right: one of url, url_file, url_comm",
    ]


def test_tables_are_merged_by_key_and_lists_taken_whole_the_later_file_first(place):
    place.write(
        "config.toml",
        "[defaults]\nexclude = ['a', 'b']\nlevel = 1\nnote = 'all'\nkeep.daily = 7\n"
        "[stores.shop]\nroot = '/srv/shop'\nkeep.weekly = 4",
    )
    place.write("conf.d/20.toml", "[stores.shop]\nlevel = 3\nkeep.weekly = 5")
    place.write("conf.d/10.toml", "[stores.shop]\nlevel = 2\nexclude = ['c']")
    place.write("conf.d/.hidden.toml", "nonsense")
    place.write("conf.d/readme", "nonsense")
    place.write("own.toml", "[defaults]\nnote = 'mine'")
    found = place.effective("shop", MAGEREWIND_KINDS="db, code", MAGEREWIND_VERIFY="false")
    settings = found.settings
    assert (settings.exclude, settings.level, settings.note) == (("c",), 3, "mine")
    assert (settings.keep.daily, settings.keep.weekly, settings.keep.last) == (7, 5, 0)
    assert settings.kinds == (Kind.DB, Kind.CODE)
    assert settings.verify is False
    etc = place.system
    assert found.origins["level"] == f"{etc}/conf.d/20.toml [stores.shop]"
    assert found.origins["exclude"] == f"{etc}/conf.d/10.toml [stores.shop]"
    assert found.origins["note"].endswith("home/.config/magerewind/config.toml [defaults]")
    assert found.origins["keep.daily"] == f"{etc}/config.toml [defaults]"
    assert found.origins["kinds"] == "environment: MAGEREWIND_KINDS"
    assert found.origins["strip"] == "default"
    assert place.effective(None).settings.level == 1
    assert place.effective("shop", MAGEREWIND_LEVEL="0").settings.level == 0
    said = found.with_words({"level": 9})
    assert (said.settings.level, said.origins["level"]) == (9, "command line")


def test_hooks_of_one_operation_stand_in_place_of_the_general_ones(place):
    place.write(
        "config.toml",
        "[defaults.hooks]\nbefore = ['stop', 'cron']\nafter = [['start'], ['say', 'x']]\n"
        "timeout = 5\n[stores.shop]\nroot = '/a'\nhooks.backup.before = []\n"
        "hooks.rollback.timeout = 9",
    )
    hooks = place.effective("shop").settings.hooks
    assert hooks.before == (("stop", "cron"),)
    assert (hooks.backup.before, hooks.backup.timeout) == ((), 5)
    assert hooks.backup.after == (("start",), ("say", "x"))
    assert (hooks.rollback.before, hooks.rollback.timeout) == ((("stop", "cron"),), 9)


@pytest.mark.parametrize("text", ["coded", "", "true"])
def test_a_wrong_variable_is_said_by_its_name(place, text):
    with pytest.raises(UsageError, match=r"^MAGEREWIND_LEVEL: "):
        place.effective(None, MAGEREWIND_LEVEL=text)


def test_an_unknown_store_is_said_with_the_one_that_was_meant(place):
    place.write("config.toml", "[stores.shop]\nroot = '/a'")
    with pytest.raises(UsageError) as refused:
        place.effective("shpo")
    assert refused.value.hint == "Did you mean shop?"


def _group_writable(path: Path) -> None:
    path.chmod(0o666)


def _in_open_directory(path: Path) -> None:
    path.parent.chmod(0o777)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _huge(path: Path) -> None:
    os.truncate(path, 1 << 40)


def _link_through_open_directory(path: Path) -> None:
    aside = path.parent / "open"
    aside.mkdir()
    aside.chmod(0o777)
    path.rename(aside / "real")
    path.symlink_to(aside / "real")


def _binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"a{'.a' * 300} = 1", "nested more than 12 levels deep"),
        (f"[a{'.a' * 300}]\nb = 1", "nested more than 12 levels deep"),
        (f"a{'.a' * 400_000} = 1", "more than 400 dots in a line"),
        ("a = " + "[{a.a = " * 200 + "1" + "}]" * 200, "nested too deeply"),
    ],
)
def test_a_key_of_many_parts_is_too_deep_and_holds_up_nothing(place, text, problem):
    path = place.write("config.toml", text)
    with pytest.raises(InvalidConfig, match=problem):
        read_layer(str(path), must_exist=True)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_group_writable, "others may write to"),
        (_in_open_directory, "others may write to"),
        (_link_through_open_directory, "others may write to"),
        (_pipe, "is no ordinary file"),
        (_directory, "is no ordinary file"),
        (_huge, "is larger than 1 MiB"),
        (_binary, "is not UTF-8"),
    ],
)
def test_what_others_may_write_and_what_is_no_plain_file_is_refused(place, spoil, reason):
    path = place.write("config.toml", "[defaults]\nlevel = 1")
    spoil(path)
    found = place.problems()
    assert len(found) == 1
    assert reason in found[0]
    assert str(path) in found[0]


def test_a_link_of_ones_own_is_followed(place, tmp_path):
    (tmp_path / "real.toml").write_text("[defaults]\nlevel = 4")
    (place.system / "config.toml").symlink_to(tmp_path / "real.toml")
    assert place.effective(None).settings.level == 4


def test_a_named_file_is_read_alone_and_must_exist(place, tmp_path):
    place.write("config.toml", "[defaults]\nlevel = 1\nnote = 'x'")
    (tmp_path / "one.toml").write_text("[defaults]\nlevel = 2")
    found = load(place.environ, file=str(tmp_path / "one.toml"), system=str(place.system))
    assert found.effective(None, {}).settings.note == ""
    with pytest.raises(InvalidConfig, match=r"There is no file .*two\.toml"):
        load(place.environ, file=str(tmp_path / "two.toml"))


def test_one_more_file_counts_most_and_is_taken_once(place):
    place.write("config.toml", "[defaults]\nlevel = 1\nnote = 'x'")
    own = place.write("own.toml", "[defaults]\nlevel = 2")
    config = load({}, system=str(place.system))
    both = config.with_layer(read_layer(str(own)))
    assert both.effective(None, {}).settings.level == 2
    assert both.effective(None, {}).settings.note == "x"
    assert both.with_layer(read_layer(str(own))) is both
    assert config.with_layer(None) is config
    own.write_text("[defaults]\nlevl = 2")
    with pytest.raises(InvalidConfig, match="did you mean 'level'"):
        config.with_layer(read_layer(str(own)))
