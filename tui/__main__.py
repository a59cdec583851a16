"""The entry of the `magerewind` command: a headless command, or the application without one.

Textual takes a fifth of a second to load, and neither a command nor a refusal needs it: it is
imported only when the application really opens.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from core.cli.configured import SWITCHABLE, Configuration
from core.cli.main import run
from core.cli.parser import CommandLine


def _open_application(line: CommandLine, configuration: Configuration) -> int:
    """Open the application on the store that is meant and return its exit code."""
    from tui.app.entry import open_application  # noqa: PLC0415 - see above

    return open_application(
        root=line.root,
        read_only=line.read_only,
        mouse=line.mouse,
        ascii_only=line.ascii,
        settings=lambda root: configuration.settings(line, root),
        switchable=bool(configuration.environ.get(SWITCHABLE)),
    )


def _pick_store(stores: Mapping[str, str], line: CommandLine) -> tuple[int, str | None]:
    """Show the configured stores; return an exit code and the name that was picked."""
    from tui.app.entry import pick_store  # noqa: PLC0415 - see above

    return pick_store(stores, mouse=line.mouse, ascii_only=line.ascii)


def main() -> int:
    """Run the request of the command line and return the exit code."""
    return run(open_application=_open_application, pick_store=_pick_store)


if __name__ == "__main__":
    sys.exit(main())
