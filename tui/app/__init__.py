"""The application itself: entry, terminal, driver, shutdown."""
