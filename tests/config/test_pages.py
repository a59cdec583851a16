"""Pages generated from the fields of the configuration agree with its reader."""

import re
import tomllib
from pathlib import Path

import pytest

from core.config.load import check
from core.config.pages import commented_file, configuration_page, schema

ROOT = Path(__file__).parents[2]
EMPTY = {"HOME": "/nonexistent"}


def test_a_generated_file_has_no_mistake_and_says_nothing(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(commented_file())
    assert tomllib.loads(path.read_text()) == {}
    assert check(EMPTY, file=str(path))[:2] == ((str(path),), ())
    path.write_text(commented_file("/srv/shop"))
    assert tomllib.loads(path.read_text()) == {"stores": {"shop": {"root": "/srv/shop"}}}
    assert check(EMPTY, file=str(path))[:2] == ((str(path),), ())


def test_every_key_of_a_generated_file_is_one_that_may_be_written(tmp_path):
    # Only the names that it refers to, and sources that exclude each other, are left to be mended.
    text = re.sub(r"^#(?=\[|[a-z_]+ = )", "", commented_file(), flags=re.MULTILINE)
    path = tmp_path / "config.toml"
    path.write_text(text)
    _, problems, _ = check(EMPTY, file=str(path))
    assert all("there is no [" in line or "one of" in line for line in problems), problems
    page = configuration_page()
    for key in tomllib.loads(text)["defaults"]:
        assert f"| `{key}` |" in page


def test_the_schema_knows_the_tables_and_forbids_others():
    found = schema()
    settings = found["$defs"]["StoreSettings"]
    assert settings["additionalProperties"] is False
    assert settings["required"] == ["root"]
    assert "anyOf" in found["$defs"]["OperationHooks"]["properties"]["before"]["items"]


@pytest.mark.parametrize("page", ["docs/configuration.md", "README.md"])
def test_every_example_of_a_page_is_right(page, tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        path = tmp_path / "config.toml"
        path.write_text(block)
        assert check(EMPTY, file=str(path))[:2] == ((str(path),), ())
