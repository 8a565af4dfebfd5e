"""The well-known sites and help lines that no list may block for children from ten years on."""

from __future__ import annotations

from gateway.household.loading import Product
from gateway.lists.must_resolve import MustResolve, content_categories, parse_must_resolve
from gateway.lists.public_suffixes import public_suffix_check

FILE = "must_resolve.yaml"


def must_resolve(product: Product) -> MustResolve:
    """Return the sites and help lines that no list may block for children from ten years on.

    Raises PolicyError for damaged data.
    """
    data = product.data
    return MustResolve(
        parse_must_resolve(data.place(FILE).read_bytes(), data.name_of(FILE), public_suffix_check()),
        content_categories(product.bands),
        product.help_names,
    )
