"""The order of things: what a backup, a rollback, an undo and a recovery do, step by step."""
