"""Notifies of a job: a check that expects a call, a webhook, e-mail, Apprise; and metrics.

    for each receiver that wants this event of this operation, side by side, as threads:
        read its secret; send one message; read a bounded answer
    wait for all of them together for nine seconds; the rest is given up
    every failure is one line, without the URL or the password

A receiver never fails a job, nor delays it by more than ten seconds. A message consists of our own
words and values of the job; lines of the job's log are added only where `log_lines` asks for them.
"""
