"""Chooses the tables that are dumped without rows: names, patterns and the groups of `--strip`.

The groups bear the names that administrators know from n98-magerun2, `@log`, `@sessions` and so
on. Patterns are table names without the prefix of the store, in which `*` matches anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from core.errors import UsageError

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "@2fa": ("tfa_user_config", "tfa_user_token*", "msp_tfa_*"),
    "@admin": ("admin_*", "authorization*"),
    "@aggregated": (
        "*_aggregated*",
        "report_viewed_product_*",
        "coupon_aggregated*",
        "rating_option_vote_aggregated",
        "sales_bestsellers_*",
    ),
    "@catalog": ("catalog_product_entity*", "catalog_category_entity*", "url_rewrite"),
    "@customers": (
        "customer_address*",
        "customer_entity*",
        "customer_grid_flat",
        "customer_log",
        "customer_visitor",
        "newsletter_subscriber",
        "persistent_session",
        "product_alert*",
        "vault_payment_token*",
        "wishlist*",
    ),
    "@dotmailer": ("email_*",),
    "@idx": ("*_idx", "*_index_*_tmp", "*_index_*_replica", "*_cl"),
    "@log": (
        "adminnotification_inbox",
        "cron_schedule",
        "customer_log",
        "customer_visitor",
        "queue_lock",
        "queue_message",
        "queue_message_status",
        "report_compared_product_index",
        "report_event",
        "report_viewed_product_index",
        "search_query",
    ),
    "@mailchimp": ("mailchimp_*",),
    "@newrelic_reporting": ("reporting_*",),
    "@oauth": ("oauth_*",),
    "@queue": ("queue_message", "queue_message_status", "queue_lock", "magento_operation"),
    "@quotes": ("quote", "quote_*", "negotiable_quote*"),
    "@replica": ("*_replica",),
    "@sales": (
        "sales_creditmemo*",
        "sales_invoice*",
        "sales_order",
        "sales_order_*",
        "sales_payment_transaction",
        "sales_shipment*",
        "sales_refunded_*",
        "sales_invoiced_*",
        "sales_shipping_*",
        "paypal_*",
        "signifyd_case",
    ),
    "@search": ("catalogsearch_*", "search_query", "search_synonyms"),
    "@sessions": ("core_session", "session", "persistent_session", "admin_user_session"),
    "@stripped": ("@log", "@sessions"),
    "@temp": ("aw_*_tmp", "*_tmp"),
    "@trade": ("@customers", "@sales", "@quotes"),
    "@development": ("@admin", "@customers", "@log", "@oauth", "@sales", "@quotes", "@sessions"),
}
NOTHING_STRIPPED: Final = (
    "nothing-stripped",
    "No table has these names, so the rows of none were left out for them:",
)
"""Code and words of the finding about names that mean no table."""
# Rows with the names of statuses are settings of the store, not its orders.
_KEPT: Final = ("sales_order_status*", "sales_sequence_*")


def resolve(words: Sequence[str], tables: Iterable[str], *, prefix: str = "") -> tuple[str, ...]:
    """Return the tables that `words` (groups, names, patterns) mean, in order of name.

    Raises UsageError for a group that does not exist.
    """
    patterns = tuple(_patterns(words, frozenset()))
    found = []
    for table in sorted(tables):
        name = table.removeprefix(prefix)
        hits = [(pattern, grouped) for pattern, grouped in patterns if fnmatchcase(name, pattern)]
        kept = any(fnmatchcase(name, pattern) for pattern in _KEPT)
        if any(not (kept and grouped) for _, grouped in hits):
            found.append(table)
    return tuple(found)


def unmatched(words: Sequence[str], tables: Iterable[str], *, prefix: str = "") -> tuple[str, ...]:
    """Return the names and patterns among `words` that mean no table: most likely misspelt.

    A group may well mean none, since it is there for extensions too.
    """
    names = [table.removeprefix(prefix) for table in tables]
    return tuple(
        word
        for word in words
        if not word.startswith("@") and not any(fnmatchcase(name, word) for name in names)
    )


def _patterns(words: Iterable[str], seen: frozenset[str]) -> Iterable[tuple[str, bool]]:
    """Yield patterns, and whether each comes from a group."""
    for word in words:
        if not word.startswith("@"):
            yield word, bool(seen)
            continue
        if word not in GROUPS:
            known = " ".join(sorted(GROUPS))
            raise UsageError(f"There is no group of tables '{word}'.", hint=f"Groups: {known}")
        if word not in seen:
            yield from _patterns(GROUPS[word], seen | {word})
