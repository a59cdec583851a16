"""A pool of worker processes: batches of a walk go out, parts of results come back in order.

start a worker where a second core is free and the tree is large     child
walk; cut the names into batches                                     walk_batches
send a batch to the worker that has least; keep one where none can   pool
a worker opens the entries and makes parts of them                   batch_reader
take the parts in the order of the walk; a dead worker's batches
are worked on in this process                                        pool
"""
