"""The headless commands: a rendering of what the jobs say."""
