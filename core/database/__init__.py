"""The database: dumped, checked, loaded beside, swapped in."""
