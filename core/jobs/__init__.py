"""Jobs: processes of their own, with directories, locks, streams, and a client for them."""
