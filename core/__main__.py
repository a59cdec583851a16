"""`python -m core`: the headless commands, without the application.

A job's runner is started as `python -I -m core job:run ID`: isolated, so that no directory of the
store and no PYTHONPATH can put another package in this one's place.
"""

from __future__ import annotations

import sys

from core.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
