"""What a schema holds, read from the server, and its names in a swap."""
