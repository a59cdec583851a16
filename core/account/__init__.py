"""Accounts: whose store it is, and what is left of root once that account does the work."""
