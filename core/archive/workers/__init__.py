"""Processes beside this one that work on batches of a walk."""
