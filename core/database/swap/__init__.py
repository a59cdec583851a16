"""Loaded tables become the live ones in one statement, and go back in one.

wait until no other session holds a table
no row goes that tables which stay refer to          guards
RENAME TABLE live TO aside, staged TO live, ...      swap: the commit of the database
before the commit: drop the loaded tables            swap
after the commit: views, triggers, events, keys      after_commit
undo: the aside tables become the live ones again    undo
"""
