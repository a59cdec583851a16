from pathlib import Path

import pytest

from core.cli.command_table import COMMANDS
from core.cli.documentation import PAGES
from core.errors import MagerewindError
from core.events import EVENT_TYPES

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_generated_pages_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def test_every_command_option_event_and_error_is_documented() -> None:
    commands = PAGES["cli.md"]()
    for command in COMMANDS:
        assert f"## {command.name}\n" in commands
    for option in ("--map-collations", "--keep-env", "--strip LIST", "-c NAME", "--from-host"):
        assert option in commands
    assert "job:run" not in commands
    assert "%%" not in commands  # argparse's escape of a percent sign
    events = PAGES["events.md"]()
    for name in EVENT_TYPES:
        assert f"### {name}\n" in events
    for error in MagerewindError.__subclasses__():
        assert f"`{error.__name__}`" in events
