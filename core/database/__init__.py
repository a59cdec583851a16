"""The database: dumped, checked, loaded beside, swapped in.

Seven layers, each a package that uses only those below it:

    swap         loaded tables become the live ones, and back
    compare      which live tables are as a dump has them
    load | dump  a dump is checked and loaded beside | a schema is written as a dump
    index        the positions of a dump's parts, and the digests of its rows
    schema       definitions of a schema, read from the server, and names of tables in a swap
    sql          the text of statements: the allowed ones, the parts of a table's text
    server       the connection, its address, rights and errors

A backup:     dump.dump_schema(connection, ...)
A rollback:   load.check_dump, load.check_against_server   the store is still open
              load.load_beside       staged tables, beside the live ones
              swap.swap_tables       one RENAME TABLE: the commit of the database
              swap.forward_tables    after the commit: views, triggers, keys
An undo:      swap.undo_tables       the same RENAME backwards
"""
