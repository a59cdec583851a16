"""An update that goes wrong: the damage that the demonstration does to its own sample store."""

from __future__ import annotations

import os
import shutil

from core.database.server.connection import connect
from core.magento.settings import DatabaseConnection


def damage_files(root: str) -> tuple[str, ...]:
    """Delete, change and add files of code and media; return a line for each thing done."""
    modules = os.path.join(root, "vendor/magento")
    first, second, *_ = sorted(os.listdir(modules))
    shutil.rmtree(os.path.join(modules, first))
    os.rename(os.path.join(modules, second), os.path.join(modules, f"{second}-broken"))
    with open(os.path.join(root, "app/etc/config.php"), "ab") as out:
        out.write(b"<?php exit('half an update');\n")
    os.chmod(os.path.join(root, "bin/magento"), 0o644)
    with open(os.path.join(root, "pub/left-over.php"), "wb") as out:
        out.write(b"<?php\n")
    shutil.rmtree(os.path.join(root, "pub/media/catalog/product/cache"))
    with open(os.path.join(root, "pub/media/wysiwyg/banner one.jpg"), "r+b") as out:
        out.truncate(100)
    return (
        f"deleted vendor/magento/{first}",
        f"renamed vendor/magento/{second}",
        "broke app/etc/config.php, made bin/magento not executable",
        "left pub/left-over.php behind",
        "deleted the cache of pictures, cut a banner in pub/media",
    )


def damage_schema(settings: DatabaseConnection) -> tuple[str, ...]:
    """Change and delete rows, drop and add tables; return a line for each thing done."""
    prefix = settings.table_prefix
    with connect(settings) as connection:
        connection.execute("SET SESSION foreign_key_checks = 0")
        changed = connection.execute(f"UPDATE `{prefix}catalog_product_entity` SET sku = entity_id")
        deleted = connection.execute(f"DELETE FROM `{prefix}sales_order` WHERE entity_id > 10")
        connection.execute(f"DROP TABLE `{prefix}sales_order_item`")
        connection.execute(f"DROP VIEW `{prefix}inventory_stock_1`")
        connection.execute(f"ALTER TABLE `{prefix}quote` DROP COLUMN customer_note")
        connection.execute(f"CREATE TABLE `{prefix}half_an_update` (a INT)")
    return (
        f"changed the sku of {changed} products, deleted {deleted} orders",
        "dropped the table sales_order_item and the view inventory_stock_1",
        "dropped a column of quote, added a table half_an_update",
    )
