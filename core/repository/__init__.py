"""Sets of backups in a repository elsewhere, kept by restic: a program, run with `--json`.

a set       a snapshot for each kind, and one of a manifest that is written last: the commit
send        restic backup of the tree, or of the dump as a stream; then the manifest   sending
list        restic snapshots; a set counts when its manifest and all it names are there   sets
plan        restic ls of the tree, in the order of the walk                            listing
fetch       restic restore of the files that are wanted, nothing else                 fetching
each call   its own limits of time; secrets by file and environment only         restic, calls
from afar   the remembered content of a repository, and its time                         seen

Nothing of restic's format or protocol is known here. The use of a listing in a rollback is in
`core.archive.plan`; the order of things is in `core.operations`.
"""
