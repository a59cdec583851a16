"""The result of a command that a test has run."""

import json

from msgspec import Struct


class Said(Struct, frozen=True):
    """The output and the exit code of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def rows(self):
        """The JSON values on stdout."""
        return [json.loads(line) for line in self.lines]

    @property
    def objects(self):
        """The JSON values without the one that names the account."""
        return [row for row in self.rows if row["type"] != "WorkingAs"]

    @property
    def problem(self):
        """The complaint and its hint, if any, without the line that names the account."""
        return [line for line in self.err.splitlines() if not line.startswith("Working as ")]
