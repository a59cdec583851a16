"""A job is a process of its own: it goes on when the one that started it is gone.

start    make the job's directory; start the runner; wait until it holds the lock    client
run      take the lock; run the operation; write the result                          runner, lock
around   hooks before and after; notifications; metrics                   hooks_and_notifications
record   append each event to the stream                                             stream
watch    read the stream; fold the events into one state                             client, state
list     tell finished, running and interrupted jobs apart                           listing
forget   remove the oldest jobs, but those with an undo                              old_jobs
hold     keep jobs out during a short change by a front end                          exclusive
"""
