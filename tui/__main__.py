"""The entry of the `magerewind` command: a headless command, or the application without one."""

from __future__ import annotations


def main() -> int:
    """Run what the command line asks for and return the exit code."""
    from core.cli.main import run  # noqa: PLC0415 - see below

    def open_application(arguments: object) -> int:
        # Textual takes a fifth of a second to load: only the application pays for it.
        raise NotImplementedError(arguments)

    return run(open_application=open_application)
