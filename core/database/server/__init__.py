"""The server: one connection that keeps passwords and translates errors.

from env.php: host, port or socket, ways to encrypt       address
connect; name the server and its version                  connection, dialect
an error code becomes a sentence and a class of error     error_codes
read the rights of the account                            rights
ask how large the schema is                               size
"""
