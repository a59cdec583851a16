"""The dumps of other programs in sql/foreign/, by the names of their files."""

import os
import re

FOREIGN = os.path.join(os.path.dirname(__file__), "sql", "foreign")
# The program that wrote it, in our words.
MAKERS = {
    "adminer": "adminer",
    "heidisql": "heidisql",
    "magento": "magento",
    "mariadb-dump-10.5": "mariadb-dump",
    "mariadb-dump-11.4": "mariadb-dump",
    "mydumper": "",
    "mysqldump-5.7": "mysqldump",
    "mysqldump-8.0-databases": "mysqldump",
    "mysqldump-percona": "mysqldump",
    "n98-magerun2": "mysqldump",
    "phpmyadmin": "phpmyadmin",
    "sequel-ace": "",
    "workbench": "mysqldump",
    "workbench-model": "",
}
# Statements of administrators or of MySQL only, which we pass over and the client does not.
NOT_FOR_THE_CLIENT = re.compile(
    rb"(?m)^SET @@GLOBAL\.GTID_PURGED=[^;]*;|^SET @@SESSION\.SQL_LOG_BIN\s*=[^;]*;"
    rb"|^ALTER DATABASE [^;]*;|^CREATE (DATABASE|SCHEMA) [^;]*;"
)


def text_of(name, schema):
    with open(os.path.join(FOREIGN, f"{name}.sql"), "rb") as file:
        return file.read().replace(b"{schema}", schema.encode())


def plain(portrait, schema):
    """Return it without the name of the schema, which the server keeps where it was written."""
    return {what: repr(one).replace(f"`{schema.schema}`.", "") for what, one in portrait.items()}
