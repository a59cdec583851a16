"""Values as lines of text: pure functions, given a width and the signs of the terminal.

steps, progress and result of a job           job
the plan and its findings                     plan
files that are no backups                     unfinished
a row of a form                               row
words, numbers, signs, clipping               text
"""
