"""The meanings of the exit codes, for the pages of the documentation and of the manual."""

from __future__ import annotations

from typing import Final

EXIT_CODES: Final = (
    ("0", "done; also where it is complete with warnings, unless `--strict` is given"),
    (
        "1",
        (
            "failed, or refused before anything was changed; with `--strict` also for warnings; "
            "or the output could not be written, unless a job was followed, whose code it then is"
        ),
    ),
    ("2", "invalid command line"),
    ("0 to 3", "of `info:store --check`: OK, WARNING, CRITICAL, UNKNOWN"),
    ("3", "a hook `before` failed: the job was stopped before the store was closed"),
    (
        "20",
        (
            "the store was left closed: neither direction could be completed; the message names "
            "the next command"
        ),
    ),
    ("130", "cancelled by Ctrl-C"),
    ("129, 143", "a hang-up or a request to end stopped the watching; the job goes on"),
)
