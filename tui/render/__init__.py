"""Values as lines of text: pure functions, given a width and the signs of the terminal.

matters that need attention                           concern
facts of the first screen, jobs in columns            facts, days
sets in columns, and one set                          sets, listing, unfinished
a job: words, steps, the whole, verdict, chart, log   job, steps, verdict, chart, log
the plan and its findings                             plan
a row of a form                                       row
words, numbers, signs, clipping                       text
"""
