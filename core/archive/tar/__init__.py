"""The format of archives: tar members in gzip, read, written and verified."""
