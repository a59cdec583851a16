"""A plan is staged, swapped in and undone."""
