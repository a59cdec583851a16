"""The application: screens over the client of `core.jobs`. It does no work itself.

app      the application: entry, terminal, the stack of screens, shutdown
screens  one module for each screen; they see the application as `screens.host`
widgets  the few widgets, drawn from values
render   values become lines
engine   the port: questions in threads, the newest answer wins; jobs are followed
"""
