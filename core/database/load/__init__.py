"""A dump is checked, twice, and loaded beside the live tables.

without a server: statements allowed, dump complete?           offline_check, dump_check
with the server: rights, collations, space, conflicts          server_check
try every definition, empty, under another name                try_definitions, try_triggers
load into staged tables, rows over several connections         load, row_writers
add keys after the rows                                        keys_after_rows
"""
