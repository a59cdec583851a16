"""The server: connection, address, rights, names of errors."""
