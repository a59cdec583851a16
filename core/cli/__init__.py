"""The headless commands: a rendering of the jobs' events.

parse options; refuse those that contradict             parser, options, magento_words
find the command; load only its modules                 dispatch, main
show the plan; ask                                      commands, work_commands, plan_view
start the job; follow it to its end                     following, interruptions
print lines or JSON                                     console, listing, tables, store_view
"""
