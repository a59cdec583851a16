"""A schema is written as one .sql file: complete, of one instant, in parallel.

agree on one instant with all connections              snapshot
note the definitions; watch whether DDL changes them   ddl_watch
write structure                                        script
cut large tables into ranges of their key              row_ranges
for each range, on any connection: rows as INSERTs     read_rows, row_text, writer
leave out rows that are not wanted                     strip
write functions, views, triggers, events               script
definitions changed meanwhile: try again               dump
"""
