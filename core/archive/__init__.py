"""Archives of files, and rollback as a difference between an archive and the live tree.

tree     what goes in: selections, ignore lists, the walk; what stands in a tree
tar      the format: headers, gzip, the reader; `verify_archive`, `read_members`
workers  processes that share the work on a large tree
create   `write_archive`
plan     `plan_files`: archive against live tree; `FilePlan`, and the file that it lives in
restore  `stage_files`, `refresh_files` (the second look, with the store closed), `swap_files`,
         `revert_files`, `undo_plan`: the reverse of a finished rollback, for the same swap
"""
