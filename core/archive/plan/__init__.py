"""The plan: an archive compared with the live tree, entry by entry, kept in an SQLite file.

for each member of the archive and each live entry, in walk order:  plan_files
    read the live tree ahead                       live_entries, read_ahead_worker
    the same bytes: nothing to do
    else compare type, mode, owner, times and content               compare
    write a row: add, change, remove or mode                        rows, plan_file
    cache small contents: the stage need not inflate them again     cached_contents
group rows into units: the topmost differing entry moves as one     compare
keep rows and facts on disk, in one transaction   plan_file, plan_database, plan_facts
show totals and lines                                               summary
read it back: believe only a plan of this job and this store        plan_location, check
hand the plan of a listing to the job, which need not make it again            handed_plan
"""
