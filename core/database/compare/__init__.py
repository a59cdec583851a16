"""Finds live tables that equal a dump: the server is asked, 32 bytes for a megabyte of rows.

the index of the dump: definitions, ranges of keys, digests        core.database.index
other server, other definition, no digest: nothing is "same"       questions
each range of each table, over several connections: count, digest  compare
of the same tables, those whose foreign keys can stay true         choose_kept
staged tables against the index, before the swap                   staged
"""
