"""The plan: an archive compared with the live tree."""
