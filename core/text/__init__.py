"""Words for people: what command line and application say alike."""
