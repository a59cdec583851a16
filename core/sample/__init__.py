"""A sample store with a private database server, for the demonstration and the tests.

start a server on a socket in a directory of its own                   server
make a tree of Magento's layout; fill a schema of its form             store, tree, database
damage both                                                            damage
compare two moments by checksums of files and tables                   checksums
demo: make, back up, damage, roll back, compare, remove                demo
"""
