"""A plan of files is carried out, and can be reverted at each moment.

stage     make the stage beside the target, in each mount              stages
          write the plan's added and changed entries into it           stage, write_entry
          contents: inflated from the archive, or kept by the plan     contents
          bring all to disk                                            flush
recheck   with the store closed: look for changes since the plan       recheck
swap      for each unit: live entry -> aside, staged entry -> live     swap
revert    the same renames backwards, decided by inodes                swap
undo      a plan whose stage is the aside of a finished rollback       undo
"""
