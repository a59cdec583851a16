"""Rows that a shop has besides the sample's: quotes and letters, narrow numbers, sessions, orders.

Six tables of one kind each, made by the server itself; about 675 MB of dump at full size.
"""

from __future__ import annotations

from core.sample.server import PrivateServer

_DECIMALS = 90
_WORDS = "CONCAT('It''s «', MD5(seq), '» für Zoë, ', seq % 97)"
TABLES = {
    "bench_varchar": (
        1_500_000,
        (
            "value_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,"
            " attribute_id SMALLINT UNSIGNED NOT NULL,"
            " entity_id INT UNSIGNED NOT NULL, value VARCHAR(255),"
            " UNIQUE KEY u (entity_id, attribute_id), KEY a (attribute_id)"
        ),
        f"NULL, 60 + seq % 40, seq DIV 40, {_WORDS}",
    ),
    "bench_int": (
        1_500_000,
        (
            "value_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,"
            " attribute_id SMALLINT UNSIGNED NOT NULL,"
            " entity_id INT UNSIGNED NOT NULL, value INT,"
            " UNIQUE KEY u (entity_id, attribute_id), KEY a (attribute_id)"
        ),
        "NULL, 60 + seq % 40, seq DIV 40, seq % 97",
    ),
    "bench_text": (
        150_000,
        (
            "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, entity_id INT UNSIGNED NOT NULL,"
            " value MEDIUMTEXT, KEY e (entity_id)"
        ),
        f"NULL, seq DIV 4, REPEAT(CONCAT('<p class=\"d\">', {_WORDS}, '</p>\\n'), 12)",
    ),
    "bench_session": (
        80_000,
        (
            "session_id VARCHAR(255) NOT NULL PRIMARY KEY, session_expires INT UNSIGNED NOT NULL,"
            " session_data MEDIUMBLOB NOT NULL"
        ),
        "SHA1(seq), 1700000000 + seq, UNHEX(REPEAT(SHA2(CONCAT('s', seq), 512), 8))",
    ),
    "bench_order": (
        150_000,
        "entity_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, state VARCHAR(32),"
        " increment_id VARCHAR(50), "
        + ", ".join(f"amount_{n} DECIMAL(20,4)" for n in range(_DECIMALS))
        + ", email VARCHAR(128), created_at TIMESTAMP NOT NULL, UNIQUE KEY i (increment_id),"
        " KEY c (created_at), KEY e (email)",
        "NULL, 'complete', LPAD(seq, 9, '0'), "
        + ", ".join("NULL" if n % 3 == 0 else f"seq % {n + 7} + 0.5" for n in range(_DECIMALS))
        + ", CONCAT(MD5(seq), '@example.com'), '2024-01-01' + INTERVAL seq SECOND",
    ),
    "bench_url": (
        500_000,
        (
            "url_rewrite_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
            " request_path VARCHAR(255),"
            " target_path VARCHAR(255), store_id SMALLINT UNSIGNED NOT NULL,"
            " UNIQUE KEY u (request_path, store_id), KEY t (target_path)"
        ),
        (
            "NULL, CONCAT('category-', seq % 97, '/', MD5(seq), '/product-', seq, '.html'),"
            " CONCAT('catalog/product/view/id/', seq, '/category/', seq % 97), 1 + seq % 3"
        ),
    ),
}


def add_varied_rows(
    server: PrivateServer, schema: str, *, share: float, only: str | None = None
) -> None:
    """Add the tables, or one of them, to a schema, with this share of their rows."""
    for name, (rows, columns, select) in TABLES.items():
        if only not in {None, name}:
            continue
        count = max(10, int(rows * share))
        server.run(
            f"CREATE TABLE {name} ({columns}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;"
            "SET unique_checks = 0, sql_mode = '';"
            f"INSERT INTO {name} SELECT {select} FROM seq_1_to_{count}; ANALYZE TABLE {name}",
            schema=schema,
        )


def scatter(server: PrivateServer, schema: str) -> None:
    """Change scattered rows of tables with a tenth of the bytes; one goes missing, one is extra."""
    server.run(
        "UPDATE bench_url SET store_id = store_id + 3 WHERE url_rewrite_id % 100 = 7;"
        "DROP TABLE newsletter_subscriber; CREATE TABLE bench_extra (id int PRIMARY KEY)",
        schema=schema,
    )


def change_all(server: PrivateServer, schema: str) -> None:
    """Change a row of each of the tables, and so all of them."""
    changes = {
        "bench_varchar": "value = 'x' WHERE value_id = 5",
        "bench_int": "value = -1 WHERE value_id = 5",
        "bench_text": "value = 'x' WHERE id = 5",
        "bench_session": "session_expires = 1 LIMIT 1",
        "bench_order": "state = 'new' WHERE entity_id = 5",
        "bench_url": "store_id = 9 WHERE url_rewrite_id = 5",
    }
    server.run(
        ";".join(f"UPDATE {name} SET {change}" for name, change in changes.items()), schema=schema
    )
