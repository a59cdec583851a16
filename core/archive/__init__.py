"""Archives of files, and rollback as a difference between an archive and the live tree.

Four layers, each a package that uses only those below it:

    restore            a plan is staged, swapped in, undone
    create | plan      an archive is written | an archive is compared with the live tree
    tar | workers      the format of archives | processes that share the work
    tree               the walk of the live tree, its mounts, descriptors and attributes

A backup:     create.write_archive(selection, fd)
A rollback:   plan.plan_files(archive, selection) -> FilePlan
              restore.stage_files(plan)         the store is still open
              restore.recheck_files(staged)     the recheck, with the store closed
              restore.swap_files(staged)        renames; restore.revert_files takes them back
An undo:      restore.undo_plan(plan) -> a plan for the same swap
"""
