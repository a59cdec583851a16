"""The live tree: the entries of a selection, and the walk through its directories.

for each directory of the selection, names sorted as bytes:      selection
    leave out entries that Magento, the selection or a mount excludes    selection, mounts
    open each level by its name in the descriptor of the last    open_directories
    yield the entry; note its inode, size and times              stat_records
    translate owners; read extended attributes                   accounts, xattrs
empty a tree that is no longer needed, deepest entries first     remove
tell which changes an open store makes anyway                     ordinary_changes
"""
