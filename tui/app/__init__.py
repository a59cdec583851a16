"""The application itself.

refuse where it cannot be shown; find the store; load the screens     entry, terminal
run; end on a key, a signal or a fault, the job goes on               shutdown, driver
messages, help, palette; the colours and the choice of them           base, themes
show the state of the store in the first row of every screen           bar
poll the followed job; push screens; draw the answers                 application
"""
