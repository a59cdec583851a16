"""A database that is shaped like that of a Magento 2 store, computed by the server itself.

The tables are in `schema.sql`, the rows in `rows.sql`; families of tables (EAV values, sequences,
changelogs with their triggers, index tables in memory) are written here. `#` after a quote is the
placeholder of the table prefix.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import Final, Protocol

from msgspec import structs

from core.sample.sizes import ROWS, Size

_UTF8MB4: Final = "utf8mb4 COLLATE=utf8mb4_general_ci"
# Entity, the count of its rows, and how many attributes each row has of each type.
_EAV_ENTITIES: Final = (
    ("catalog_product", "products", 4),
    ("catalog_category", "categories", 2),
    ("customer", "customers", 1),
    ("customer_address", "customers", 1),
)
_EAV_TYPES: Final = (
    (
        "varchar",
        "varchar(255)",
        _UTF8MB4,
        "CONCAT('Value ', LEFT(SHA2(n, 256), 32), ELT(1 + n % 4, '', ' 🛒', 'ü', ''''))",
    ),
    ("int", "int", "utf8mb3", "CAST(CRC32(n + {seed}) AS SIGNED) % 2000000 - 1000000"),
    ("decimal", "decimal(20,6)", "utf8mb3", "CRC32(n + {seed}) % 900000 / 7"),
    (
        "text",
        "mediumtext",
        "utf8mb3",
        "REPEAT(CONCAT('<p>', LEFT(SHA2(n, 256), 32), '; größe</p>\\n'), 1 + n % 12)",
    ),
    ("datetime", "datetime", "utf8mb3", "IF(n % 5, '2020-02-29 12:34:56', '0000-00-00')"),
)
_EAV_TABLE: Final = """
CREATE TABLE `#{entity}_entity_{kind}` (
  `value_id` int NOT NULL AUTO_INCREMENT, `attribute_id` smallint unsigned NOT NULL DEFAULT 0,
  `store_id` smallint unsigned NOT NULL DEFAULT 0, `entity_id` int unsigned NOT NULL DEFAULT 0,
  `value` {column} DEFAULT NULL,
  PRIMARY KEY (`value_id`), KEY `ATTRIBUTE` (`attribute_id`), KEY `STORE` (`store_id`),
  UNIQUE KEY `ENTITY_ATTRIBUTE_STORE` (`entity_id`,`attribute_id`,`store_id`),
  CONSTRAINT `#{entity}_{kind}_ATTRIBUTE` FOREIGN KEY (`attribute_id`)
    REFERENCES `#eav_attribute` (`attribute_id`) ON DELETE CASCADE,
  CONSTRAINT `#{entity}_{kind}_ENTITY` FOREIGN KEY (`entity_id`)
    REFERENCES `#{entity}_entity` (`entity_id`) ON DELETE CASCADE,
  CONSTRAINT `#{entity}_{kind}_STORE` FOREIGN KEY (`store_id`)
    REFERENCES `#store` (`store_id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET={charset};
"""
_EAV_ROWS: Final = """
INSERT INTO `#{entity}_entity_{kind}` (`attribute_id`,`store_id`,`entity_id`,`value`)
SELECT {attribute}, {store}, n, IF(n % 17, {value}, NULL)
FROM `#sample_numbers` WHERE n <= {{{count}}};
"""
_SEQUENCE: Final = """
CREATE TABLE `#sequence_{kind}_{store}` (
  `sequence_value` int unsigned NOT NULL AUTO_INCREMENT, PRIMARY KEY (`sequence_value`)
) ENGINE=InnoDB AUTO_INCREMENT={next} DEFAULT CHARSET=utf8mb3;
INSERT INTO `#sequence_{kind}_{store}` SELECT n FROM `#sample_numbers` WHERE n < {next};
"""
_CHANGELOG: Final = """
CREATE TABLE `#{view}_cl` (
  `version_id` int unsigned NOT NULL AUTO_INCREMENT, `entity_id` int unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`version_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `#{view}_cl` (`entity_id`) SELECT n FROM `#sample_numbers` WHERE n <= 50;
INSERT INTO `#mview_state` (`view_id`,`mode`,`updated`,`version_id`)
  VALUES ('{view}', 'enabled', '2023-05-06 07:08:09', 50);
"""
# View of the scheduled indexer, and the tables whose changes it collects, with their keys.
_CHANGELOGS: Final = (
    (
        "catalog_product_price",
        "catalog_product_entity entity_id, catalog_product_website product_id",
    ),
    ("catalog_product_attribute", "catalog_product_entity_int entity_id"),
    ("catalog_category_product", "catalog_category_entity entity_id"),
    ("catalog_product_category", "catalog_category_product product_id"),
    ("cataloginventory_stock", "cataloginventory_stock_item product_id"),
    (
        "catalogsearch_fulltext",
        "catalog_product_entity_text entity_id, catalog_product_entity_varchar entity_id",
    ),
    ("inventory", "inventory_source_item source_item_id"),
    ("design_config_grid", "core_config_data config_id"),
)
_MEMORY_TABLES: Final = (
    "catalog_product_index_price_tmp",
    "catalog_product_index_eav_tmp",
    "catalog_category_product_index_tmp",
    "cataloginventory_stock_status_tmp",
)
_MEMORY_TABLE: Final = """
CREATE TABLE `#{name}` (
  `entity_id` int unsigned NOT NULL, `store_id` smallint unsigned NOT NULL DEFAULT 0,
  `value` decimal(20,6) DEFAULT NULL, PRIMARY KEY (`entity_id`,`store_id`)
) ENGINE=MEMORY DEFAULT CHARSET=utf8mb3;
INSERT INTO `#{name}` SELECT n, 0, n / 7 FROM `#sample_numbers` WHERE n <= 40;
"""
_VIEW: Final = """
CREATE DEFINER={definer} SQL SECURITY INVOKER VIEW `#inventory_stock_1` AS
SELECT DISTINCT `s`.`product_id` AS `product_id`, `s`.`website_id` AS `website_id`,
  `s`.`stock_id` AS `stock_id`, `s`.`qty` AS `quantity`, `s`.`stock_status` AS `is_salable`,
  `p`.`sku` AS `sku`
FROM `#cataloginventory_stock_status` `s`
JOIN `#catalog_product_entity` `p` ON `s`.`product_id` = `p`.`entity_id`;
"""
# The time is fixed so that default timestamps are repeatable, the zone because Magento writes UTC;
# id 0 is a real row of `store` and others.
_SESSION: Final = """
SET NAMES utf8mb4;
SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', foreign_key_checks = 0;
SET SESSION timestamp = 1683356889;
"""


class SampleServer(Protocol):
    """The part of a server that is needed: running statements in a schema as its administrator."""

    def run(self, statements: str, *, schema: str | None = None) -> str:
        """Run statements; raise when one fails."""


def _resource(name: str) -> str:
    return resources.files("core.sample").joinpath(name).read_text(encoding="utf-8")


def _numbers(count: int) -> str:
    """Return statements that make the table of the numbers 1 to `count`, at least 1,000."""
    doubling = "".join(
        f"INSERT INTO `#sample_numbers` SELECT n + {1 << step} FROM `#sample_numbers`;\n"
        for step in range(max(count - 1, 999).bit_length())
    )
    return (
        "CREATE TABLE `#sample_numbers` (n int NOT NULL PRIMARY KEY) ENGINE=InnoDB;\n"
        "INSERT INTO `#sample_numbers` VALUES (1);\n" + doubling
    )


def _eav() -> str:
    out = []
    for entity, count, attributes in _EAV_ENTITIES:
        for kind, column, charset, value in _EAV_TYPES:
            names = {"entity": entity, "kind": kind, "column": column, "charset": charset}
            out.append(_EAV_TABLE.format(**names))
            out.extend(
                _EAV_ROWS.format(
                    **names, attribute=number + 1, store=number % 2, value=value, count=count
                )
                for number in range(attributes)
            )
    return "".join(out)


def _sequences(orders: int) -> str:
    return "".join(
        _SEQUENCE.format(kind=kind, store=store, next=1 + orders // (3 if store else 30))
        for kind in ("order", "invoice", "creditmemo", "shipment")
        for store in (0, 1)
    )


def _changelogs(definer: str) -> str:
    out = [_CHANGELOG.format(view=view) for view, _ in _CHANGELOGS]
    out.append("DELIMITER ;;\n")
    for view, sources in _CHANGELOGS:
        for source in sources.split(", "):
            table, key = source.split()
            out.extend(
                f"CREATE DEFINER={definer} TRIGGER `#trg_{table}_after_{event.lower()}`\n"
                f"AFTER {event} ON `#{table}` FOR EACH ROW BEGIN\n"
                f"INSERT IGNORE INTO `#{view}_cl` (`entity_id`) VALUES ({row}.`{key}`);\nEND;;\n"
                for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
            )
    return "".join(out) + "DELIMITER ;\n"


def fill_schema(
    server: SampleServer,
    schema: str,
    *,
    size: Size,
    seed: int = 1,
    prefix: str = "",
    username: str = "shop",
) -> None:
    """Make the tables, rows, triggers and the view of a sample in the empty schema `schema`.

    The definer of triggers and view is `username`@localhost, the account of the store, so that
    this account can make them again. The same size, seed and prefix give the same rows.
    """
    counts = structs.asdict(ROWS[size])
    definer = f"`{username}`@`localhost`"
    values = {**counts, "seed": seed, "definer": definer}
    script = "".join(
        (
            _SESSION,
            _numbers(max(*counts.values(), 2 * counts["customers"])),
            _resource("schema.sql"),
            _eav(),
            _resource("rows.sql"),
            _sequences(counts["orders"]),
            "".join(_MEMORY_TABLE.format(name=name) for name in _MEMORY_TABLES),
            _changelogs(definer),
            _VIEW,
            "DROP TABLE `#sample_numbers`;\n",
        )
    )
    filled = re.sub(r"\{(" + "|".join(values) + r")\}", lambda match: str(values[match[1]]), script)
    server.run(re.sub(r"([`'])#", lambda match: match[1] + prefix, filled), schema=schema)
    server.run(_settle(server, schema), schema=schema)


def _settle(server: SampleServer, schema: str) -> str:
    """Return statements that set every AUTO_INCREMENT to the one that follows the last row.

    INSERT … SELECT reserves more numbers than it uses. The server remembers that in memory only
    and shows it in SHOW CREATE TABLE, until it happens to open the table anew: a definition that
    changes by itself, which no comparison of two moments can use.
    """
    answer = server.run(
        "SELECT TABLE_NAME FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = DATABASE() AND EXTRA LIKE '%auto_increment%'",
        schema=schema,
    )
    changes = (f"ALTER TABLE `{name}` AUTO_INCREMENT = 1;\n" for name in answer.split()[1:])
    # MySQL's own mode does not take the zero dates that some columns have as a default.
    return _SESSION + "".join(changes)
