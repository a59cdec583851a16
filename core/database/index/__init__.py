"""The index of a dump: where each table, range of rows and object stands in it, and its digests.

while the dump is written: note the place of each statement         write_index
lines of one table are kept together in blocks, the directory last  write_index
later: read the directory, then the blocks of one table             read_index

An index vouches for nothing by itself: whoever believes it compares its checksum with a manifest.
"""
