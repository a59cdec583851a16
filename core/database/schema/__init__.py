"""The contents of a schema, read from the server, and the names of its tables in a swap.

read tables, sequences and foreign keys                       read_tables
read views, triggers, routines and events                     read_objects, definitions
read the definitions that hold now, to make them again        read_definitions
names of tables: live, staged, aside                          names, table_names
names of checks, which are unique in a schema                 check_constraints
defaults that take from a sequence                            sequence_defaults
settings of the session that loads                            load_session
the file that describes a swap                                swap_file
"""
