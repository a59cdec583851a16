"""The headless commands: a rendering of the jobs' events.

read the configuration; find the store or stores        configured, stores, all_stores
parse options; refuse those that contradict             parser, options, magento_arguments
find the command; load only its modules                 dispatch, command_table, main
show the plan; ask                         commands, work_commands, backup_view, plan_view
start the job; follow it to its end                     following, interruptions
print lines or JSON                                     console, listing, tables, store_view
look inside, compare, extract                           contents_commands, contents_view
copies elsewhere                                        repository_commands, repository_work, copies
retention and schedules                                 retention_commands, schedule_commands
"""
