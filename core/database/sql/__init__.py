"""The text of SQL: tokens, statements, and which of them are allowed."""
