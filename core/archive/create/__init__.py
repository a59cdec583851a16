"""An archive is written from a selection."""
