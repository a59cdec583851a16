"""A sample store with a private database server, for the demonstration and the tests."""
