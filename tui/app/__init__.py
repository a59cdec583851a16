"""The application itself.

refuse where it cannot be shown; find the store; load the screens     entry, terminal
run; end on a key, a signal or a fault, the job goes on               shutdown, driver
themes, toasts, help, palette                                         base
poll the followed job; push screens; draw what comes back             application
"""
