"""A dump is checked and loaded beside the live tables."""
