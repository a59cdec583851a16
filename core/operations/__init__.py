"""Operations: the order of the steps of a backup, a rollback, an undo, a discard and a recovery.

backup     close; for each kind: write beside its name, verify, name it; open      backup
rollback   plan; stage; close; recheck; load; swap; commit; go forward; open       rollback
undo       plan; close; swap; commit; go forward; open                             undo
discard    remove the aside trees and tables                                       discard
recovery   by the journal: revert before the commit point, go forward after it     recovery,
           commit_or_revert
drill      load the dump beside, extract a sample, compare, remove                 drill
prune      decide by the rules; delete the sets that go, oldest first              pruning
copy       send a set to a repository; fetch it, or roll back from it              send,
           fetch_set, remote_sources

before     the request; the findings; the changes                                  requests,
           preflight, findings, sources, rollback_plan, undo_plan
each step  files of one kind, or the database, in one protocol                     parts,
           files_part, database_part; rollback_job holds their inputs
tables     compare with the dump, choose, load the differing ones, lock the rest   difference,
           chosen_tables, database_load, early_comparison, kept_tables, undo_tables
memory     the records of the journal; every name in a job's files                 records,
           job_files
"""
