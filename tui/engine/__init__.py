"""Between the screens and the engine: nothing here waits on the event loop.

a question runs in a thread; its answer comes back as a value         port
the engine's modules are loaded by the first question                 lazy, store_engine
the engine's values become the screens' own         views, backup_views, plan_views
a change of the store's jobs is noticed                               job_watch
how fast a job went, and the end of its log                           pace, log_end
backups are read again, one after the other                           verify_queue
"""
