"""The contents of a backup: listed, shown and extracted, without a rollback.

list      members, or tables, from the index                        members, children
show      the bytes of one part                                     members
extract   parts into a directory that is not the store's            members, extract_target
diff      a backup beside the live store                            differences, text_diff, secrets
compare   a directory with the store, by metadata                   compare_directory
page      rows of one table, by number, beside the live ones        table_pages

Each kind of backup answers in the same way (`protocol`). No job runs, nothing of the store is
changed, and the store may be closed, broken or half gone meanwhile.
"""
