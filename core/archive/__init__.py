"""Archives of files, and rollback as a difference between an archive and the live tree.

members     what goes in: selections, ignore lists, the walk
writer      `write_archive`; batches, gathering, crew and packing are its parts
reader      `verify_archive`, `read_members`
difference  `plan_files`: archive against live tree; compare, live and looking are its parts
stage       `stage_files`, `remove_stage`; stages, making and spool are its parts
refresh     `refresh_files`: the second look, with the store closed
swap        `swap_files`, `revert_files`, `remove_aside`, `aside_bytes`
undo        `undo_plan`: the reverse of a finished rollback, for the same swap
plan        `FilePlan`, and the file that it lives in
"""
