"""The screens: each collects the choices of a person, hands them to the engine, renders values.

Home     state of the store, concerns, jobs                   home, home_panels, home_facts
choose   a form for a backup; the sets for a rollback         backup, choosing, backups, inside
plan     the tree of changes; paths to leave out; question    plan, plan_pane, confirm
job      steps, progress, log; follow-ups at its end          job, job_panels, job_log
later    undo, discard, recovery of a dead job                history, deletion, recover, lost_jobs
always   help; a note; a look at a file or a table            help, note, open_inside
"""
