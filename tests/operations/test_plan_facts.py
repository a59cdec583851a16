"""The facts of a database rollback's plan: names, exact numbers, and the uncounted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.cli.plan_view import rollback_json, rollback_lines
from core.events import Kind
from core.operations.lost_rows import count_lost_rows
from core.operations.rollback_plan import plan_rollback
from core.operations.table_plans import table_plans
from tests.shop import Shop
from tui.engine.plan_views import plan_view

NOW_S = 1_900_000_000


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory):
    return Shop.make(tmp_path_factory.mktemp("facts") / "shop", server, "facts")


@pytest.fixture(scope="module")
def request_(shop):
    request = shop.back_up((Kind.DB,), strip=("@log",))
    shop.server.run(
        "SET foreign_key_checks = 0; DROP TABLE sales_order; CREATE TABLE extra (id int);"
        "ALTER TABLE core_config_data COMMENT = 'other'; DELETE FROM customer_entity;"
        "DELETE FROM newsletter_subscriber WHERE subscriber_id = 1;"
        "UPDATE newsletter_subscriber SET subscriber_email = 'x' WHERE subscriber_id IN (2, 5);"
        "INSERT INTO newsletter_subscriber VALUES (999999, 1, NULL, 'new');",
        schema=shop.schema,
    )
    return request


def planned(shop, request, **changes):
    plan = plan_rollback(shop.store, replace(request, **changes), environ={}, now_s=NOW_S)
    plan.scratch.cleanup()  # it holds lists of files, and here is none
    return plan


def test_tables_are_named_in_text_json_and_on_the_screen(shop, request_):
    plan = planned(shop, request_)
    said = "\n".join(rollback_lines(plan, NOW_S))
    assert "1 table is missing now and comes back: sales_order" in said
    assert "1 table is defined otherwise now: core_config_data" in said
    assert "1 table is not in the dump and goes aside: extra" in said
    row = json.loads(json.dumps(next(iter(rollback_json(plan)))))["database"]
    assert row["added"] == ["sales_order"]
    assert row["changed"] == ["core_config_data"]
    assert row["set_aside"] == ["extra"]
    view = plan_view(plan).database
    assert view.added_names == ("sales_order",)
    assert view.changed_names == ("core_config_data",)
    assert view.aside_names == ("extra",)


def test_each_table_has_its_state_and_about_how_many_rows_come_or_go(shop, request_):
    plan = planned(shop, request_)
    rows = {one["name"]: one for one in next(iter(rollback_json(plan)))["database"]["table_plans"]}
    then = plan.backups[Kind.DB].manifest.rows
    assert rows["sales_order"]["state"] == "missing"
    assert rows["sales_order"]["rows_added"] == then["sales_order"] > 0
    assert rows["core_config_data"]["state"] == "definition"
    assert (rows["extra"]["state"], rows["extra"]["rows_then"]) == ("extra", None)
    emptied = rows["customer_entity"]
    assert (emptied["state"], emptied["exact"]) == ("changed", True)
    assert emptied["rows_then"] == emptied["rows_added"] == then["customer_entity"]
    assert emptied["rows_now"] == emptied["rows_removed"] == emptied["rows_changed"] == 0
    scattered = rows["newsletter_subscriber"]
    assert tuple(scattered[f"rows_{what}"] for what in ("added", "removed", "changed")) == (1, 1, 2)
    said = "\n".join(rollback_lines(plan, NOW_S, shown=None))
    assert f"    sales_order: +{then['sales_order']}\n" in said
    assert "    newsletter_subscriber: +1, -1, ~2\n" in said
    assert rows["core_config_data"]["rows_changed"] is None  # it is defined otherwise
    assert "    changed rows are not counted in 1 table\n" in said
    whole = "\n".join(rollback_lines(planned(shop, request_, whole=True), NOW_S, shown=None))
    assert "    changed rows are not counted in " in whole
    kept = planned(shop, request_, keep_stripped=True)
    states = {one.name: one.state for one in table_plans(kept.database, then)}
    assert states["cron_schedule"] == "kept"


def test_lost_orders_are_named_by_their_numbers(shop):
    shop.server.run(
        "CREATE TABLE more_sales_order (increment_id varchar(50), created_at timestamp);"
        "INSERT INTO more_sales_order VALUES ('000000042', '2037-01-01 00:00:00'),"
        " (NULL, '2037-01-01 00:00:00'), ('B2B-1', '2037-01-02 00:00:00'),"
        " ('000000001', '2001-01-01 00:00:00');",
        schema=shop.schema,
    )
    try:
        losses = count_lost_rows(replace(shop.settings, table_prefix="more_"), 1_900_000_000)
    finally:
        shop.server.run("DROP TABLE more_sales_order", schema=shop.schema)
    assert (losses.orders, losses.order_numbers) == (3, ("B2B-1", "000000042"))


def test_what_cannot_be_counted_is_no_number(shop, request_):
    plan = planned(shop, request_)
    words = "orders cannot be counted: sales_order is missing"
    (finding,) = [one for one in plan.findings if one.code == "losses-unknown"]
    assert words in finding.message.lower()
    row = next(iter(rollback_json(plan)))["database"]
    assert (row["orders_lost"], row["uncounted"]) == (None, [words])
    assert plan_view(plan).uncounted == (words,)
    assert not any("0 orders" in one.message for one in plan.findings)


def test_orders_of_another_shape_are_not_counted(shop, request_):
    shop.server.run("CREATE TABLE odd_sales_order (id int)", schema=shop.schema)
    try:
        losses = count_lost_rows(replace(shop.settings, table_prefix="odd_"), 0)
    finally:
        shop.server.run("DROP TABLE odd_sales_order", schema=shop.schema)
    orders, customers = losses.uncounted
    assert orders.startswith("orders cannot be counted: ")
    assert "created_at" in orders
    assert customers == "customers cannot be counted: odd_customer_entity is missing"


@pytest.mark.parametrize("known", [True, False])
def test_stripped_tables_are_named_whatever_the_version(shop, request_, known):
    lock = Path(shop.root) / "composer.lock"
    for path in (lock, Path(shop.root) / "composer.json"):
        if not known and path.exists():
            path.rename(f"{path}.away")
    plan = planned(shop, request_)
    (finding,) = [one for one in plan.findings if one.code == "stripped"]
    assert "cron_schedule" in finding.names
    assert "--keep-stripped" in finding.hint
    kept = planned(shop, request_, keep_stripped=True)
    (finding,) = [one for one in kept.findings if one.code == "stripped"]
    assert (finding.level, "keep the present ones" in finding.message) == ("note", True)
    assert "cron_schedule" in kept.database.check.stays
    assert "cron_schedule" not in kept.database.server.replaced
