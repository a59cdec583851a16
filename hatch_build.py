"""The build's own step: the files that belong to a system, made from the parser, into the wheel.

Only what the parser itself needs is imported, and shtab: a build has no other dependency.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACES = {
    "magerewind.1": "share/man/man1/magerewind.1",
    "magerewind.bash": "share/bash-completion/completions/magerewind",
    "magerewind.zsh": "share/zsh/site-functions/_magerewind",
    "magerewind.fish": "share/fish/vendor_completions.d/magerewind.fish",
}


class SharedFiles(BuildHookInterface):
    """Adds the page of the manual and the scripts of completion to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Make the files, and have them taken as shared data."""
        if self.target_name != "wheel":
            return
        sys.path.insert(0, self.root)
        from core.cli.completion import completion_script  # noqa: PLC0415 - it lies beside this
        from core.cli.man_page import man_page  # noqa: PLC0415 - as above

        directory = Path(self.root, "build", "share")
        directory.mkdir(parents=True, exist_ok=True)
        for name, place in PLACES.items():
            shell = name.removeprefix("magerewind.")
            text = man_page() if shell == "1" else completion_script(shell)
            (directory / name).write_text(text, encoding="utf-8")
            build_data["shared_data"][str(directory / name)] = place
