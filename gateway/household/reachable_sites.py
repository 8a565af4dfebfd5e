"""Finds list entries that block well-known sites for children from ten years on, or help lines."""

from __future__ import annotations

from gateway.household.loading import Product
from gateway.lists.must_resolve import MustResolve, content_categories, parse_must_resolve
from gateway.lists.public_suffixes import public_suffix_check

FILE = "must_resolve.yaml"


def must_resolve(product: Product) -> MustResolve:
    """Return the check for list entries that block a site of must_resolve.yaml, or a help line.

    The sites are checked in lists of the categories that an age group from ten years on restricts, help lines
    in all lists. Raises PolicyError for damaged data.
    """
    data = product.data
    return MustResolve(
        parse_must_resolve(data.place(FILE).read_bytes(), data.name_of(FILE), public_suffix_check()),
        content_categories(product.bands),
        product.help_names,
    )
