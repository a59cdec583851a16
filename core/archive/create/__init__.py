"""An archive is written from a selection of the live tree.

count the entries beforehand, for estimates                    count
for each part that the worker pool returns, in walk order:     write_archive
    append a segment of small files, compressed by a worker    pack_worker
    or decide here: large files, hard links, files that changed
write the end blocks; return digest, totals and warnings
"""
