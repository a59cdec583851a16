"""Accounts: the owner of a store, and the remaining duties of root once the owner does the work."""
