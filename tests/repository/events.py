"""The events of the jobs of a shop, as their streams have them."""

import json
import os
from pathlib import Path


def events_of(shop):
    """The events of the newest job."""
    newest = max(os.listdir(shop.store.jobs_directory))
    path = os.path.join(shop.store.jobs_directory, newest, "events.jsonl")
    return [json.loads(line) for line in Path(path).read_bytes().splitlines()]
