"""The application: screens over the client of `core.jobs`. It does no work itself."""
