"""Runs a job of a shop with a runner that writes down its acts, and may die."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.jobs.client import Client

RUNNER = (sys.executable, "-I", str(Path(__file__).with_name("traced_runner.py")), "job:run")


def traced(shop, start, trace, *, dies="", together=False):
    for name in ("cache", "page_cache", "view_preprocessed"):
        os.makedirs(os.path.join(shop.root, "var", name), exist_ok=True)
    environ = {**os.environ, "MAGEREWIND_TRACE": str(trace), "MAGEREWIND_DIES_AFTER": dies or ":0"}
    if together:  # as if there were many files, which are flushed with their file system
        environ["MAGEREWIND_TOGETHER"] = "1"
    client = Client(shop.store, environ=environ, runner=RUNNER)
    job = start(client)
    for _ in client.follow(job.job_id, interval_s=0.02):
        pass
    return client.result_of(job.job_id)
