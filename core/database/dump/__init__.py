"""A schema is written as a dump."""
