"""The index of a dump: the positions of each table, range of rows and object, and digests.

while the dump is written: note the place of each statement         write_index
lines of one table are kept together in blocks, the directory last  write_index
later: read the directory, then the blocks of one table             read_index
make a smaller dump: the skeleton, and rows of some tables          part_of_dump

An index alone is no evidence: its users compare its checksum with the one in a manifest.
"""
