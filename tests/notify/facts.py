"""The facts of a job, as receivers get them."""

from __future__ import annotations

START = {
    "type": "Job", "event": "start", "job_id": "j1", "operation": "backup", "kinds": ["media"],
    "store": "shop", "root": "/srv/shop", "host": "web01", "user": "deploy", "note": "",
    "time": "2026-11-27T02:30:00+01:00", "outcome": "", "message": "", "exit_code": 0,
    "elapsed_s": 0.0, "closed_s": 0.0, "size_bytes": 0, "warnings": 0, "backups": [],
}  # fmt: skip
DONE = {
    **START, "event": "success", "outcome": "done", "elapsed_s": 61.5, "size_bytes": 2048,
    "backups": [
        {"kind": "media", "file_name": "1_filesystem_media.tgz", "path": "/x", "size_bytes": 2048,
         "elapsed_s": 1.0}
    ],
}  # fmt: skip
FAILED = {
    **START, "event": "fail", "outcome": "failed", "exit_code": 1,
    "message": 'No space "is left"\nBcc: evil@example.com {x} ${root}',
}  # fmt: skip
