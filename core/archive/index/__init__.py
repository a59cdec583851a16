"""The index of an archive: the facts of its members, and the position of each.

A block holds the facts of some consecutive members, column by column; it knows in which stretch of
the compressed file they are. Blocks are sorted by the path of their first member.

write:   while packing, a block for each segment                  create.pack_worker, writer
         else from a whole reading                                rebuild_index
read:    the root, one page of it, one block                      reader
contents: inflate the stretch of a member, go to its place        stretches

An index is no evidence: verification, planning and rollback read the archive itself.
"""
