"""What the statements of a dump may hold: a grammar of what is allowed, a room for each part."""
